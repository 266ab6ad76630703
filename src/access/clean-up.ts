import sql from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'

/** Anybody may register an OAuth client; one that nobody ever allowed anything goes after a month. */
const UNUSED_CLIENT_KEPT_MS = 30 * 24 * 3_600_000

/**
 * Removes what has expired: sessions, authorization codes, tokens, and OAuth clients that were never allowed
 * anything. Keys and grants stay, as the record of who could do what. Answers how many rows went.
 */
export async function removeExpired(db: Queryable, now: Date): Promise<number> {
  const unusedSince = new Date(now.getTime() - UNUSED_CLIENT_KEPT_MS)
  const statements = [
    sql`DELETE FROM auth_oauth_access_token WHERE expires_at < ${now} RETURNING 1`,
    sql`DELETE FROM auth_oauth_refresh_token WHERE expires_at < ${now} RETURNING 1`,
    sql`DELETE FROM auth_verification WHERE expires_at < ${now} RETURNING 1`,
    sql`DELETE FROM auth_oauth_client_assertion WHERE expires_at < ${now} RETURNING 1`,
    sql`DELETE FROM auth_session WHERE expires_at < ${now} RETURNING 1`,
    sql`/* every organisation */
        DELETE FROM auth_oauth_client c
         WHERE c.created_at < ${unusedSince}
           AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.oauth_client_id = c.client_id)
        RETURNING 1`,
  ]
  let removed = 0
  for (const statement of statements) removed += (await db.query(statement)).length
  return removed
}
