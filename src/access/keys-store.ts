import sql from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'
import type { Client, KeyRole } from './principal.ts'

export type KeyRow = {
  org: string
  id: string
  secretId: string
  role: KeyRole
  name: string
  userId: string | null
  scopes: string[]
  createdAt: Date
  expiresAt: Date | null
}

export async function insertKey(db: Queryable, row: KeyRow): Promise<void> {
  await db.query(sql`
    INSERT INTO access_keys (org, id, secret_id, role, name, user_id, scopes, created_at, expires_at)
    VALUES (${row.org}, ${row.id}, ${row.secretId}, ${row.role}, ${row.name}, ${row.userId}, ${row.scopes},
            ${row.createdAt}, ${row.expiresAt})`)
}

/** A secret without a key row opens nothing; this removes one whose key could not be stored. */
export async function deleteSecret(db: Queryable, secretId: string): Promise<void> {
  await db.query(sql`DELETE FROM auth_apikey WHERE id = ${secretId}`)
}

/** Revokes the key, its grant and its secret in one statement; false when there is no such living key. */
export async function revokeKeyRow(db: Queryable, org: string, id: string, now: Date): Promise<boolean> {
  const revoked = await db.query(sql`
    WITH revoked AS (
      UPDATE access_keys SET revoked_at = ${now}
       WHERE org = ${org} AND id = ${id} AND revoked_at IS NULL RETURNING org, id, secret_id),
    ended AS (
      UPDATE grants g SET revoked_at = ${now} FROM revoked r
       WHERE g.org = r.org AND g.key_id = r.id AND g.revoked_at IS NULL),
    disabled AS (
      UPDATE auth_apikey s SET enabled = false, updated_at = ${now} FROM revoked r WHERE s.id = r.secret_id)
    SELECT 1 FROM revoked`)
  return revoked.length === 1
}

export type ListedKey = {
  id: string
  org: string
  role: KeyRole
  name: string
  scopes: string[]
  /** E-mail of the person it acts for, or of the delegator. */
  actsFor: string | null
  createdAt: Date
  expiresAt: Date | null
  revokedAt: Date | null
}

export const selectKeys = (db: Queryable, org: string): Promise<ListedKey[]> =>
  db.query<ListedKey>(sql`
    SELECT k.id, k.org, k.role, k.name, k.scopes, u.email AS "actsFor", k.created_at AS "createdAt",
           k.expires_at AS "expiresAt", k.revoked_at AS "revokedAt"
      FROM access_keys k
      LEFT JOIN grants g ON g.org = k.org AND g.key_id = k.id
      LEFT JOIN auth_user u ON u.id = coalesce(k.user_id, g.delegator_user_id)
     WHERE k.org = ${org} ORDER BY k.created_at, k.id`)

export type GrantRow = {
  org: string
  id: string
  delegatorUserId: string
  client: Client
  scopes: string[]
  createdAt: Date
  expiresAt: Date | null
}

export async function insertKeyGrant(db: Queryable, row: GrantRow & { keyId: string }): Promise<void> {
  await db.query(sql`
    INSERT INTO grants (org, id, delegator_user_id, client, scopes, key_id, created_at, expires_at)
    VALUES (${row.org}, ${row.id}, ${row.delegatorUserId}, ${JSON.stringify(row.client)}, ${row.scopes}, ${row.keyId},
            ${row.createdAt}, ${row.expiresAt})`)
}

/** Stores a consent: the living grant of the same person and client takes its scopes and expiry, or a new one begins. */
export async function upsertConsentGrant(
  db: Queryable,
  row: GrantRow & { oauthClientId: string },
): Promise<string> {
  const [grant] = await db.query<{ id: string }>(sql`
    INSERT INTO grants (org, id, delegator_user_id, client, scopes, oauth_client_id, created_at, expires_at)
    VALUES (${row.org}, ${row.id}, ${row.delegatorUserId}, ${JSON.stringify(row.client)}, ${row.scopes},
            ${row.oauthClientId}, ${row.createdAt}, ${row.expiresAt})
    ON CONFLICT (org, delegator_user_id, oauth_client_id) WHERE oauth_client_id IS NOT NULL AND revoked_at IS NULL
    DO UPDATE SET scopes = excluded.scopes, expires_at = excluded.expires_at, client = excluded.client
    RETURNING id`)
  return (grant as { id: string }).id
}

export async function revokeGrantRow(db: Queryable, org: string, id: string, now: Date): Promise<boolean> {
  const revoked = await db.query(sql`
    UPDATE grants SET revoked_at = ${now} WHERE org = ${org} AND id = ${id} AND revoked_at IS NULL RETURNING 1`)
  return revoked.length === 1
}

export type ListedGrant = {
  id: string
  org: string
  client: Client
  scopes: string[]
  delegator: string
  givenBy: 'key' | 'consent'
  createdAt: Date
  expiresAt: Date | null
  revokedAt: Date | null
}

export const selectGrants = (db: Queryable, org: string): Promise<ListedGrant[]> =>
  db.query<ListedGrant>(sql`
    SELECT g.id, g.org, g.client, g.scopes, u.email AS delegator,
           CASE WHEN g.key_id IS NULL THEN 'consent' ELSE 'key' END AS "givenBy", g.created_at AS "createdAt",
           g.expires_at AS "expiresAt", g.revoked_at AS "revokedAt"
      FROM grants g JOIN auth_user u ON u.id = g.delegator_user_id
     WHERE g.org = ${org} ORDER BY g.created_at, g.id`)

export type OAuthClient = { clientId: string; name: string | null; disabled: boolean | null }

export async function findOAuthClient(db: Queryable, clientId: string): Promise<OAuthClient | undefined> {
  const [row] = await db.query<OAuthClient>(sql`
    SELECT client_id AS "clientId", name, disabled FROM auth_oauth_client WHERE client_id = ${clientId}`)
  return row
}

/** The living grant of a person and an OAuth client, whose id a further consent goes on with. */
export async function findConsentGrant(
  db: Queryable,
  at: Pick<GrantRow, 'org' | 'delegatorUserId'> & { oauthClientId: string },
): Promise<string | undefined> {
  const [row] = await db.query<{ id: string }>(sql`
    SELECT id FROM grants WHERE org = ${at.org} AND delegator_user_id = ${at.delegatorUserId}
       AND oauth_client_id = ${at.oauthClientId} AND revoked_at IS NULL`)
  return row?.id
}

/**
 * Removes a refresh token whose grant no longer lives, so that the client is told to ask the person again instead of
 * receiving access tokens that open nothing.
 */
export async function dropDeadRefreshToken(db: Queryable, hash: string, now: Date): Promise<void> {
  await db.query(sql`/* every organisation */
    DELETE FROM auth_oauth_refresh_token t
     WHERE t.token = ${hash}
       AND NOT EXISTS (
         SELECT 1 FROM grants g
           JOIN auth_member m ON m.organization_id = g.org AND m.user_id = g.delegator_user_id
          WHERE g.id = t.reference_id AND g.delegator_user_id = t.user_id AND g.revoked_at IS NULL
            AND (g.expires_at IS NULL OR g.expires_at > ${now}))`)
}
