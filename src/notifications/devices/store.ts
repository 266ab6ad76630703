import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'

export const PLATFORMS = ['apns', 'fcm'] as const
export type Platform = (typeof PLATFORMS)[number]

/** A device as it may be shown: without its token. */
export type Device = {
  id: string
  platform: Platform
  name: string | null
  createdAt: Date
  registeredAt: Date
}

const columns = sql`id, platform, name, created_at AS "createdAt", registered_at AS "registeredAt"`

export type NewDevice = {
  id: string
  userId: string
  platform: Platform
  name: string | null
  /** Sealed; the keyed hash tells whether it is known. */
  token: Buffer
  tokenHash: string
  now: Date
}

/** Registers a device by its token; one that is known goes to the account that registers it now. */
export async function putDevice(db: Queryable, org: string, row: NewDevice): Promise<Device> {
  const [device] = await db.query<Device>(sql`
    INSERT INTO push_devices (org, id, user_id, platform, name, token, token_hash, created_at, registered_at)
    VALUES (${org}, ${row.id}, ${row.userId}, ${row.platform}, ${row.name}, ${row.token}, ${row.tokenHash}, ${row.now}, ${row.now})
    ON CONFLICT (org, platform, token_hash) DO UPDATE
       SET user_id = EXCLUDED.user_id, name = EXCLUDED.name, token = EXCLUDED.token, registered_at = EXCLUDED.registered_at
    RETURNING ${columns}`)
  return device as Device
}

/** Newest registration first. */
export const listDevices = (db: Queryable, org: string, userId: string): Promise<Device[]> =>
  db.query<Device>(sql`
    SELECT ${columns} FROM push_devices WHERE org = ${org} AND user_id = ${userId}
     ORDER BY registered_at DESC, id`)

/** Forgets all but the newest `kept` devices of an account: apps that are installed anew never say goodbye. */
export async function dropOldDevices(
  db: Queryable,
  org: string,
  userId: string,
  kept: number,
): Promise<void> {
  await db.query(sql`
    DELETE FROM push_devices WHERE org = ${org} AND id IN (
      SELECT id FROM push_devices WHERE org = ${org} AND user_id = ${userId}
       ORDER BY registered_at DESC, id OFFSET ${kept})`)
}

/** False when the account has no such device. */
export async function removeDevice(db: Queryable, org: string, userId: string, id: string): Promise<boolean> {
  const removed = await db.query(sql`
    DELETE FROM push_devices WHERE org = ${org} AND user_id = ${userId} AND id = ${id} RETURNING id`)
  return removed.length > 0
}

export type DeliveryStatus =
  | 'pending'
  | 'sent'
  | 'provider-not-configured'
  | 'token-dropped'
  | 'refused'
  | 'given-up'
  | 'withdrawn'

/** One push that is due. `token` is null where the device or the subscription is gone meanwhile. */
export type Due = {
  deviceId: string
  platform: Platform
  token: Buffer | null
  attempts: number
  title: string
  body: string
}

export async function listDue(
  db: Queryable,
  org: string,
  campaignId: string,
  { now, limit }: { now: Date; limit: number },
): Promise<Due[]> {
  return db.query<Due>(sql`
    SELECT p.device_id AS "deviceId", p.platform, p.attempts, i.title, i.body,
           CASE WHEN s.status = 'confirmed' THEN d.token END AS token
      FROM push_deliveries p
      JOIN notification_items i
        ON i.org = ${org} AND i.campaign_id = p.campaign_id AND i.subscriber_id = p.subscriber_id
      JOIN subscribers s ON s.org = ${org} AND s.id = p.subscriber_id
      LEFT JOIN push_devices d ON d.org = ${org} AND d.id = p.device_id AND d.user_id = s.user_id
     WHERE p.org = ${org} AND p.campaign_id = ${campaignId} AND p.status = 'pending' AND p.next_at <= ${now}
     ORDER BY p.next_at, p.device_id LIMIT ${limit}`)
}

export type Delivered = {
  deviceId: string
  status: DeliveryStatus
  reason: string | null
  attempts: number
  nextAt: Date
}

/** Notes what became of pushes; those already noted otherwise stay. */
export async function recordDeliveries(
  db: Queryable,
  org: string,
  campaignId: string,
  results: readonly Delivered[],
): Promise<void> {
  await db.query(sql`
    UPDATE push_deliveries p
       SET status = r.status, reason = r.reason, attempts = r.attempts, next_at = r.next_at
      FROM unnest(${results.map((each) => each.deviceId)}::text[], ${results.map((each) => each.status)}::text[],
                  ${results.map((each) => each.reason)}::text[], ${results.map((each) => each.attempts)}::integer[],
                  ${results.map((each) => each.nextAt)}::timestamptz[]) AS r(id, status, reason, attempts, next_at)
     WHERE p.org = ${org} AND p.campaign_id = ${campaignId} AND p.device_id = r.id AND p.status = 'pending'`)
}

/** Forgets devices that their provider will never reach again. */
export async function dropDevices(db: Queryable, org: string, ids: readonly string[]): Promise<void> {
  await db.query(sql`DELETE FROM push_devices WHERE org = ${org} AND id = ANY(${ids as string[]})`)
}

/** A provider is busy: nothing of this campaign goes to it before then. */
export async function holdPlatform(
  db: Queryable,
  org: string,
  campaignId: string,
  { platform, until }: { platform: Platform; until: Date },
): Promise<void> {
  await db.query(sql`
    UPDATE push_deliveries SET next_at = ${until}
     WHERE org = ${org} AND campaign_id = ${campaignId} AND platform = ${platform} AND status = 'pending'
       AND next_at < ${until}`)
}

/** When the next push of a campaign is due; undefined when none is pending. */
export async function nextDue(db: Queryable, org: string, campaignId: string): Promise<Date | undefined> {
  const [row] = await db.query<{ at: Date | null }>(sql`
    SELECT min(next_at) AS at FROM push_deliveries
     WHERE org = ${org} AND campaign_id = ${campaignId} AND status = 'pending'`)
  return row?.at ?? undefined
}

export type DeliveryCount = {
  platform: Platform
  status: DeliveryStatus
  reason: string | null
  devices: number
}

export const countDeliveries = (db: Queryable, org: string, campaignId: string): Promise<DeliveryCount[]> =>
  db.query<DeliveryCount>(sql`
    SELECT platform, status, reason, count(*)::integer AS devices FROM push_deliveries
     WHERE org = ${org} AND campaign_id = ${campaignId}
     GROUP BY platform, status, reason ORDER BY platform, status, reason`)
