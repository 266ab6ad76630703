import sql, { empty, type Sql } from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import type { NodeKey, Summary } from './entry.ts'

/** A configuration as the index knows it. */
export type NodeRow = NodeKey & {
  connector: string
  title: string
  titleKey: string
  updatedAt: Date
  updatedBy: string | null
  tags: string[]
  aliases: string[]
  purposes: string[]
  active: boolean | null
  usage: number
  summary: Summary
  naturalKey: string | null
  contentHash: string
  version: number
}

/** Of the node `c`; its names are read for the rows that are answered only. */
export const nodeColumns = sql`c.type, c.id, c.connector, c.title, c.title_key AS "titleKey", c.updated_at AS "updatedAt",
  c.updated_by AS "updatedBy", c.tags, c.purposes, c.active, c.usage, c.summary, c.natural_key AS "naturalKey",
  c.content_hash AS "contentHash", c.version,
  ARRAY(SELECT DISTINCT a.name FROM config_names a
         WHERE a.org = c.org AND a.type = c.type AND a.id = c.id AND a.kind <> 'id' ORDER BY a.name) AS aliases`

/** The configurations of these keys that there are, deleted ones left out. */
export async function nodesOf(db: Queryable, org: string, keys: readonly NodeKey[]): Promise<NodeRow[]> {
  return db.query<NodeRow>(sql`
    SELECT ${nodeColumns}
      FROM unnest(${keys.map(({ type }) => type)}::text[], ${keys.map(({ id }) => id)}::text[]) AS k(type, id)
      JOIN config_nodes c ON c.type = k.type AND c.id = k.id
     WHERE c.org = ${org} AND c.deleted_at IS NULL`)
}

export async function findNode(
  db: Queryable,
  org: string,
  type: string,
  id: string,
): Promise<NodeRow | undefined> {
  const [row] = await nodesOf(db, org, [{ type, id }])
  return row
}

export type Sort = 'updated_at' | 'usage' | 'name'

export type NodeFilter = {
  type: string
  q?: string
  updatedAfter?: Date
  updatedBefore?: Date
  purposes?: readonly string[]
  blueprintIds?: readonly string[]
  activeOnly?: boolean
}

const filtered = (filter: NodeFilter): Sql => {
  const { type, q, updatedAfter, updatedBefore, purposes, blueprintIds, activeOnly } = filter
  const text = q?.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')
  return sql`AND c.type = ${type} AND c.deleted_at IS NULL
    ${text ? sql`AND c.title_key LIKE ${`%${text}%`}` : empty}
    ${updatedAfter ? sql`AND c.updated_at > ${updatedAfter}` : empty}
    ${updatedBefore ? sql`AND c.updated_at < ${updatedBefore}` : empty}
    ${purposes ? sql`AND c.purposes && ${purposes}::text[]` : empty}
    ${blueprintIds ? sql`AND c.blueprint_ids && ${blueprintIds}::text[]` : empty}
    ${activeOnly ? sql`AND c.active IS NOT FALSE` : empty}`
}

/** Where a page begins: the value that the list is sorted by, and the id, of the last row of the page before. */
export type NodePosition = { value: string | number; id: string }

const SORTS: Record<Sort, { order: Sql; after(at: NodePosition): Sql }> = {
  updated_at: {
    order: sql`c.updated_at DESC, c.id DESC`,
    after: ({ value, id }) => sql`(c.updated_at, c.id) < (${value}::timestamptz, ${id})`,
  },
  usage: {
    order: sql`c.usage DESC, c.id DESC`,
    after: ({ value, id }) => sql`(c.usage, c.id) < (${value}::double precision, ${id})`,
  },
  name: {
    order: sql`c.title_key, c.id`,
    after: ({ value, id }) => sql`(c.title_key, c.id) > (${value}, ${id})`,
  },
}

export async function listNodes(
  db: Queryable,
  org: string,
  filter: NodeFilter,
  page: { sort: Sort; after?: NodePosition; size: number },
): Promise<NodeRow[]> {
  const { order, after } = SORTS[page.sort]
  return db.query<NodeRow>(sql`
    SELECT ${nodeColumns} FROM config_nodes c
     WHERE c.org = ${org} ${filtered(filter)} ${page.after ? sql`AND ${after(page.after)}` : empty}
     ORDER BY ${order} LIMIT ${page.size}`)
}

export async function countNodes(db: Queryable, org: string, filter: NodeFilter): Promise<number> {
  const [row] = await db.query<{ total: number }>(
    sql`SELECT count(*) AS total FROM config_nodes c WHERE c.org = ${org} ${filtered(filter)}`,
  )
  return row?.total ?? 0
}

/** Whether the edge `e` is to something that the name `n` names. */
export const resolves = sql`n.org = e.org AND n.name = e.name AND (e.to_type = '' OR n.type = e.to_type)
  AND (e.kind = 'any' OR e.kind = n.kind OR (e.kind = 'text' AND n.kind <> 'variable')
       OR (e.kind = 'template' AND n.kind = 'variable'))`

/** How one refers to another: by which of its names, and whether it must. */
export type Neighbour = NodeRow & { kind: string; required: boolean }

/** Which neighbours to answer: of these types (of all when absent), after the last one of the page before. */
export type NeighbourPage = { types?: readonly string[]; after?: NodeKey; size: number; mostCounted: number }

/** A page of neighbours by type and id; `total` is exact up to `mostCounted`. Undefined: there is no such node. */
export type Neighbours = { total: number; rows: Neighbour[] }

