import sql, { empty } from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'

export type Community = { unlocked: boolean; version: number; updatedAt: Date | null }

/** Never changed: unlocked, version 0. */
const UNTOUCHED: Community = { unlocked: true, version: 0, updatedAt: null }

export type Channel = {
  id: string
  title: string
  /** Place among the active ones, 1 to 4; null for an archived one. */
  position: number | null
  active: boolean
  membersOnly: boolean
  headSeq: number
  version: number
  createdAt: Date
  updatedAt: Date
}

const channelColumns = sql`id, title, position, active, members_only AS "membersOnly", head_seq AS "headSeq", version,
  created_at AS "createdAt", updated_at AS "updatedAt"`

export async function findCommunity(db: Queryable, org: string): Promise<Community> {
  const [row] = await db.query<Community>(
    sql`SELECT unlocked, version, updated_at AS "updatedAt" FROM communities WHERE org = ${org}`,
  )
  return row ?? UNTOUCHED
}

/** `share` keeps a channel as it is until the transaction ends; `update` also lets nobody else write into its log. */
export async function findChannel(
  db: Queryable,
  org: string,
  id: string,
  lock?: 'share' | 'update',
): Promise<Channel | undefined> {
  const locking = lock === undefined ? empty : lock === 'share' ? sql`FOR SHARE` : sql`FOR UPDATE`
  const [row] = await db.query<Channel>(
    sql`SELECT ${channelColumns} FROM community_channels WHERE org = ${org} AND id = ${id} ${locking}`,
  )
  return row
}
