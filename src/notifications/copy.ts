import { renderTime } from '../live/wording.ts'

/** Stands in a body for the start of the event, which each follower reads in the own zone. */
export const START = '{start}'

export type Copy = { title: string; body: string; startsAt: Date | null }

/** Offset of a zone at that instant, as `UTC-7` or `UTC+5:30`: that of the event's date, not of today. */
export function utcOffset(instant: Date, timeZone: string): string {
  const parts = offsetFormat(timeZone).formatToParts(instant)
  return (parts.find((part) => part.type === 'timeZoneName')?.value ?? 'GMT').replace('GMT', 'UTC')
}

const formatters = new Map<string, Intl.DateTimeFormat>()

function offsetFormat(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'shortOffset' })
  formatters.set(timeZone, made)
  return made
}

/** `Wednesday, May 20, 2026, 7:30 PM (UTC-7)`. */
export function startIn(startsAt: Date | null, timeZone: string): string {
  if (!startsAt) return 'at a time to be announced'
  const time = renderTime(startsAt, timeZone, true)
  return timeZone === 'UTC' ? time : `${time} (${utcOffset(startsAt, timeZone)})`
}

/** What a follower in that zone reads. A body that does not say where the start is to stand gets it at its end. */
export function bodyIn({ body, startsAt }: Pick<Copy, 'body' | 'startsAt'>, timeZone: string): string {
  const start = startIn(startsAt, timeZone)
  if (body.includes(START)) return body.replaceAll(START, () => start)
  return startsAt ? `${body} Starts ${start}.` : body
}
