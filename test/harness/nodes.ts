import sql from 'sql-template-tag'
import type { Queryable } from '../../src/db/pool.ts'

/** Puts configurations into the index as if a connector had them, for tests of what only counts them. */
export async function indexed(db: Queryable, org: string, type: string, count: number): Promise<void> {
  await db.query(sql`
    INSERT INTO config_nodes (org, type, id, connector, title, title_key, updated_at, tags, purposes, blueprint_ids,
                              usage, summary, content_hash, version)
    SELECT ${org}, ${type}, 'thing-' || n, 'store', 'Thing', 'thing', now(), '{}', '{}', '{}', 0, '{}', '', 1
      FROM generate_series(1, ${count}::integer) AS n`)
}
