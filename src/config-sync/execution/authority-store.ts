import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'

/** What a principal of an organisation may do now: its scopes, and its role where it is a member. */
export type Standing = { scopes: string[] | null; memberRole: 'owner' | 'admin' | 'member' | null }

/** Of a key: undefined when it was revoked or has expired, or whoever it acts for is gone. */
export async function keyStanding(
  db: Queryable,
  org: string,
  id: string,
  now: Date,
): Promise<Standing | undefined> {
  const [row] = await db.query<Standing>(sql`
    SELECT coalesce(g.scopes, k.scopes) AS scopes, m.role AS "memberRole"
      FROM access_keys k
      LEFT JOIN grants g ON g.org = k.org AND g.key_id = k.id
      LEFT JOIN auth_member m ON m.organization_id = k.org AND m.user_id = coalesce(k.user_id, g.delegator_user_id)
     WHERE k.org = ${org} AND k.id = ${id} AND k.revoked_at IS NULL
       AND (k.expires_at IS NULL OR k.expires_at > ${now}) AND (k.role = 'automation' OR m.role IS NOT NULL)
       AND (k.role <> 'agent' OR (g.id IS NOT NULL AND g.revoked_at IS NULL
                                  AND (g.expires_at IS NULL OR g.expires_at > ${now})))`)
  return row
}

export async function grantStanding(
  db: Queryable,
  org: string,
  id: string,
  now: Date,
): Promise<Standing | undefined> {
  const [row] = await db.query<Standing>(sql`
    SELECT g.scopes, m.role AS "memberRole" FROM grants g
      JOIN auth_member m ON m.organization_id = g.org AND m.user_id = g.delegator_user_id
     WHERE g.org = ${org} AND g.id = ${id} AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > ${now})`)
  return row
}

export async function memberStanding(
  db: Queryable,
  org: string,
  userId: string,
): Promise<Standing | undefined> {
  const [row] = await db.query<Standing>(sql`
    SELECT NULL AS scopes, role AS "memberRole" FROM auth_member
     WHERE organization_id = ${org} AND user_id = ${userId}`)
  return row
}
