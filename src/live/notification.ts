import type { Settable } from './rules.ts'
import { renderTime } from './wording.ts'

export type Notification = {
  enabled: boolean
  audience?: 'confirmed_subscribers'
  title?: string
  body?: string
  timeZone?: string
}

/** Zones besides the one asked for, so that an approver sees how the hour reads elsewhere. */
const SAMPLE_ZONES = ['America/New_York', 'Europe/Berlin']

/** The copy that would go out and how the start reads in three zones; undefined when none was asked for. */
export function notificationDetails(
  input: Notification | undefined,
  next: Pick<Settable, 'title' | 'startsAt' | 'timeZone'>,
) {
  if (!input?.enabled) return undefined
  const timeZone = input.timeZone ?? next.timeZone
  const when = next.startsAt ? renderTime(next.startsAt, timeZone, true) : 'a time to be announced'
  const copy = {
    audience: input.audience ?? ('confirmed_subscribers' as const),
    title: input.title ?? next.title,
    body: input.body ?? `${next.title} starts ${when}.`,
    timeZone,
  }
  const zones = [timeZone, ...SAMPLE_ZONES.filter((zone) => zone !== timeZone)].slice(0, 3)
  return {
    copy,
    renderedStart: zones.map((zone) => ({
      timeZone: zone,
      text: next.startsAt ? renderTime(next.startsAt, zone, true) : null,
      utcOffset: next.startsAt ? utcOffset(next.startsAt, zone) : null,
    })),
    delivery: { status: 'not-delivered', detail: NOT_DELIVERED },
  }
}

export const NOT_DELIVERED =
  'This release previews the copy and records it with the write; it does not deliver it to followers yet.'

export const audienceNotes = (): string[] => [NOT_DELIVERED]

/** Offset of a zone at that instant, as `UTC-7` or `UTC+5:30`: that of the event's date, not of today. */
function utcOffset(instant: Date, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'shortOffset' }).formatToParts(
    instant,
  )
  return (parts.find((part) => part.type === 'timeZoneName')?.value ?? 'GMT').replace('GMT', 'UTC')
}
