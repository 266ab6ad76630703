import sql from 'sql-template-tag'
import type { ReadHeads } from '../db/log-feed.ts'
import type { Queryable } from '../db/pool.ts'
import type { FeedEntry, FeedId, Position } from './rules.ts'

/** The last entry of each feed that no transaction holds back; what is ordered after it is not served yet. */
export const listFeedHeads: ReadHeads = (db, logs) =>
  db.query(sql`
    SELECT k.org, k.id, f.seq AS "lastSequence"
      FROM unnest(${logs.map((k) => k.org)}::text[], ${logs.map((k) => k.id)}::text[]) AS k (org, id)
     CROSS JOIN LATERAL (SELECT e.seq FROM feed_entries e
                          WHERE e.org = k.org AND e.feed = k.id
                            AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
                          ORDER BY e.xid DESC, e.seq DESC LIMIT 1) f`)

/** A row of a feed: one entry, or without a key a batch of them. */
export type FeedRow = {
  xid: string
  seq: number
  key: string | null
  type: string
  data: object | null
  updatedAt: Date
}
export type BatchData = readonly Omit<FeedEntry, 'at'>[]

export type FeedState = {
  /** The seal is in this database, as far as this process moved it. */
  isKnown: boolean
  /** Committed entries of the feed wait beyond it. */
  isBeyond: boolean
  /** Something that a reader at `after` had not seen was removed. */
  isBelowFloor: boolean
}

export async function stateOf(
  db: Queryable,
  org: string,
  feed: FeedId,
  { id, horizon, after }: { id: string; horizon: string; after: Position },
): Promise<FeedState> {
  const [row] = await db.query<FeedState>(sql`
    SELECT EXISTS (SELECT FROM feed_seals WHERE id = ${id} AND horizon >= ${horizon}::xid8) AS "isKnown",
           EXISTS (SELECT FROM feed_entries
                    WHERE org = ${org} AND feed = ${feed} AND xid >= ${horizon}::xid8) AS "isBeyond",
           EXISTS (SELECT FROM feed_floors
                    WHERE org = ${org} AND feed = ${feed} AND (xid, seq) > (${after.xid}::xid8, ${lastWhole(after)}))
             AS "isBelowFloor"`)
  return row as FeedState
}

/** Rows after a position and below the horizon, in order, as many as hold more than `limit` entries. */
export async function rowsAfter(
  db: Queryable,
  org: string,
  feed: FeedId,
  { after, horizon, limit }: { after: Position; horizon: string; limit: number },
): Promise<FeedRow[]> {
  return db.query<FeedRow>(sql`
    SELECT e.xid::text, e.seq, e.key, e.type, e.data, e.updated_at AS "updatedAt"
      FROM (SELECT p.xid, p.seq, sum(p.size) OVER (ORDER BY p.xid, p.seq) - p.size AS before
              FROM (SELECT xid, seq, size FROM feed_entries
                     WHERE org = ${org} AND feed = ${feed} AND (xid, seq) > (${after.xid}::xid8, ${lastWhole(after)})
                       AND xid < ${horizon}::xid8
                     ORDER BY xid, seq LIMIT ${limit + 1}) p) b
      JOIN feed_entries e ON e.org = ${org} AND e.feed = ${feed} AND e.xid = b.xid AND e.seq = b.seq
     WHERE b.before <= ${limit + after.index}
     ORDER BY e.xid, e.seq`)
}

/**
 * A time such that every entry ordered at or after `xid` is later; null when none was noted. The latest of a few, since
 * two processes may note theirs crosswise.
 */
export async function completeBefore(db: Queryable, xid: string): Promise<Date | null> {
  const [row] = await db.query<{ at: Date | null }>(sql`
    SELECT max(m.at) AS at
      FROM (SELECT at FROM feed_marks WHERE xid < ${xid}::xid8 ORDER BY xid DESC LIMIT 8) m`)
  return row?.at ?? null
}

/** A batch that was read in part is read again. */
const lastWhole = ({ seq, index }: Position): number => (index > 0 ? seq - 1 : seq)
