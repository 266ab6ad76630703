import type { PlanChange } from '../operation/plan.ts'
import { comparable, type EventStatus, isSecretField, type NextStatus, type Settable } from './rules.ts'

/** How changes of events read to people: labels, times, confirmation texts. What may happen is in rules.ts. */

const LABELS: Partial<Record<keyof Settable | 'status', string>> = {
  startsAt: 'start time',
  endsAt: 'end time',
  timeZone: 'time zone',
  chatEnabled: 'live chat',
  subscriberOnly: 'subscribers only',
  communityChannelId: 'community channel',
  streamProvider: 'stream provider',
}
const label = (field: keyof Settable): string =>
  LABELS[field] ??
  field
    .replace(/([A-Z])/g, ' $1')
    .toLowerCase()
    .replace(/ id$/, '')
    .replace(/ url$/, ' link')

const shown = (field: keyof Settable, value: unknown): PlanChange['before'] =>
  isSecretField(field) ? (value === null ? 'not set' : 'set') : (comparable(value) as PlanChange['before'])

/** An instant as people read it in the event's zone. */
const readable = (value: unknown, timeZone: string): string =>
  value instanceof Date ? `${renderTime(value, timeZone, true)} (${timeZone})` : 'not set'

/** Rows of the before/after table. A changed secret reads `set (changed)`; instants also in the event's zone. */
export function planChanges(
  before: Settable | null,
  next: Settable,
  fields: readonly (keyof Settable)[],
): PlanChange[] {
  return fields.map((field) => {
    const after = shown(field, next[field])
    const was = before ? shown(field, before[field]) : null
    const isInstant = next[field] instanceof Date || before?.[field] instanceof Date
    return {
      op: before ? 'update' : 'create',
      pointer: `/${field}`,
      label: label(field),
      before: was,
      after: isSecretField(field) && was === 'set' && after === 'set' ? 'set (changed)' : after,
      ...(isInstant
        ? {
            shown: {
              before: readable(before?.[field], (before ?? next).timeZone),
              after: readable(next[field], next.timeZone),
            },
          }
        : {}),
    }
  })
}

const FORMATS = {
  clock: ['en-US', { hour: 'numeric', minute: '2-digit' }],
  date: ['en-US', { weekday: 'long', month: 'long', day: 'numeric', year: 'numeric' }],
  day: ['en-CA', { year: 'numeric', month: '2-digit', day: '2-digit' }],
} as const satisfies Record<string, [string, Intl.DateTimeFormatOptions]>

const formatters = new Map<string, Intl.DateTimeFormat>()

/** Formats an instant in a zone. Formatters are kept: making one takes longer than the rest of a plan (12 % of it). */
function format(kind: keyof typeof FORMATS, instant: Date, timeZone: string): string {
  const key = `${kind} ${timeZone}`
  let formatter = formatters.get(key)
  if (!formatter) {
    const [locale, options] = FORMATS[kind]
    formatter = new Intl.DateTimeFormat(locale, { ...options, timeZone })
    formatters.set(key, formatter)
  }
  return formatter.format(instant)
}

/** "7:30 PM", with its date where that is needed; the zone is named only where the event has none of its own. */
export function renderTime(instant: Date, timeZone: string, withDate: boolean): string {
  const time = format('clock', instant, timeZone).replace(/\u202f/g, ' ')
  const clock = `${time}${timeZone === 'UTC' ? ' UTC' : ''}`
  return withDate ? `${format('date', instant, timeZone)}, ${clock}` : clock
}

/** The day of an instant in a zone, as YYYY-MM-DD. */
export const localDay = (instant: Date, timeZone: string): string => format('day', instant, timeZone)

/** How one changed field reads in a confirmation. */
function phrase(field: keyof Settable, before: Settable | null, next: Settable): string {
  const value = next[field]
  if (field === 'startsAt' && next.startsAt) return startPhrase(before, next)
  if (value === null) return `no ${label(field)}`
  if (value instanceof Date) return `${label(field)} ${renderTime(value, next.timeZone, true)}`
  if (typeof value === 'boolean') return `${label(field)} ${value ? 'on' : 'off'}`
  if (isSecretField(field) || field === 'description') return `a new ${label(field)}`
  return field === 'title' ? `title “${value}”` : `${label(field)} ${value}`
}

function startPhrase(before: Settable | null, next: Settable): string {
  const start = next.startsAt as Date
  const sameDay =
    before?.startsAt &&
    before.timeZone === next.timeZone &&
    localDay(before.startsAt, next.timeZone) === localDay(start, next.timeZone)
  return renderTime(start, next.timeZone, !sameDay)
}

const joined = (parts: readonly string[]): string =>
  parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`

/** `I confirm updating <title> to <value>.` names every field that changes. */
export function updateText(
  before: Settable,
  next: Settable,
  fields: readonly (keyof Settable)[],
  notify: boolean,
): string {
  const ordered = [...fields].sort((a, b) => Number(b === 'startsAt') - Number(a === 'startsAt'))
  const parts = ordered.map((field) => phrase(field, before, next))
  if (notify) parts.push('notified followers')
  return `I confirm updating ${before.title} to ${joined(parts) || 'what it is'}.`
}

export function updateSummary(before: Settable, next: Settable, fields: readonly (keyof Settable)[]): string {
  const others = fields.filter((field) => field !== 'startsAt')
  const moved = fields.includes('startsAt') && before.startsAt && next.startsAt
  if (!moved)
    return fields.length === 0
      ? `Leave ${before.title} as it is.`
      : `Update ${joined(fields.map(label))} of ${before.title}.`
  const sameDay =
    localDay(before.startsAt as Date, next.timeZone) === localDay(next.startsAt as Date, next.timeZone)
  const from = renderTime(before.startsAt as Date, before.timeZone, !sameDay)
  const to = renderTime(next.startsAt as Date, next.timeZone, !sameDay)
  return `Move ${before.title} from ${from} to ${to}${others.length > 0 ? ` and update ${joined(others.map(label))}` : ''}.`
}

export function createText(next: Settable, status: EventStatus, notify: boolean): string {
  const when = next.startsAt ? renderTime(next.startsAt, next.timeZone, true) : 'no start time'
  return `I confirm creating ${next.title} to ${when} as ${status}${notify ? ' and notifying followers' : ''}.`
}

const DOING: Record<NextStatus, string> = {
  scheduled: 'restoring',
  live: 'taking',
  ended: 'moving',
  cancelled: 'moving',
}
export const statusText = (title: string, next: NextStatus): string =>
  `I confirm ${DOING[next]} ${title} to ${next}.`
