import sql, { empty } from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'

export type SubscriberStatus = 'pending' | 'confirmed' | 'unsubscribed'

export type Subscriber = {
  org: string
  id: string
  email: string
  userId: string | null
  status: SubscriberStatus
  timeZone: string
  version: number
  askedAt: Date
}

const columns = sql`org, id, email, user_id AS "userId", status, time_zone AS "timeZone", version, asked_at AS "askedAt"`

/** Whether that account follows the organisation: subscribed, confirmed, and not taken back since. */
export async function isSubscriber(db: Queryable, org: string, userId: string): Promise<boolean> {
  const [row] = await db.query<{ known: boolean }>(sql`
    SELECT EXISTS (SELECT FROM subscribers WHERE org = ${org} AND user_id = ${userId} AND status = 'confirmed') AS known`)
  return row?.known ?? false
}

/** Pending subscriptions asked for since then: what a limit counts. */
export async function countPending(db: Queryable, org: string, since: Date): Promise<number> {
  const [row] = await db.query<{ count: number }>(sql`
    SELECT count(*)::integer AS count FROM subscribers
     WHERE org = ${org} AND status = 'pending' AND asked_at > ${since}`)
  return row?.count ?? 0
}

/**
 * Asks for a subscription of an address. A confirmed one stays as it is, but that its own account (`userId`) may set
 * the zone; one that had ended begins anew, with a version of its own.
 */
export async function askSubscription(
  db: Queryable,
  org: string,
  asked: { id: string; email: string; userId: string | null; timeZone: string; now: Date },
): Promise<Subscriber> {
  const { id, email, userId, timeZone, now } = asked
  const [row] = await db.query<Subscriber>(sql`
    INSERT INTO subscribers AS s (org, id, email, user_id, status, time_zone, created_at, asked_at)
    VALUES (${org}, ${id}, ${email}, ${userId}, 'pending', ${timeZone}, ${now}, ${now})
    ON CONFLICT (org, email) DO UPDATE
       SET status = CASE s.status WHEN 'confirmed' THEN s.status ELSE 'pending' END,
           version = s.version + (s.status = 'unsubscribed')::integer,
           user_id = coalesce(EXCLUDED.user_id, s.user_id),
           time_zone = CASE WHEN s.status = 'confirmed' AND ${userId}::text IS NULL THEN s.time_zone
                            ELSE EXCLUDED.time_zone END,
           asked_at = CASE s.status WHEN 'confirmed' THEN s.asked_at ELSE EXCLUDED.asked_at END
    RETURNING ${columns}`)
  return row as Subscriber
}

export async function findSubscriber(
  db: Queryable,
  org: string,
  by: { id: string } | { userId: string },
  lock = false,
): Promise<Subscriber | undefined> {
  const which = 'id' in by ? sql`id = ${by.id}` : sql`user_id = ${by.userId}`
  const [row] = await db.query<Subscriber>(sql`
    SELECT ${columns} FROM subscribers WHERE org = ${org} AND ${which} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

/** Pending subscriptions that were asked for since then, oldest first. */
export async function listPending(
  db: Queryable,
  org: string,
  { since, after, limit }: { since: Date; after: { askedAt: Date; id: string } | undefined; limit: number },
): Promise<Subscriber[]> {
  return db.query<Subscriber>(sql`
    SELECT ${columns} FROM subscribers
     WHERE org = ${org} AND status = 'pending' AND asked_at > ${since}
       AND (${after?.askedAt ?? null}::timestamptz IS NULL
            OR (asked_at, id) > (${after?.askedAt ?? null}::timestamptz, ${after?.id ?? null}::text))
     ORDER BY asked_at, id LIMIT ${limit}`)
}

/** The audience with one more or one less; answers its version. The caller locked the subscriber. */
async function changeAudience(
  db: Queryable,
  org: string,
  { id, version }: Pick<Subscriber, 'id' | 'version'>,
  by: 1 | -1,
): Promise<number> {
  const bits = sql`('x' || encode(sha256(convert_to(${`${id}:${version}`}, 'UTF8')), 'hex'))::bit(256)`
  const [row] = await db.query<{ version: number }>(sql`
    INSERT INTO subscriber_audiences AS a (org, version, size, digest) VALUES (${org}, 1, 1, ${bits})
    ON CONFLICT (org) DO UPDATE
       SET version = a.version + 1, size = a.size + ${by}, digest = a.digest # EXCLUDED.digest
    RETURNING version`)
  return (row as { version: number }).version
}

/** Confirms a pending subscription, which the caller locked. */
export async function confirmSubscriber(
  db: Queryable,
  row: Subscriber,
  { userId, now }: { userId: string | null; now: Date },
): Promise<void> {
  const since = await changeAudience(db, row.org, row, 1)
  await db.query(sql`
    UPDATE subscribers SET status = 'confirmed', audience_version = ${since}, confirmed_at = ${now},
           user_id = coalesce(${userId}::text, user_id)
     WHERE org = ${row.org} AND id = ${row.id}`)
}

/** Ends a subscription, which the caller locked; links that confirm it are void. */
export async function endSubscriber(db: Queryable, row: Subscriber, now: Date): Promise<void> {
  if (row.status === 'confirmed') await changeAudience(db, row.org, row, -1)
  await db.query(sql`
    UPDATE subscribers SET status = 'unsubscribed', audience_version = NULL, unsubscribed_at = ${now},
           version = version + 1
     WHERE org = ${row.org} AND id = ${row.id}`)
}

export type AudienceRow = { version: number; size: number; digest: string }

/** The confirmed subscribers as they are; with `lock` nobody joins or leaves until the transaction ends. */
export async function findAudience(db: Queryable, org: string, lock: boolean): Promise<AudienceRow> {
  if (lock)
    await db.query(sql`INSERT INTO subscriber_audiences (org) VALUES (${org}) ON CONFLICT (org) DO NOTHING`)
  const [row] = await db.query<AudienceRow>(sql`
    SELECT version, size, digest::text AS digest FROM subscriber_audiences
     WHERE org = ${org} ${lock ? sql`FOR SHARE` : empty}`)
  return row ?? { version: 0, size: 0, digest: '' }
}

/** Removes requests that nobody confirmed: addresses of people who did not answer are not kept. */
export async function dropUnconfirmed(db: Queryable, before: Date): Promise<number> {
  const dropped = await db.query(sql`
    DELETE FROM subscribers s /* every organisation */
     WHERE status = 'pending' AND asked_at < ${before}
       AND NOT EXISTS (SELECT FROM notification_items i WHERE i.org = s.org AND i.subscriber_id = s.id)
    RETURNING id`)
  return dropped.length
}
