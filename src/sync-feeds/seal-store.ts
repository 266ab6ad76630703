import sql from 'sql-template-tag'
import type { Db, Queryable } from '../db/pool.ts'

/** The database that a feed is read from: cursors of another cluster, or of an earlier epoch, mean nothing in it. */
export type Place = { cluster: string; epoch: number }

/**
 * Claims a time, never past the database's own clock and never earlier than one claimed before; once this is committed,
 * what is appended by whoever sees it is later. `moved`: the database is in another cluster than it was.
 */
export async function claimTime(db: Db, now: Date): Promise<Place & { moved: boolean }> {
  const [row] = await db.query<Place & { moved: boolean }>(sql`
    UPDATE feed_clock
       SET claimed_at = greatest(claimed_at, least(${now}::timestamptz, date_trunc('milliseconds', clock_timestamp())))
    RETURNING system_identifier AS cluster, epoch,
              system_identifier <> (SELECT system_identifier::text FROM pg_control_system()) AS moved`)
  return row as Place & { moved: boolean }
}

/** Notes a transaction number that is given out now, after the claims that are committed. */
export async function markTime(db: Db): Promise<void> {
  await db.query(sql`
    INSERT INTO feed_marks (xid, at) SELECT pg_current_xact_id(), claimed_at FROM feed_clock
    ON CONFLICT DO NOTHING`)
}

/** A new seal up to where every transaction has ended; answers its horizon. */
export async function insertSeal(db: Db, id: string, now: Date): Promise<string> {
  const [row] = await db.query<{ horizon: string }>(sql`
    INSERT INTO feed_seals (id, horizon, sealed_at)
    VALUES (${id}, pg_snapshot_xmin(pg_current_snapshot()), ${now}) RETURNING horizon::text`)
  return row?.horizon as string
}

/** Moves a seal on from where this process left it. Undefined when it is not there: the database is another one by now. */
export async function moveSeal(
  db: Db,
  { id, horizon }: { id: string; horizon: string },
  now: Date,
): Promise<string | undefined> {
  const [row] = await db.query<{ horizon: string }>(sql`
    UPDATE feed_seals SET horizon = greatest(horizon, pg_snapshot_xmin(pg_current_snapshot())), sealed_at = ${now}
     WHERE id = ${id} AND horizon = ${horizon}::xid8 RETURNING horizon::text`)
  return row?.horizon
}

/** Whether the seal is there and reached beyond a transaction. */
export async function sealReached(db: Queryable, id: string, xid: string): Promise<boolean> {
  const [row] = await db.query(sql`SELECT 1 FROM feed_seals WHERE id = ${id} AND horizon > ${xid}::xid8`)
  return row !== undefined
}

/**
 * Begins a new epoch in another cluster, whose transactions are numbered anew: what is there is put before all that
 * comes, in the order in which it was written, and what was known of the old numbers goes.
 */
export async function beginEpoch(db: Db): Promise<void> {
  await db.transaction(async (tx) => {
    const [begun] = await tx.query<{ epoch: number }>(sql`
      UPDATE feed_clock SET epoch = epoch + 1, system_identifier = c.system_identifier::text
        FROM pg_control_system() c WHERE feed_clock.system_identifier <> c.system_identifier::text RETURNING epoch`)
    // another process was quicker
    if (!begun) return
    await tx.query(sql`
      /* every organisation */
      UPDATE feed_entries f SET xid = ${String(begun.epoch)}::xid8, seq = o.place
        FROM (SELECT org, feed, xid, seq, row_number() OVER (ORDER BY seq, xid) AS place FROM feed_entries) o
       WHERE f.org = o.org AND f.feed = o.feed AND f.xid = o.xid AND f.seq = o.seq`)
    await tx.query(sql`/* every organisation */ DELETE FROM feed_floors`)
    await tx.query(sql`DELETE FROM feed_marks`)
    await tx.query(sql`DELETE FROM feed_seals`)
  })
}
