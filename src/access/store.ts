import sql, { type Sql } from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'
import type { Client, KeyRole, MemberRole, Membership, Person } from './principal.ts'

/**
 * All SQL of access but the one that better-auth writes itself. The lookups by credential do not bind an
 * organisation, as everything else does: they are what finds it.
 */

export type KeyLookup = {
  org: string
  keyId: string
  keyRole: KeyRole
  name: string
  scopes: string[]
  person: Person | null
  memberRole: MemberRole | null
  grantId: string | null
  grantScopes: string[] | null
  client: Client | null
}

const keyColumns = sql`k.org, k.id AS "keyId", k.role AS "keyRole", k.name, k.scopes,
  CASE WHEN u.id IS NOT NULL THEN jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email) END AS person,
  m.role AS "memberRole", g.id AS "grantId", g.scopes AS "grantScopes", g.client`

/** All that decides whether a key still counts. */
const keyLives = (now: Date): Sql => sql`s.enabled AND (s.expires_at IS NULL OR s.expires_at > ${now})
  AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ${now})
  AND (k.role = 'automation' OR m.role IS NOT NULL)
  AND (k.role <> 'agent' OR (g.id IS NOT NULL AND g.revoked_at IS NULL
                             AND (g.expires_at IS NULL OR g.expires_at > ${now})))`

/** The key of a bearer: one statement, found by the index on the hash. */
export async function findKey(db: Queryable, hash: string, now: Date): Promise<KeyLookup | undefined> {
  const [row] = await db.query<KeyLookup>(sql`/* every organisation */
    SELECT ${keyColumns}
      FROM auth_apikey s
      JOIN access_keys k ON k.secret_id = s.id
      LEFT JOIN grants g ON g.org = k.org AND g.key_id = k.id
      LEFT JOIN auth_user u ON u.id = coalesce(k.user_id, g.delegator_user_id)
      LEFT JOIN auth_member m ON m.organization_id = k.org AND m.user_id = u.id
     WHERE s.key = ${hash} AND ${keyLives(now)}`)
  return row
}

export async function findKeyById(
  db: Queryable,
  org: string,
  id: string,
  now: Date,
): Promise<KeyLookup | undefined> {
  const [row] = await db.query<KeyLookup>(sql`
    SELECT ${keyColumns}
      FROM access_keys k
      JOIN auth_apikey s ON s.id = k.secret_id
      LEFT JOIN grants g ON g.org = ${org} AND g.key_id = k.id
      LEFT JOIN auth_user u ON u.id = coalesce(k.user_id, g.delegator_user_id)
      LEFT JOIN auth_member m ON m.organization_id = k.org AND m.user_id = u.id
     WHERE k.org = ${org} AND k.id = ${id} AND ${keyLives(now)}`)
  return row
}

export type GrantLookup = {
  id: string
  org: string
  scopes: string[]
  client: Client
  person: Person
  memberRole: MemberRole
}

/** A grant that still counts, with its key or its OAuth client, whichever it was given by. */
export async function findGrantById(
  db: Queryable,
  org: string,
  id: string,
  now: Date,
): Promise<GrantLookup | undefined> {
  const [row] = await db.query<GrantLookup>(sql`
    SELECT g.id, g.org, g.scopes, g.client, jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email) AS person,
           m.role AS "memberRole"
      FROM grants g
      JOIN auth_user u ON u.id = g.delegator_user_id
      JOIN auth_member m ON m.organization_id = g.org AND m.user_id = u.id
      LEFT JOIN access_keys k ON k.org = g.org AND k.id = g.key_id
      LEFT JOIN auth_apikey s ON s.id = k.secret_id
      LEFT JOIN auth_oauth_client c ON c.client_id = g.oauth_client_id
     WHERE g.org = ${org} AND g.id = ${id}
       AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > ${now})
       AND CASE WHEN g.key_id IS NULL THEN c.disabled IS NOT TRUE
                ELSE s.enabled AND (s.expires_at IS NULL OR s.expires_at > ${now})
                     AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ${now}) END`)
  return row
}

export async function findMemberById(
  db: Queryable,
  org: string,
  userId: string,
): Promise<{ person: Person; role: MemberRole } | undefined> {
  const [row] = await db.query<{ person: Person; role: MemberRole }>(sql`
    SELECT jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email) AS person, m.role
      FROM auth_member m JOIN auth_user u ON u.id = m.user_id
     WHERE m.organization_id = ${org} AND m.user_id = ${userId}`)
  return row
}

export type TokenLookup = {
  org: string
  grantId: string
  grantScopes: string[]
  tokenScopes: string[]
  client: Client
  person: Person
  memberRole: MemberRole
}

/** The grant behind an OAuth access token. Tokens bound to a proof (DPoP) are not bearers and do not count. */
export async function findToken(db: Queryable, hash: string, now: Date): Promise<TokenLookup | undefined> {
  const [row] = await db.query<TokenLookup>(sql`/* every organisation */
    SELECT g.org, g.id AS "grantId", g.scopes AS "grantScopes", t.scopes AS "tokenScopes", g.client,
           jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email) AS person, m.role AS "memberRole"
      FROM auth_oauth_access_token t
      JOIN grants g ON g.id = t.reference_id AND g.delegator_user_id = t.user_id AND g.oauth_client_id = t.client_id
      JOIN auth_oauth_client c ON c.client_id = t.client_id AND c.disabled IS NOT TRUE
      JOIN auth_user u ON u.id = g.delegator_user_id
      JOIN auth_member m ON m.organization_id = g.org AND m.user_id = u.id
     WHERE t.token = ${hash}
       AND t.expires_at > ${now} AND t.revoked IS NULL AND t.confirmation IS NULL
       AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > ${now})`)
  return row
}

