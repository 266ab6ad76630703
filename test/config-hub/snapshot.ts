import sql from 'sql-template-tag'
import type { Queryable } from '../../src/db/pool.ts'

/** Everything that the index says of an organisation, in one order. What was deleted has no time here. */
export async function snapshot(db: Queryable, org: string): Promise<Record<string, unknown[]>> {
  return {
    nodes: await db.query(sql`
      SELECT to_jsonb(n) - 'deleted_at' || jsonb_build_object('deleted', deleted_at IS NOT NULL) AS row
        FROM config_nodes n WHERE n.org = ${org} ORDER BY type, id`),
    names: await db.query(sql`
      SELECT type, id, name, kind FROM config_names WHERE org = ${org} ORDER BY type, id, name, kind`),
    edges: await db.query(sql`
      SELECT from_type, from_id, name, to_type, kind, required FROM config_edges WHERE org = ${org}
       ORDER BY from_type, from_id, name, to_type, kind`),
    mentions: await db.query(sql`
      SELECT type, id, tokens FROM config_mentions WHERE org = ${org} ORDER BY type, id`),
  }
}
