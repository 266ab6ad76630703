import { renderTime } from '../live/wording.ts'
import type { PlanChange } from '../operation/plan.ts'
import { type Participant, ROOM_SECRETS, type RosterChange, type Settable } from './rules.ts'

/** How changes of embedded rooms read to people: labels, times, confirmation texts. What may happen is in rules.ts. */

const LABELS: Record<keyof Settable, string> = {
  title: 'title',
  description: 'description',
  status: 'status',
  access: 'access',
  startsAt: 'start time',
  endsAt: 'end time',
  timeZone: 'time zone',
  eventId: 'live event',
  mediaProvider: 'media provider',
  mediaRoomId: 'media room',
  mediaPresetName: 'media preset',
  mediaJoinUrl: 'media link',
}

export const isSecretField = (field: string): boolean => (ROOM_SECRETS as readonly string[]).includes(field)

const shown = (field: keyof Settable, value: unknown): PlanChange['before'] => {
  if (isSecretField(field)) return value === null ? 'not set' : 'set'
  return value instanceof Date ? value.toISOString() : ((value ?? null) as PlanChange['before'])
}

const readable = (value: unknown, timeZone: string): string =>
  value instanceof Date ? `${renderTime(value, timeZone, true)} (${timeZone})` : 'not set'

/** Rows of the before/after table. A changed secret reads `set (changed)`; instants also in the room's zone. */
export const roomChanges = (
  before: Settable | null,
  next: Settable,
  fields: readonly (keyof Settable)[],
): PlanChange[] =>
  fields.map((field) => {
    const was = before ? shown(field, before[field]) : null
    const after = shown(field, next[field])
    const isInstant = next[field] instanceof Date || before?.[field] instanceof Date
    return {
      op: before ? 'update' : 'create',
      pointer: `/${field}`,
      label: LABELS[field],
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

/** How one changed field reads in a confirmation. */
function phrase(field: keyof Settable, next: Settable): string {
  const value = next[field]
  if (value === null) return `no ${LABELS[field]}`
  if (value instanceof Date) return `${LABELS[field]} ${renderTime(value, next.timeZone, true)}`
  if (isSecretField(field) || field === 'description') return `a new ${LABELS[field]}`
  return field === 'title' ? `title “${value}”` : `${LABELS[field]} ${value}`
}

const joined = (parts: readonly string[]): string =>
  parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`

/** `I confirm updating <title> to <value>.` names every field that changes. */
export const roomUpdateText = (
  before: Settable,
  next: Settable,
  fields: readonly (keyof Settable)[],
): string =>
  `I confirm updating ${before.title} to ${joined(fields.map((field) => phrase(field, next))) || 'what it is'}.`

export const roomUpdateSummary = (before: Settable, fields: readonly (keyof Settable)[]): string =>
  fields.length === 0
    ? `Leave ${before.title} as it is.`
    : `Update ${joined(fields.map((field) => LABELS[field]))} of ${before.title}.`

export function roomCreateText(next: Settable): string {
  const when = next.startsAt ? renderTime(next.startsAt, next.timeZone, true) : 'no start time'
  return `I confirm creating ${next.title} to ${when} as ${next.status}, open by ${next.access}.`
}

type Entry = Pick<Participant, 'email' | 'displayName' | 'role' | 'status'>

/** `I confirm <doing> <person> in <room> to <role and status>.` */
export function rosterText(roomTitle: string, next: Entry, change: RosterChange): string {
  const who = `${next.displayName} (${next.email})`
  if (change === 'participant_remove') return `I confirm moving ${who} in ${roomTitle} to removed.`
  const doing = { participant_invite: 'adding', participant_restore: 'restoring' }[change as string]
  return `I confirm ${doing ?? 'changing'} ${who} in ${roomTitle} to ${next.role}, ${next.status}.`
}

const CHANGE_SUMMARY: Record<RosterChange, string> = {
  participant_invite: 'Add',
  participant_remove: 'Remove',
  participant_restore: 'Restore',
  participant_role_change: 'Change the role of',
  participant_update: 'Update',
}
export const rosterSummary = (roomTitle: string, next: Entry, change: RosterChange): string =>
  `${CHANGE_SUMMARY[change]} ${next.displayName} in ${roomTitle}: ${next.role}, ${next.status}.`

const ROSTER_FIELDS = ['displayName', 'role', 'status'] as const

export const rosterChanges = (before: Entry | undefined, next: Entry): PlanChange[] =>
  ROSTER_FIELDS.filter((field) => before?.[field] !== next[field]).map((field) => ({
    op: before ? 'update' : 'create',
    pointer: `/${field}`,
    label: field === 'displayName' ? 'name' : field,
    before: before?.[field] ?? null,
    after: next[field],
  }))
