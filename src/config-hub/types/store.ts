import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import type { TypeDefinition } from './definition.ts'

/** What an organisation stored of a type: a whole definition of its own, or what it changes of a built-in one. */
export type StoredType = {
  type: string
  definition: TypeDefinition | Override
  version: number
  updatedAt: Date
  updatedBy: string
}
export type Override = Partial<Pick<TypeDefinition, 'connector' | 'json_schema'>>

/** Everything the organisation stored, by type. */
export const storedTypes = (db: Queryable, org: string): Promise<Pick<StoredType, 'type' | 'definition'>[]> =>
  db.query(sql`SELECT type, definition FROM config_types WHERE org = ${org} ORDER BY type`)

/** One of them; with `lock` no other writer changes it before the transaction ends. */
export async function storedType(
  db: Queryable,
  org: string,
  type: string,
  lock = false,
): Promise<StoredType | undefined> {
  const [row] = lock
    ? await db.query<StoredType>(sql`
        SELECT type, definition, version, updated_at AS "updatedAt", updated_by AS "updatedBy"
          FROM config_types WHERE org = ${org} AND type = ${type} FOR UPDATE`)
    : await db.query<StoredType>(sql`
        SELECT type, definition, version, updated_at AS "updatedAt", updated_by AS "updatedBy"
          FROM config_types WHERE org = ${org} AND type = ${type}`)
  return row
}

/**
 * Stores a type in place of the version that the caller saw (0: there was none). Answers the new version, undefined
 * when somebody else was first.
 */
export async function putType(
  db: Queryable,
  org: string,
  { type, definition, seen, now, author }: NewType,
): Promise<number | undefined> {
  const [row] = await db.query<{ version: number }>(sql`
    INSERT INTO config_types (org, type, definition, version, created_at, updated_at, updated_by)
    VALUES (${org}, ${type}, ${JSON.stringify(definition)}::jsonb, ${seen + 1}, ${now}, ${now}, ${author})
    ON CONFLICT (org, type) DO UPDATE
       SET definition = excluded.definition, version = excluded.version, updated_by = excluded.updated_by,
           updated_at = greatest(excluded.updated_at, config_types.updated_at + interval '1 millisecond')
     WHERE config_types.org = ${org} AND config_types.version = ${seen}
    RETURNING version`)
  return row?.version
}
type NewType = Pick<StoredType, 'type' | 'definition'> & { seen: number; now: Date; author: string }

/** False when the version is not the one that the caller saw. */
export async function deleteType(db: Queryable, org: string, type: string, seen: number): Promise<boolean> {
  const rows = await db.query(sql`
    DELETE FROM config_types WHERE org = ${org} AND type = ${type} AND version = ${seen} RETURNING 1`)
  return rows.length === 1
}

/** How many configurations of the type the index has, counted up to `most`. */
export async function countConfigs(db: Queryable, org: string, type: string, most: number): Promise<number> {
  const [row] = await db.query<{ count: number }>(sql`
    SELECT count(*)::integer AS count FROM (
      SELECT 1 FROM config_nodes WHERE org = ${org} AND type = ${type} AND deleted_at IS NULL LIMIT ${most}) AS counted`)
  return row?.count ?? 0
}

/** Those of the types that are stored, kept as they are until the transaction ends. */
export async function lockTypes(db: Queryable, org: string, types: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ type: string }>(sql`
    SELECT type FROM config_types WHERE org = ${org} AND type = ANY(${types}) ORDER BY type FOR SHARE`)
  return rows.map(({ type }) => type)
}
