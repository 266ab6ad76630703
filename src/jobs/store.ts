import sql from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'

/** Where the job engine's workers listen: a name that it derives from that of its schema. */
const CHANNEL = sql`'pgboss_' || left(encode(sha224('pgboss'::bytea), 'hex'), 24)`

export type NewJob = { name: string; data: Record<string, unknown>; startAfter: Date | null }

/**
 * Puts a job into its queue with the queue's settings, and wakes its workers at commit. The tables are those that the
 * engine documents for SQL. Answers the job's id, undefined when there is no such queue.
 */
export async function insertJob(
  tx: Queryable,
  { name, data, startAfter }: NewJob,
): Promise<string | undefined> {
  const [row] = await tx.query<{ id: string }>(sql`
    WITH inserted AS (
      INSERT INTO pgboss.job (name, data, start_after, keep_until, policy, dead_letter, expire_seconds,
                              deletion_seconds, retry_limit, retry_delay, retry_backoff, retry_delay_max,
                              heartbeat_seconds)
      SELECT q.name, ${JSON.stringify(data)}::jsonb, s.at, s.at + q.retention_seconds * interval '1 second', q.policy,
             q.dead_letter, q.expire_seconds, q.deletion_seconds, q.retry_limit, q.retry_delay, q.retry_backoff,
             q.retry_delay_max, q.heartbeat_seconds
        FROM pgboss.queue q, (SELECT coalesce(${startAfter}::timestamptz, now())) AS s(at) WHERE q.name = ${name}
      RETURNING id, name)
    SELECT id, pg_notify(${CHANNEL}, name) FROM inserted`)
  return row?.id
}

/** Lets the workers of a queue look for jobs at once. */
export async function wakeWorkers(db: Queryable, name: string): Promise<void> {
  await db.query(sql`SELECT pg_notify(${CHANNEL}, ${name})`)
}

/** First key of the advisory locks that say which jobs are being worked on; any constant will do. */
const WORKING = 715_200_312

/**
 * Says that this connection works on the job, until `endWork` or until the connection ends, however it ends. False:
 * another connection says so.
 */
export async function beginWork(session: Queryable, jobId: string): Promise<boolean> {
  const [row] = await session.query<{ held: boolean }>(
    sql`SELECT pg_try_advisory_lock(${WORKING}, hashtext(${jobId})) AS held`,
  )
  return row?.held ?? false
}

export async function endWork(session: Queryable, jobId: string): Promise<void> {
  await session.query(sql`SELECT pg_advisory_unlock(${WORKING}, hashtext(${jobId}))`)
}

export type Lost = { id: string; name: string; retryCount: number }

/**
 * Jobs whose worker is gone: nobody says that they work on them, and no heartbeat came for 2.5 s. Two signs, because a
 * living worker may lose either (a busy event loop, a broken connection). Nothing counts in the first 10 s of
 * PostgreSQL, in which workers connect again and say anew what they work on.
 */
export async function lostJobs(db: Queryable, names: readonly string[]): Promise<Lost[]> {
  return db.query<Lost>(sql`
    SELECT j.id, j.name, j.retry_count AS "retryCount" FROM pgboss.job j
     WHERE j.name = ANY(${names}) AND j.state = 'active'
       AND greatest(j.heartbeat_on, j.started_on) < now() - interval '2500 milliseconds'
       AND pg_postmaster_start_time() < now() - interval '10 seconds'
       AND NOT EXISTS (
         SELECT FROM pg_locks l
          WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = ${WORKING}::oid
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND l.objid = (hashtext(j.id::text)::bigint & 4294967295)::oid)`)
}
