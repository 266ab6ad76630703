import sql, { empty } from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'
import type { FamilyId, TriggerSubject } from './families.ts'

export type TriggerEvent = {
  id: string
  family: FamilyId
  subject: TriggerSubject
  data: Record<string, unknown>
  at: Date
}

/** False, and nothing is kept, where no active subscription asks for the family. */
export async function insertEventIfAsked(
  tx: Queryable,
  org: string,
  { id, family, subject, data, at }: TriggerEvent,
): Promise<boolean> {
  const rows = await tx.query(sql`
    INSERT INTO trigger_events (org, id, family, subject, data, happened_at)
    SELECT ${org}, ${id}, ${family}, ${JSON.stringify(subject)}::jsonb, ${JSON.stringify(data)}::jsonb, ${at}::timestamptz
     WHERE EXISTS (SELECT FROM trigger_subscriptions s
                    WHERE s.org = ${org} AND s.status = 'active' AND ${family} = ANY(s.families))
    RETURNING id`)
  return rows.length > 0
}

/** Locks the event; undefined when it is told of already. */
export async function lockWaitingEvent(
  tx: Queryable,
  org: string,
  id: string,
): Promise<TriggerEvent | undefined> {
  const [row] = await tx.query<TriggerEvent>(sql`
    SELECT id, family, subject, data, happened_at AS at FROM trigger_events
     WHERE org = ${org} AND id = ${id} AND fanned_out_at IS NULL FOR UPDATE`)
  return row
}

export async function noteFannedOut(tx: Queryable, org: string, id: string, now: Date): Promise<void> {
  await tx.query(sql`UPDATE trigger_events SET fanned_out_at = ${now} WHERE org = ${org} AND id = ${id}`)
}

/** Events whose fan-out was lost, in the order in which they happened. */
export const listWaitingEvents = (
  db: Queryable,
  { before, limit }: { before: Date; limit: number },
): Promise<{ org: string; id: string }[]> =>
  db.query(sql`
    SELECT /* every organisation */ org, id FROM trigger_events
     WHERE fanned_out_at IS NULL AND happened_at < ${before} ORDER BY happened_at LIMIT ${limit}`)

export type SubscriptionStatus = 'active' | 'paused' | 'disabled' | 'removed'
export type SessionMode = 'none' | 'open' | 'resume'

export type Subscription = {
  org: string
  id: string
  principalId: string
  principalName: string
  scopes: string[]
  url: string
  families: FamilyId[]
  description: string
  status: SubscriptionStatus
  reason: string | null
  secret: Buffer
  previousSecret: Buffer | null
  previousUntil: Date | null
  sessionMode: SessionMode
  sessionWorkflow: string | null
  sessionId: string | null
  failingSince: Date | null
  createdAt: Date
  updatedAt: Date
}

const columns = sql`org, id, principal_id AS "principalId", principal_name AS "principalName", scopes, url, families,
  description, status, reason, secret, previous_secret AS "previousSecret", previous_until AS "previousUntil",
  session_mode AS "sessionMode", session_workflow AS "sessionWorkflow", session_id AS "sessionId",
  failing_since AS "failingSince", created_at AS "createdAt", updated_at AS "updatedAt"`

/** False when the organisation, or this principal, has as many as it may have. */
export async function insertSubscription(
  tx: Queryable,
  row: Subscription,
  most: { org: number; principal: number },
): Promise<boolean> {
  await tx.query(
    sql`SELECT pg_advisory_xact_lock(hashtextextended(${`trigger-subscriptions ${row.org}`}, 0))`,
  )
  const rows = await tx.query(sql`
    INSERT INTO trigger_subscriptions (org, id, principal_id, principal_name, scopes, url, families, description, status,
      secret, session_mode, session_workflow, session_id, created_at, updated_at)
    SELECT ${row.org}, ${row.id}, ${row.principalId}, ${row.principalName}, ${row.scopes}::text[], ${row.url},
           ${row.families}::text[], ${row.description}, ${row.status}, ${row.secret}::bytea, ${row.sessionMode},
           ${row.sessionWorkflow}, ${row.sessionId}, ${row.createdAt}::timestamptz, ${row.updatedAt}::timestamptz
      FROM (SELECT count(*) AS n, count(*) FILTER (WHERE s.principal_id = ${row.principalId}) AS own
              FROM trigger_subscriptions s WHERE s.org = ${row.org} AND s.status <> 'removed') AS held
     WHERE held.n < ${most.org}::int AND held.own < ${most.principal}::int
    RETURNING id`)
  return rows.length > 0
}

