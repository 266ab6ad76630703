import sql from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'

export type ReceivedEvent = { id: string; type: string; createdAt: Date }

/**
 * Keeps an event. Answers undefined when it is known already, else whether it is the only one that waits for a scan. Of
 * two that arrive at once both may answer that they are.
 */
export async function insertStripeEvent(
  tx: Queryable,
  org: string,
  event: ReceivedEvent,
  now: Date,
): Promise<{ only: boolean } | undefined> {
  const [row] = await tx.query<{ only: boolean }>(sql`
    WITH inserted AS (
      INSERT INTO stripe_events (org, id, type, created_at, received_at)
      VALUES (${org}, ${event.id}, ${event.type}, ${event.createdAt}, ${now})
      ON CONFLICT (org, id) DO NOTHING RETURNING id)
    SELECT NOT EXISTS (SELECT FROM stripe_events e WHERE e.org = ${org} AND e.taken_at IS NULL) AS only FROM inserted`)
  return row
}

export async function isWaiting(tx: Queryable, org: string): Promise<boolean> {
  const rows = await tx.query(sql`SELECT FROM stripe_events WHERE org = ${org} AND taken_at IS NULL LIMIT 1`)
  return rows.length > 0
}

/** Marks whatever waits for a scan; answers how many that were. */
export async function takeWaiting(tx: Queryable, org: string, now: Date): Promise<number> {
  const rows = await tx.query<{ id: string }>(sql`
    UPDATE stripe_events SET taken_at = ${now} WHERE org = ${org} AND taken_at IS NULL RETURNING id`)
  return rows.length
}

/** Organisations with events that have waited since before `before`. */
export async function listWaiting(
  db: Queryable,
  { before, limit }: { before: Date; limit: number },
): Promise<string[]> {
  const rows = await db.query<{ org: string }>(sql`
    SELECT /* every organisation */ DISTINCT org FROM stripe_events
     WHERE taken_at IS NULL AND received_at < ${before} ORDER BY org LIMIT ${limit}`)
  return rows.map(({ org }) => org)
}

export async function dropStripeEvents(db: Queryable, before: Date): Promise<number> {
  const rows = await db.query<{ id: string }>(sql`
    DELETE /* every organisation */ FROM stripe_events WHERE received_at < ${before} RETURNING id`)
  return rows.length
}
