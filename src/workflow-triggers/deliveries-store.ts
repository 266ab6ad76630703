import sql, { empty } from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'
import type { FamilyId } from './families.ts'
import type { Outcome } from './rules.ts'

export type Delivery = {
  org: string
  id: string
  subscriptionId: string
  eventId: string | null
  family: FamilyId
  body: string
  sessionId: string | null
  status: 'pending' | 'delivered' | 'dead'
  tries: number
  attempts: number
  outcome: Outcome | null
  nextAt: Date
  createdAt: Date
  finishedAt: Date | null
}

const columns = sql`org, id, subscription_id AS "subscriptionId", event_id AS "eventId", family, body,
  session_id AS "sessionId", status, tries, attempts, outcome, next_at AS "nextAt", created_at AS "createdAt",
  finished_at AS "finishedAt"`

export type NewDelivery = Pick<
  Delivery,
  'org' | 'id' | 'subscriptionId' | 'eventId' | 'family' | 'body' | 'sessionId' | 'createdAt'
>

/** One for each event and subscription: false when it is there already. */
export async function insertDelivery(tx: Queryable, row: NewDelivery): Promise<boolean> {
  const rows = await tx.query(sql`
    INSERT INTO trigger_deliveries (org, id, subscription_id, event_id, family, body, session_id, status, next_at, created_at)
    VALUES (${row.org}, ${row.id}, ${row.subscriptionId}, ${row.eventId}, ${row.family}, ${row.body}, ${row.sessionId},
            'pending', ${row.createdAt}, ${row.createdAt})
    ON CONFLICT (org, event_id, subscription_id) DO NOTHING RETURNING id`)
  return rows.length > 0
}

export async function findDelivery(
  db: Queryable,
  org: string,
  id: string,
  lock = false,
): Promise<Delivery | undefined> {
  const [row] = await db.query<Delivery>(sql`
    SELECT ${columns} FROM trigger_deliveries WHERE org = ${org} AND id = ${id} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

/** Takes a due delivery for the next attempt until `until`; undefined when somebody else has it, or it is not due. */
export async function claimDelivery(
  db: Queryable,
  org: string,
  id: string,
  { attempts, now, until }: { attempts: number; now: Date; until: Date },
): Promise<Delivery | undefined> {
  const [row] = await db.query<Delivery>(sql`
    UPDATE trigger_deliveries SET next_at = ${until}
     WHERE org = ${org} AND id = ${id} AND status = 'pending' AND attempts = ${attempts} AND next_at <= ${now}
    RETURNING ${columns}`)
  return row
}

export type Ended = {
  at: Date
  durationMs: number
  outcome: Outcome
  statusCode: number | null
  status: Delivery['status']
  nextAt: Date
}

/** Records an attempt and what follows; false when the delivery moved on without it. */
export async function recordAttempt(
  tx: Queryable,
  { org, id, attempts }: Pick<Delivery, 'org' | 'id' | 'attempts'>,
  ended: Ended,
): Promise<boolean> {
  const rows = await tx.query(sql`
    WITH moved AS (
      UPDATE trigger_deliveries
         SET attempts = attempts + 1, tries = tries + 1, outcome = ${ended.outcome}, status = ${ended.status},
             next_at = ${ended.nextAt}::timestamptz,
             finished_at = CASE WHEN ${ended.status} = 'pending' THEN NULL ELSE ${ended.nextAt}::timestamptz END
       WHERE org = ${org} AND id = ${id} AND status = 'pending' AND attempts = ${attempts}
      RETURNING attempts)
    INSERT INTO trigger_attempts (org, delivery_id, attempt, at, duration_ms, outcome, status_code)
    SELECT ${org}, ${id}, moved.attempts, ${ended.at}::timestamptz, ${ended.durationMs}::int, ${ended.outcome},
           ${ended.statusCode}::int
      FROM moved RETURNING attempt`)
  return rows.length > 0
}

/** A new round under the same id. */
export async function restartDelivery(tx: Queryable, org: string, id: string, now: Date): Promise<void> {
  await tx.query(sql`
    UPDATE trigger_deliveries SET status = 'pending', tries = 0, next_at = ${now}, finished_at = NULL
     WHERE org = ${org} AND id = ${id}`)
}

export type Attempt = {
  deliveryId: string
  attempt: number
  at: Date
  durationMs: number
  outcome: Outcome
  statusCode: number | null
}

/** Newest first, below `before`. */
export const listDeliveries = (
  db: Queryable,
  org: string,
  subscriptionId: string,
  { before, limit }: { before: { at: Date; id: string } | undefined; limit: number },
): Promise<Delivery[]> =>
  db.query(sql`
    SELECT ${columns} FROM trigger_deliveries
     WHERE org = ${org} AND subscription_id = ${subscriptionId}
       ${before ? sql`AND (created_at, id) < (${before.at}, ${before.id})` : empty}
     ORDER BY created_at DESC, id DESC LIMIT ${limit}`)

export const listAttempts = (db: Queryable, org: string, ids: readonly string[]): Promise<Attempt[]> =>
  db.query(sql`
    SELECT delivery_id AS "deliveryId", attempt, at, duration_ms AS "durationMs", outcome, status_code AS "statusCode"
      FROM trigger_attempts WHERE org = ${org} AND delivery_id = ANY(${ids}) ORDER BY delivery_id, attempt`)

/** Deliveries of active subscriptions that were due before `before`. */
export const listStandingDeliveries = (
  db: Queryable,
  { before, limit }: { before: Date; limit: number },
): Promise<{ org: string; id: string; attempt: number }[]> =>
  db.query(sql`
    SELECT /* every organisation */ d.org, d.id, d.attempts AS attempt FROM trigger_deliveries d
      JOIN trigger_subscriptions s ON s.org = d.org AND s.id = d.subscription_id
     WHERE d.status = 'pending' AND d.next_at < ${before} AND s.status = 'active'
     ORDER BY d.next_at LIMIT ${limit}`)

/** Puts a delivery that stood still behind the others, so that each is taken up in turn. */
export async function touchDelivery(tx: Queryable, org: string, id: string, now: Date): Promise<void> {
  await tx.query(sql`
    UPDATE trigger_deliveries SET next_at = ${now} WHERE org = ${org} AND id = ${id} AND status = 'pending'`)
}

/** Removes ended deliveries with their attempts, and events and subscriptions that nothing points to any more. */
export async function dropEnded(db: Queryable, before: Date): Promise<number> {
  const rows = await db.query(sql`
    DELETE /* every organisation */ FROM trigger_deliveries
     WHERE status <> 'pending' AND finished_at < ${before} RETURNING id`)
  await db.query(sql`
    DELETE /* every organisation */ FROM trigger_events e
     WHERE e.fanned_out_at < ${before}
       AND NOT EXISTS (SELECT FROM trigger_deliveries d WHERE d.org = e.org AND d.event_id = e.id)`)
  await db.query(sql`
    DELETE /* every organisation */ FROM trigger_subscriptions s
     WHERE s.status = 'removed' AND s.updated_at < ${before}
       AND NOT EXISTS (SELECT FROM trigger_deliveries d WHERE d.org = s.org AND d.subscription_id = s.id)`)
  return rows.length
}
