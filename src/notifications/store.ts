import sql from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'

/** Whether that account follows the organisation: subscribed, confirmed, and not taken back since. */
export async function isSubscriber(db: Queryable, org: string, userId: string): Promise<boolean> {
  const [row] = await db.query<{ known: boolean }>(sql`
    SELECT EXISTS (SELECT FROM subscribers WHERE org = ${org} AND user_id = ${userId} AND status = 'confirmed') AS known`)
  return row?.known ?? false
}