export type SessionLookup = { person: Person; activeOrg: string | null; memberships: Membership[] }

/** The person of a session token, with every membership, the oldest first. */
export async function findSession(
  db: Queryable,
  token: string,
  now: Date,
): Promise<SessionLookup | undefined> {
  const [row] = await db.query<SessionLookup>(sql`
    SELECT jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email) AS person,
           s.active_organization_id AS "activeOrg",
           (SELECT coalesce(jsonb_agg(jsonb_build_object('org', m.organization_id, 'role', m.role)
                                      ORDER BY m.created_at, m.organization_id), '[]')
              FROM auth_member m WHERE m.user_id = u.id) AS memberships
      FROM auth_session s JOIN auth_user u ON u.id = s.user_id
     WHERE s.token = ${token} AND s.expires_at > ${now}`)
  return row
}

export async function organisationExists(db: Queryable, org: string): Promise<boolean> {
  return (await db.query(sql`SELECT 1 FROM auth_organization WHERE id = ${org}`)).length > 0
}

/** False when the slug is taken. */
export async function insertOrganisation(
  db: Queryable,
  row: { org: string; name: string; now: Date },
): Promise<boolean> {
  const inserted = await db.query(sql`
    INSERT INTO auth_organization (id, slug, name, created_at) VALUES (${row.org}, ${row.org}, ${row.name}, ${row.now})
    ON CONFLICT DO NOTHING RETURNING 1`)
  return inserted.length === 1
}

export type OrganisationRow = { org: string; name: string; createdAt: Date }

export const selectOrganisations = (db: Queryable): Promise<OrganisationRow[]> =>
  db.query<OrganisationRow>(sql`
    SELECT id AS org, name, created_at AS "createdAt" FROM auth_organization ORDER BY created_at, id`)

export async function findUserByEmail(db: Queryable, email: string): Promise<Person | undefined> {
  const [row] = await db.query<Person>(
    sql`SELECT id, name, email FROM auth_user WHERE email = ${email.toLowerCase()}`,
  )
  return row
}

/** The address of an account, null when there is none. */
export async function emailOfUser(db: Queryable, userId: string): Promise<string | null> {
  const [row] = await db.query<{ email: string }>(sql`SELECT email FROM auth_user WHERE id = ${userId}`)
  return row?.email ?? null
}

/** False when the address is taken. */
export async function insertUser(db: Queryable, row: Person & { now: Date }): Promise<boolean> {
  const inserted = await db.query(sql`
    INSERT INTO auth_user (id, name, email, email_verified, created_at, updated_at)
    VALUES (${row.id}, ${row.name}, ${row.email.toLowerCase()}, true, ${row.now}, ${row.now})
    ON CONFLICT (email) DO NOTHING RETURNING 1`)
  return inserted.length === 1
}

/** The row by which better-auth signs a person in with a password. */
export async function insertPassword(
  db: Queryable,
  row: { id: string; userId: string; hash: string; now: Date },
): Promise<void> {
  await db.query(sql`
    INSERT INTO auth_account (id, account_id, provider_id, user_id, password, created_at, updated_at)
    VALUES (${row.id}, ${row.userId}, 'credential', ${row.userId}, ${row.hash}, ${row.now}, ${row.now})`)
}

/** False when the person is a member already. */
export async function insertMember(
  db: Queryable,
  row: { id: string; org: string; userId: string; role: MemberRole; now: Date },
): Promise<boolean> {
  const inserted = await db.query(sql`
    INSERT INTO auth_member (id, organization_id, user_id, role, created_at)
    VALUES (${row.id}, ${row.org}, ${row.userId}, ${row.role}, ${row.now})
    ON CONFLICT (organization_id, user_id) DO NOTHING RETURNING 1`)
  return inserted.length === 1
}

export async function findMember(
  db: Queryable,
  org: string,
  userId: string,
): Promise<MemberRole | undefined> {
  const [row] = await db.query<{ role: MemberRole }>(sql`
    SELECT role FROM auth_member WHERE organization_id = ${org} AND user_id = ${userId}`)
  return row?.role
}

export async function updateMemberRole(
  db: Queryable,
  org: string,
  userId: string,
  role: MemberRole,
): Promise<boolean> {
  const moved = await db.query(sql`
    UPDATE auth_member SET role = ${role} WHERE organization_id = ${org} AND user_id = ${userId} RETURNING 1`)
  return moved.length === 1
}

export async function deleteMember(db: Queryable, org: string, userId: string): Promise<boolean> {
  const gone = await db.query(sql`
    DELETE FROM auth_member WHERE organization_id = ${org} AND user_id = ${userId} RETURNING 1`)
  return gone.length === 1
}

/** Owners who can sign in, the first one first: people made for a key have no password. */
export const selectOwners = (db: Queryable, org: string): Promise<Person[]> =>
  db.query<Person>(sql`
    SELECT u.id, u.name, u.email FROM auth_member m JOIN auth_user u ON u.id = m.user_id
     WHERE m.organization_id = ${org} AND m.role = 'owner'
       AND EXISTS (SELECT 1 FROM auth_account a WHERE a.user_id = u.id AND a.password IS NOT NULL)
     ORDER BY m.created_at, u.id`)

/** People who could resolve an approval: owners and admins who can sign in. */
export async function countApprovers(db: Queryable, org: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(sql`
    SELECT count(*)::int AS count FROM auth_member m
     WHERE m.organization_id = ${org} AND m.role IN ('owner', 'admin')
       AND EXISTS (SELECT 1 FROM auth_account a WHERE a.user_id = m.user_id AND a.password IS NOT NULL)`)
  return row?.count ?? 0
}
