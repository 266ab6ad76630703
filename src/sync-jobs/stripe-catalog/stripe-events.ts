import type { StripeAccess } from '../../stripe/client.ts'
import { StripeFailure } from '../../stripe/failures.ts'
import type { StripeEvent } from '../../stripe/objects.ts'
import { PAGE_LIMIT, readEvents } from '../../stripe/pages.ts'
import type { Source, SourceRecord } from '../engine/definition.ts'
import { PRICE, PRODUCT } from './sides.ts'
import { priceRecord, productRecord } from './stripe-side.ts'

/** A walk from the newest event back to `since`; `newest` is what the watermark moves to once it has got there. */
type Walk = { since: Date; newest: Date | null; after: string | null }

const seconds = (date: Date): number => Math.floor(date.getTime() / 1000)
const cursorOf = ({ since, newest, after }: Walk): string =>
  `events:${seconds(since)}:${newest ? seconds(newest) : ''}:${after}`

function walkOf(cursor: string | null, since: Date): Walk {
  const [, from, newest, after] = /^events:(\d+):(\d*):(evt_\w+)$/.exec(cursor ?? '') ?? []
  if (from === undefined || after === undefined) return { since, newest: null, after: null }
  return {
    since: new Date(Number(from) * 1000),
    newest: newest ? new Date(Number(newest) * 1000) : null,
    after,
  }
}

/**
 * Changes of prices and products since then, newest first. A page ends where a second ends, and of the changes of one
 * object it has the newest: so what comes later in the walk is older by its time, and never overwrites.
 */
export const eventsSource = (access: StripeAccess, since: Date): Source => ({
  id: 'stripe-events',
  complete: false,
  sourceKinds: [PRICE, PRODUCT],
  async read(cursor, limit, signal) {
    const walk = walkOf(cursor, since)
    const { events, next } = await wholeSeconds(access, walk, Math.min(limit, PAGE_LIMIT), signal)
    const newest = walk.newest ?? events[0]?.createdAt ?? null
    const records = newestOfEach(events)
    if (next !== null) return { records, next: cursorOf({ ...walk, newest, after: next }) }
    return { records, next: null, highWatermark: newest ?? walk.since }
  },
})

async function wholeSeconds(access: StripeAccess, walk: Walk, limit: number, signal: AbortSignal) {
  const events: StripeEvent[] = []
  let startingAfter = walk.after
  for (;;) {
    const page = await pageOf(access, { ...walk, after: startingAfter }, limit, signal)
    events.push(...page.items)
    startingAfter = page.next
    if (startingAfter === null) return { events, next: null }
    const at = lastWholeSecond(events)
    // Stripe takes 100 changes a second, so a few pages end any second
    if (at > 0) return { events: events.slice(0, at), next: events[at - 1]?.id as string }
  }
}

/** How many of these events come before the second of the last one. */
function lastWholeSecond(events: readonly StripeEvent[]): number {
  const last = seconds(events.at(-1)?.createdAt as Date)
  return events.findIndex(({ createdAt }) => seconds(createdAt) === last)
}

/** Where the event to go on behind is kept no longer, the walk begins again. */
async function pageOf(access: StripeAccess, { since, after }: Walk, limit: number, signal: AbortSignal) {
  try {
    return await readEvents(access, { since, startingAfter: after, limit }, signal)
  } catch (error) {
    if (after === null || !(error instanceof StripeFailure) || error.kind !== 'not-found') throw error
    return readEvents(access, { since, limit }, signal)
  }
}

function newestOfEach(events: readonly StripeEvent[]): SourceRecord[] {
  const records = new Map<string, SourceRecord>()
  for (const event of events) {
    const record = recordOf(event)
    if (record && !records.has(record.key)) records.set(record.key, record)
  }
  return [...records.values()]
}

function recordOf({ object, createdAt, deleted }: StripeEvent): SourceRecord | null {
  if (!object) return null
  const record =
    object.kind === 'price' ? priceRecord(object.price, createdAt) : productRecord(object.product, createdAt)
  return deleted ? { ...record, deleted: true } : record
}