const ofTypes = (column: Sql, types: readonly string[] | undefined): Sql =>
  types ? sql`AND ${column} = ANY(${types}::text[])` : empty

/** One statement: whether the node is there, how many neighbours it has, and the page of them. */
async function neighbours(
  db: Queryable,
  org: string,
  { type, id }: NodeKey,
  { total, page }: { total: Sql; page: Sql },
): Promise<Neighbours | undefined> {
  const rows = await db.query<Neighbour & { total: number }>(sql`
    SELECT t.total, p.*
      FROM (SELECT (${total}) AS total FROM config_nodes s
             WHERE s.org = ${org} AND s.type = ${type} AND s.id = ${id} AND s.deleted_at IS NULL) t
      LEFT JOIN (${page}) p ON true
     ORDER BY p.type, p.id`)
  if (!rows[0]) return undefined
  return { total: rows[0].total, rows: rows.filter((row) => row.type !== null) }
}

/** What a configuration refers to, each once, itself and deleted ones left out. */
export function dependenciesOf(
  db: Queryable,
  org: string,
  key: NodeKey,
  { types, after, size, mostCounted }: NeighbourPage,
): Promise<Neighbours | undefined> {
  const found = sql`
    SELECT n.type, n.id, min(n.kind) AS kind, bool_or(e.required) AS required
      FROM config_edges e JOIN config_names n ON ${resolves}
      JOIN config_nodes f ON f.type = n.type AND f.id = n.id
     WHERE e.org = ${org} AND n.org = ${org} AND f.org = ${org} AND f.deleted_at IS NULL
       AND e.from_type = ${key.type} AND e.from_id = ${key.id}
       AND NOT (n.type = ${key.type} AND n.id = ${key.id}) ${ofTypes(sql`n.type`, types)}
     GROUP BY n.type, n.id`
  return neighbours(db, org, key, {
    total: sql`SELECT count(*) FROM (SELECT FROM (${found}) u LIMIT ${mostCounted + 1}) x`,
    page: sql`
      SELECT ${nodeColumns}, x.kind, x.required
        FROM (SELECT u.* FROM (${found}) u ${after ? sql`WHERE (u.type, u.id) > (${after.type}, ${after.id})` : empty}
               ORDER BY u.type, u.id LIMIT ${size}) x
        JOIN config_nodes c ON c.type = x.type AND c.id = x.id
       WHERE c.org = ${org}`,
  })
}

/** One may name another by one name as any of five kinds, each to its type or to any, in a string and in a template. */
const EDGES_BETWEEN_TWO = 12

/**
 * What refers to a configuration, each once, itself left out (deleted ones refer to nothing). Read in the order of the
 * index on edges by name, so that a page of something that everything refers to costs what any page costs. Each name is
 * looked up once, whatever it is: id, slug and variable are often the same text.
 */
export function usedBy(
  db: Queryable,
  org: string,
  key: NodeKey,
  { types, after, size, mostCounted }: NeighbourPage,
): Promise<Neighbours | undefined> {
  const names = sql`
    SELECT n.name, array_agg(n.kind) AS kinds, bool_or(n.kind = 'variable') AS variable,
           min(n.kind) FILTER (WHERE n.kind <> 'variable') AS word, min(n.kind) AS least
      FROM config_names n WHERE n.org = ${org} AND n.type = ${key.type} AND n.id = ${key.id} GROUP BY n.name`
  const others = sql`e.name = n.name AND (e.to_type = '' OR e.to_type = ${key.type})
    AND (e.kind = 'any' OR e.kind = ANY(n.kinds) OR (e.kind = 'text' AND n.word IS NOT NULL)
         OR (e.kind = 'template' AND n.variable))
    AND NOT (e.from_type = ${key.type} AND e.from_id = ${key.id}) ${ofTypes(sql`e.from_type`, types)}`
  const kind = sql`CASE e.kind WHEN 'any' THEN n.least WHEN 'text' THEN n.word WHEN 'template' THEN 'variable'
                               ELSE e.kind END`
  return neighbours(db, org, key, {
    total: sql`
      SELECT count(*) FROM (
        SELECT DISTINCT u.from_type, u.from_id FROM (${names}) n
         CROSS JOIN LATERAL (
           SELECT DISTINCT e.from_type, e.from_id FROM config_edges e WHERE e.org = ${org} AND ${others}
            ORDER BY e.from_type, e.from_id LIMIT ${mostCounted + 1}) u
         LIMIT ${mostCounted + 1}) x`,
    page: sql`
      SELECT ${nodeColumns}, x.kind, x.required
        FROM (SELECT u.from_type AS type, u.from_id AS id, min(u.kind) AS kind, bool_or(u.required) AS required
                FROM (${names}) n
               CROSS JOIN LATERAL (
                 SELECT e.from_type, e.from_id, ${kind} AS kind, e.required FROM config_edges e
                  WHERE e.org = ${org} AND ${others} ${after ? sql`AND (e.from_type, e.from_id) > (${after.type}, ${after.id})` : empty}
                  ORDER BY e.from_type, e.from_id LIMIT ${size * EDGES_BETWEEN_TWO}) u
               GROUP BY u.from_type, u.from_id
               ORDER BY u.from_type, u.from_id LIMIT ${size}) x
        JOIN config_nodes c ON c.type = x.type AND c.id = x.id
       WHERE c.org = ${org}`,
  })
}
