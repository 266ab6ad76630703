import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'

/**
 * First keys of advisory locks: which jobs are being worked on, which processes hold tokens, and which organisations are
 * being written to. Any constants will do.
 */
const RUNNING = 715_200_313
const HOLDING = 715_200_314
const WRITING = 715_200_315

/** Takes the turn to write to an organisation, until the connection ends or gives it back. */
export async function tryWriting(session: Queryable, org: string): Promise<boolean> {
  const [row] = await session.query<{ held: boolean }>(
    sql`SELECT pg_try_advisory_lock(${WRITING}, hashtext(${org})) AS held`,
  )
  return row?.held ?? false
}

export async function tryRunning(session: Queryable, job: string): Promise<boolean> {
  const [row] = await session.query<{ held: boolean }>(
    sql`SELECT pg_try_advisory_lock(${RUNNING}, hashtext(${job})) AS held`,
  )
  return row?.held ?? false
}

/** Says that the process behind this connection holds tokens, until the connection ends. */
export async function beginHolding(session: Queryable, holder: string): Promise<void> {
  await session.query(sql`SELECT pg_try_advisory_lock(${HOLDING}, hashtext(${holder}))`)
}

/** Whether the process that holds the token of a job is there. */
export async function isHolding(db: Queryable, holder: string): Promise<boolean> {
  const rows = await db.query(sql`
    SELECT 1 FROM pg_locks l
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = ${HOLDING}::oid
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND l.objid = (hashtext(${holder})::bigint & 4294967295)::oid`)
  return rows.length > 0
}

/** PostgreSQL restarted a moment ago, and processes have not said anew what they hold. */
export async function isFresh(db: Queryable): Promise<boolean> {
  const rows = await db.query(sql`SELECT 1 WHERE pg_postmaster_start_time() > now() - interval '10 seconds'`)
  return rows.length > 0
}
