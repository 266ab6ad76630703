import { type Html, html } from './html.ts'

const FORMAT = new Intl.DateTimeFormat('en-US', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })
const MINUTE_MS = 60_000

/** An instant for people: in UTC, since a page without script does not know the reader's zone, and how far it is. */
export const moment = (iso: string, now: Date): Html =>
  html`<time datetime="${iso}">${FORMAT.format(new Date(iso)).replaceAll('\u202f', ' ')} UTC</time> (${distance(new Date(iso), now)})`

/** `in 1 hour 29 minutes`, `3 days ago`: the two largest units, rounded down. */
export function distance(instant: Date, now: Date): string {
  const minutes = Math.floor(Math.abs(instant.getTime() - now.getTime()) / MINUTE_MS)
  if (minutes === 0) return instant > now ? 'in less than a minute' : 'just now'
  const parts = [
    counted(Math.floor(minutes / 1440), 'day'),
    counted(Math.floor(minutes / 60) % 24, 'hour'),
    counted(minutes % 60, 'minute'),
  ]
  const first = parts.findIndex((part) => part !== '')
  const words = parts
    .slice(first, first + 2)
    .filter(Boolean)
    .join(' ')
  return instant > now ? `in ${words}` : `${words} ago`
}

const counted = (count: number, unit: string): string =>
  count === 0 ? '' : `${count} ${unit}${count === 1 ? '' : 's'}`
