import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import { type NodeRow, nodeColumns } from '../index/read-store.ts'

/** The configurations of a type by title, at most so many. */
export const nodesOfType = (db: Queryable, org: string, type: string, most: number): Promise<NodeRow[]> =>
  db.query<NodeRow>(sql`
    SELECT ${nodeColumns} FROM config_nodes c
     WHERE c.org = ${org} AND c.type = ${type} AND c.deleted_at IS NULL
     ORDER BY c.title_key, c.id LIMIT ${most}`)

/** What configurations may be matched by. */
export type MatchKeys = {
  naturalKeys: readonly string[]
  names: readonly string[]
  titles: readonly string[]
}

/** Configurations of a type that have one of these keys: natural keys, aliases or slugs, titles in lower case. */
export const nodesByKeys = (
  db: Queryable,
  org: string,
  type: string,
  { naturalKeys, names, titles }: MatchKeys,
): Promise<NodeRow[]> =>
  db.query<NodeRow>(sql`
    SELECT ${nodeColumns} FROM config_nodes c
     WHERE c.org = ${org} AND c.type = ${type} AND c.deleted_at IS NULL AND c.id IN (
       SELECT id FROM config_nodes WHERE org = ${org} AND type = ${type} AND deleted_at IS NULL
          AND natural_key = ANY(${naturalKeys}::text[])
       UNION SELECT id FROM config_nodes WHERE org = ${org} AND type = ${type} AND deleted_at IS NULL
          AND title_key = ANY(${titles}::text[])
       UNION SELECT id FROM config_names WHERE org = ${org} AND type = ${type} AND kind <> 'id'
          AND name = ANY(${names}::text[]))`)
