import sql, { empty } from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'

export type CampaignStatus = 'expanding' | 'sending' | 'done'

export type Campaign = {
  org: string
  id: string
  eventId: string
  title: string
  /** With {start} where the start is to stand. */
  body: string
  startsAt: Date | null
  audienceVersion: number
  audienceSize: number
  audienceHash: string
  status: CampaignStatus
  /** The last subscriber that was dealt with, in the order of ids. */
  reached: string
  told: number
  createdAt: Date
  finishedAt: Date | null
}

/** Who asked for it under which key: under one key there is one campaign. */
export type CampaignOrigin = { principalId: string; operationId: string; idempotencyKey: string }
export type NewCampaign = Omit<Campaign, 'status' | 'reached' | 'told' | 'finishedAt'> & CampaignOrigin

const columns = sql`org, id, event_id AS "eventId", title, body, starts_at AS "startsAt",
  audience_version AS "audienceVersion", audience_size AS "audienceSize", audience_hash AS "audienceHash", status,
  reached, told, created_at AS "createdAt", finished_at AS "finishedAt"`

/** Undefined when there is one under this key already. */
export async function insertCampaign(db: Queryable, row: NewCampaign): Promise<string | undefined> {
  const [made] = await db.query<{ id: string }>(sql`
    INSERT INTO notification_campaigns (org, id, event_id, principal_id, operation_id, idempotency_key, title, body,
      starts_at, audience_version, audience_size, audience_hash, status, created_at, moved_at)
    VALUES (${row.org}, ${row.id}, ${row.eventId}, ${row.principalId}, ${row.operationId}, ${row.idempotencyKey},
      ${row.title}, ${row.body}, ${row.startsAt}, ${row.audienceVersion}, ${row.audienceSize}, ${row.audienceHash},
      'expanding', ${row.createdAt}, ${row.createdAt})
    ON CONFLICT (org, principal_id, operation_id, idempotency_key) DO NOTHING
    RETURNING id`)
  return made?.id
}

export async function findCampaign(
  db: Queryable,
  org: string,
  id: string,
  lock = false,
): Promise<Campaign | undefined> {
  const [row] = await db.query<Campaign>(sql`
    SELECT ${columns} FROM notification_campaigns WHERE org = ${org} AND id = ${id} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

/** Followers that the campaign has not dealt with yet, in the order of ids. */
export async function nextFollowers(
  db: Queryable,
  { org, audienceVersion, reached }: Campaign,
  limit: number,
): Promise<{ id: string; timeZone: string }[]> {
  return db.query(sql`
    SELECT id, time_zone AS "timeZone" FROM subscribers
     WHERE org = ${org} AND status = 'confirmed' AND audience_version <= ${audienceVersion} AND id > ${reached}
     ORDER BY id LIMIT ${limit}`)
}

/**
 * One inbox row for each of these followers who still is one and has none of this campaign, and for each of those a
 * delivery to every device of the account. `bodies` is the body by zone. Answers how many rows there are more.
 */
export async function tellFollowers(
  db: Queryable,
  { org, id, title }: Campaign,
  followers: readonly { id: string; timeZone: string }[],
  bodies: ReadonlyMap<string, string>,
  now: Date,
): Promise<number> {
  const [row] = await db.query<{ told: number }>(sql`
    WITH told AS (
      INSERT INTO notification_items (org, campaign_id, subscriber_id, title, body, time_zone, created_at)
      SELECT ${org}, ${id}, s.id, ${title}, r.body, f.zone, ${now}::timestamptz
        FROM unnest(${followers.map((each) => each.id)}::text[], ${followers.map((each) => each.timeZone)}::text[])
               AS f(id, zone)
        JOIN unnest(${[...bodies.keys()]}::text[], ${[...bodies.values()]}::text[]) AS r(zone, body) USING (zone)
        JOIN subscribers s ON s.org = ${org} AND s.id = f.id AND s.status = 'confirmed'
      ON CONFLICT (org, campaign_id, subscriber_id) DO NOTHING
      RETURNING subscriber_id),
    pushed AS (
      INSERT INTO push_deliveries (org, campaign_id, device_id, subscriber_id, platform, status, next_at)
      SELECT ${org}, ${id}, d.id, t.subscriber_id, d.platform, 'pending', ${now}::timestamptz
        FROM told t
        JOIN subscribers s ON s.org = ${org} AND s.id = t.subscriber_id
        JOIN push_devices d ON d.org = ${org} AND d.user_id = s.user_id
      ON CONFLICT (org, campaign_id, device_id) DO NOTHING)
    SELECT count(*)::integer AS told FROM told`)
  return row?.told ?? 0
}

/** Moves the cursor of an expansion, in the transaction that told those up to it. */
export async function moveCampaign(
  db: Queryable,
  { org, id }: Pick<Campaign, 'org' | 'id'>,
  { reached, told, now }: { reached: string; told: number; now: Date },
): Promise<void> {
  await db.query(sql`
    UPDATE notification_campaigns SET reached = ${reached}, told = told + ${told}, moved_at = ${now}
     WHERE org = ${org} AND id = ${id}`)
}

export async function setCampaignStatus(
  db: Queryable,
  { org, id }: Pick<Campaign, 'org' | 'id'>,
  status: CampaignStatus,
  now: Date,
): Promise<void> {
  await db.query(sql`
    UPDATE notification_campaigns
       SET status = ${status}, moved_at = ${now}, finished_at = CASE ${status}::text WHEN 'done' THEN ${now}::timestamptz END
     WHERE org = ${org} AND id = ${id}`)
}

/** Campaigns that stand still: no step since then, and nothing that is to be sent only later. */
export async function listStanding(
  db: Queryable,
  { before, now, limit }: { before: Date; now: Date; limit: number },
): Promise<{ org: string; id: string }[]> {
  return db.query(sql`
    SELECT org, id FROM notification_campaigns c /* every organisation */
     WHERE status <> 'done' AND moved_at < ${before}
       AND NOT EXISTS (SELECT FROM push_deliveries d WHERE d.org = c.org AND d.campaign_id = c.id
                          AND d.status = 'pending' AND d.next_at > ${now})
     ORDER BY moved_at LIMIT ${limit}`)
}

export async function touchCampaign(db: Queryable, org: string, id: string, now: Date): Promise<void> {
  await db.query(sql`UPDATE notification_campaigns SET moved_at = ${now} WHERE org = ${org} AND id = ${id}`)
}