export async function findSubscription(
  db: Queryable,
  org: string,
  id: string,
  lock = false,
): Promise<Subscription | undefined> {
  const [row] = await db.query<Subscription>(sql`
    SELECT ${columns} FROM trigger_subscriptions
     WHERE org = ${org} AND id = ${id} AND status <> 'removed' ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

/** Those of one principal, or of the organisation, oldest first. */
export const listSubscriptions = (
  db: Queryable,
  org: string,
  { principalId }: { principalId?: string | undefined },
): Promise<Subscription[]> =>
  db.query(sql`
    SELECT ${columns} FROM trigger_subscriptions
     WHERE org = ${org} AND status <> 'removed'
       AND (${principalId ?? null}::text IS NULL OR principal_id = ${principalId ?? null})
     ORDER BY created_at, id`)

/** Active ones of a family, in the order in which their sessions are locked. */
export const listAsking = (db: Queryable, org: string, family: FamilyId): Promise<Subscription[]> =>
  db.query(sql`
    SELECT ${columns} FROM trigger_subscriptions
     WHERE org = ${org} AND status = 'active' AND ${family} = ANY(families) ORDER BY session_id, id FOR SHARE`)

export async function updateSubscription(tx: Queryable, row: Subscription, now: Date): Promise<void> {
  await tx.query(sql`
    UPDATE trigger_subscriptions
       SET url = ${row.url}, families = ${row.families}::text[], description = ${row.description},
           status = ${row.status}, reason = ${row.reason}, secret = ${row.secret}, scopes = ${row.scopes}::text[],
           previous_secret = ${row.previousSecret}, previous_until = ${row.previousUntil},
           session_mode = ${row.sessionMode}, session_workflow = ${row.sessionWorkflow}, session_id = ${row.sessionId},
           failing_since = ${row.failingSince}, updated_at = ${now}
     WHERE org = ${row.org} AND id = ${row.id}`)
}

/** Ends a subscription, and what it still waits for as dead letters. */
export async function endSubscription(
  tx: Queryable,
  org: string,
  id: string,
  end: { status: 'disabled' | 'removed'; reason: string; now: Date },
): Promise<void> {
  await tx.query(sql`
    UPDATE trigger_subscriptions SET status = ${end.status}, reason = ${end.reason}, updated_at = ${end.now}
     WHERE org = ${org} AND id = ${id} AND status <> 'removed'`)
  await tx.query(sql`
    UPDATE trigger_deliveries SET status = 'dead', outcome = 'subscription-ended', finished_at = ${end.now}
     WHERE org = ${org} AND subscription_id = ${id} AND status = 'pending'`)
}

/** Since when nothing goes through; null: something did. */
export async function noteFailing(
  tx: Queryable,
  org: string,
  id: string,
  failingSince: Date | null,
): Promise<void> {
  await tx.query(sql`
    UPDATE trigger_subscriptions
       SET failing_since = CASE WHEN ${failingSince}::timestamptz IS NULL THEN NULL
                                ELSE coalesce(failing_since, ${failingSince}::timestamptz) END
     WHERE org = ${org} AND id = ${id}
       AND (failing_since IS NULL) <> (${failingSince}::timestamptz IS NULL)`)
}
