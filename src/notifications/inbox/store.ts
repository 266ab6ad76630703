import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'

/** One message in the inbox of an account; its id is that of the campaign. */
export type Item = {
  id: string
  eventId: string
  title: string
  body: string
  startsAt: Date | null
  timeZone: string
  createdAt: Date
  readAt: Date | null
}

export type Position = { createdAt: Date; id: string }

/** Newest first. */
export async function listItems(
  db: Queryable,
  org: string,
  userId: string,
  { before, unread, limit }: { before: Position | undefined; unread: boolean; limit: number },
): Promise<Item[]> {
  return db.query<Item>(sql`
    SELECT i.campaign_id AS id, c.event_id AS "eventId", i.title, i.body, c.starts_at AS "startsAt",
           i.time_zone AS "timeZone", i.created_at AS "createdAt", i.read_at AS "readAt"
      FROM subscribers s
      JOIN notification_items i ON i.org = ${org} AND i.subscriber_id = s.id
      JOIN notification_campaigns c ON c.org = ${org} AND c.id = i.campaign_id
     WHERE s.org = ${org} AND s.user_id = ${userId} AND (NOT ${unread}::boolean OR i.read_at IS NULL)
       AND (${before?.createdAt ?? null}::timestamptz IS NULL
            OR (i.created_at, i.campaign_id) < (${before?.createdAt ?? null}::timestamptz, ${before?.id ?? null}::text))
     ORDER BY i.created_at DESC, i.campaign_id DESC LIMIT ${limit}`)
}

export async function countUnread(db: Queryable, org: string, userId: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(sql`
    SELECT count(*)::integer AS count FROM subscribers s
      JOIN notification_items i ON i.org = ${org} AND i.subscriber_id = s.id
     WHERE s.org = ${org} AND s.user_id = ${userId} AND i.read_at IS NULL`)
  return row?.count ?? 0
}

/** Marks these, or all (`ids` undefined), as read; answers how many were not. */
export async function markRead(
  db: Queryable,
  org: string,
  userId: string,
  { ids, now }: { ids: readonly string[] | undefined; now: Date },
): Promise<number> {
  const marked = await db.query(sql`
    UPDATE notification_items i SET read_at = ${now}
      FROM subscribers s
     WHERE i.org = ${org} AND s.org = ${org} AND s.user_id = ${userId} AND i.subscriber_id = s.id
       AND i.read_at IS NULL
       AND (${ids === undefined}::boolean OR i.campaign_id = ANY(${(ids ?? []) as string[]}))
    RETURNING i.campaign_id`)
  return marked.length
}
