import sql from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'

/** Removes entries that a later one of their key supersedes, so that the latest of each key stays; at most `most`. */
export async function dropSuperseded(db: Queryable, before: Date, most: number): Promise<number> {
  const rows = await db.query(sql`
    /* every organisation */
    WITH old AS (
      SELECT f.org, f.feed, f.xid, f.seq FROM feed_entries f
       WHERE f.updated_at < ${before} AND f.key IS NOT NULL
         AND EXISTS (SELECT FROM feed_entries l WHERE l.org = f.org AND l.feed = f.feed AND l.key = f.key
                        AND (l.xid, l.seq) > (f.xid, f.seq))
       LIMIT ${most})
    DELETE FROM feed_entries f USING old o
     WHERE f.org = o.org AND f.feed = o.feed AND f.xid = o.xid AND f.seq = o.seq RETURNING 1`)
  return rows.length
}

/**
 * Removes tombstones that nothing of their key comes before any more, and batches; the floor of their feed moves up to
 * them in the same statement. At most `most`.
 */
export async function dropForgotten(db: Queryable, before: Date, most: number): Promise<number> {
  const [row] = await db.query<{ dropped: number }>(sql`
    /* every organisation */
    WITH old AS (
      SELECT f.org, f.feed, f.xid, f.seq FROM feed_entries f
       WHERE f.updated_at < ${before}
         AND (f.key IS NULL OR f.data IS NULL
              AND NOT EXISTS (SELECT FROM feed_entries e WHERE e.org = f.org AND e.feed = f.feed AND e.key = f.key
                                 AND (e.xid, e.seq) < (f.xid, f.seq)))
       LIMIT ${most}),
    gone AS (
      DELETE FROM feed_entries f USING old o
       WHERE f.org = o.org AND f.feed = o.feed AND f.xid = o.xid AND f.seq = o.seq
      RETURNING f.org, f.feed, f.xid, f.seq),
    floors AS (
      INSERT INTO feed_floors AS p (org, feed, xid, seq)
      SELECT DISTINCT ON (org, feed) org, feed, xid, seq FROM gone ORDER BY org, feed, xid DESC, seq DESC
      ON CONFLICT (org, feed) DO UPDATE SET xid = excluded.xid, seq = excluded.seq
       WHERE (excluded.xid, excluded.seq) > (p.xid, p.seq))
    SELECT count(*) AS dropped FROM gone`)
  return row?.dropped ?? 0
}

/** Removes seals that nobody read under since, and marks: of the past hour all stay, before that one a minute. */
export async function dropSeals(
  db: Queryable,
  { before, hour }: { before: Date; hour: Date },
): Promise<void> {
  await db.query(sql`DELETE FROM feed_seals WHERE sealed_at < ${before}`)
  await db.query(sql`
    DELETE FROM feed_marks m USING (
      SELECT xid, row_number() OVER (PARTITION BY date_trunc('minute', at) ORDER BY xid DESC) AS place
        FROM feed_marks WHERE at < ${hour}) o
     WHERE m.xid = o.xid AND o.place > 1`)
  await db.query(sql`DELETE FROM feed_marks WHERE at < ${before}`)
}
