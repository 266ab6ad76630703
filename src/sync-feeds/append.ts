import type { Queryable } from '../db/pool.ts'
import { insertBatch, insertEntries, lockKeys } from './append-store.ts'
import { allowed } from './records.ts'
import { type FeedEntry, type FeedId, lastOfKeys } from './rules.ts'

export type { FeedEntry, FeedId } from './rules.ts'
export { feedLog } from './rules.ts'

/**
 * Appends entries to a feed of an organisation, in the open transaction: readers get them once it is committed and
 * nothing can come before them any more. Data of null is a tombstone. Writers of one key wait for each other until they
 * end, so the last entry of a key is what was written last. Of several entries of one key the last one counts. Types and
 * what their data may hold are in records.ts; other members are dropped, and an unknown type throws.
 *
 * `ctx.touched.add(feedLog(feed))` makes followers look at once; without it they do within two seconds.
 */
export async function appendToFeed(
  tx: Queryable,
  { org, feed, entries }: { org: string; feed: FeedId; entries: readonly FeedEntry[] },
): Promise<void> {
  const distinct = lastOfKeys(entries).map((entry) => allowed(feed, entry))
  if (distinct.length === 0) return
  await lockKeys(
    tx,
    org,
    feed,
    distinct.map(({ key }) => key),
  )
  await insertEntries(tx, org, feed, distinct)
}

/** How many entries one row holds: a reader parses a row whole. */
const BATCH = 500

/**
 * The same for many entries at a time, which are stored as one row for up to 500 of them: for feeds of bulk writes, whose
 * writers hold the rows of these keys locked until they end and have written them in this transaction before. They are
 * kept for a time and not compacted by key.
 */
export async function appendBatchToFeed(
  tx: Queryable,
  {
    org,
    feed,
    entries,
    at,
  }: { org: string; feed: FeedId; entries: readonly Omit<FeedEntry, 'at'>[]; at: Date },
): Promise<void> {
  for (let from = 0; from < entries.length; from += BATCH) {
    const batch = entries.slice(from, from + BATCH).map((entry) => allowed(feed, entry))
    await insertBatch(tx, org, feed, { entries: batch, at })
  }
}
