import sql from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'
import type { FeedEntry, FeedId } from './rules.ts'

/**
 * Waits for whoever else writes these keys, and gives the transaction its number, until it ends. In buckets, so that a
 * large batch does not fill the server's table of locks, and in one order, so that two batches never wait for each other.
 */
export async function lockKeys(
  tx: Queryable,
  org: string,
  feed: FeedId,
  keys: readonly string[],
): Promise<void> {
  await tx.query(sql`
    SELECT pg_current_xact_id(), pg_advisory_xact_lock(hashtextextended(${`feed/${org}/${feed}`}, b.bucket))
      FROM (SELECT DISTINCT hashtextextended(k.key, 0) & ${BUCKETS - 1}::bigint AS bucket
              FROM unnest(${keys as string[]}::text[]) AS k (key) ORDER BY 1 OFFSET 0) b`)
}

const BUCKETS = 512

/**
 * The place of what is written now: after everything that had completed, so after whoever wrote these keys before us,
 * even where that was a transaction with a higher number than ours.
 */
const here = sql`greatest(pg_current_xact_id(), (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text::xid8)`

/** Later than every time that readers were told is complete. Claims have whole milliseconds. */
const afterClaims = sql`(SELECT claimed_at + interval '1 millisecond' FROM feed_clock)`

/**
 * Appends entries of distinct keys. The statement's snapshot must be younger than the transaction's number and than the
 * locks of the keys, so `lockKeys` goes before it. Times of a key rise strictly.
 */
export async function insertEntries(
  tx: Queryable,
  org: string,
  feed: FeedId,
  entries: readonly FeedEntry[],
): Promise<void> {
  await tx.query(sql`
    INSERT INTO feed_entries (org, feed, xid, key, type, data, updated_at)
    SELECT ${org}, ${feed}, ${here}, e.key, e.type, nullif(e.data, 'null'),
           greatest(e.at, ${afterClaims}, l.updated_at + interval '1 millisecond')
      FROM jsonb_to_recordset(${JSON.stringify(entries)}::jsonb) AS e (key text, type text, data jsonb, at timestamptz)
      LEFT JOIN LATERAL (SELECT f.updated_at FROM feed_entries f
                          WHERE f.org = ${org} AND f.feed = ${feed} AND f.key = e.key
                          ORDER BY f.xid DESC, f.seq DESC LIMIT 1) l ON true`)
}

/** Appends many entries as one row. The caller holds locks of its own on the keys, and has written in the transaction. */
export async function insertBatch(
  tx: Queryable,
  org: string,
  feed: FeedId,
  { entries, at }: { entries: readonly Omit<FeedEntry, 'at'>[]; at: Date },
): Promise<void> {
  await tx.query(sql`
    INSERT INTO feed_entries (org, feed, xid, type, data, size, updated_at)
    SELECT ${org}, ${feed}, ${here}, 'batch', ${JSON.stringify(entries)}::jsonb, ${entries.length},
           greatest(${at}::timestamptz, ${afterClaims})`)
}
