import sql, { empty, join, raw, type Sql } from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import type { EdgeKind, NameKind, NodeKey } from '../index/entry.ts'
import { type NodeRow, nodeColumns, resolves } from '../index/read-store.ts'

/** One configuration refers to another by one kind of name. Its references to itself are left out. */
export type Edge = {
  fromType: string
  fromId: string
  toType: string
  toId: string
  kind: NameKind
  required: boolean
}

const keysOf = (keys: readonly NodeKey[]): Sql =>
  sql`unnest(${keys.map(({ type }) => type)}::text[], ${keys.map(({ id }) => id)}::text[]) AS k(type, id)`

type EdgesOf = { types: readonly string[]; most: number }

/** What these configurations refer to among those types: at most so many edges, by target. */
export async function edgesFrom(
  db: Queryable,
  org: string,
  keys: readonly NodeKey[],
  { types, most }: EdgesOf,
): Promise<Edge[]> {
  return db.query<Edge>(sql`
    SELECT e.from_type AS "fromType", e.from_id AS "fromId", n.type AS "toType", n.id AS "toId", n.kind,
           bool_or(e.required) AS required
      FROM ${keysOf(keys)}
      JOIN config_edges e ON e.from_type = k.type AND e.from_id = k.id
      JOIN config_names n ON ${resolves}
      JOIN config_nodes c ON c.type = n.type AND c.id = n.id
     WHERE e.org = ${org} AND n.org = ${org} AND c.org = ${org} AND c.deleted_at IS NULL
       AND n.type = ANY(${types}::text[]) AND NOT (n.type = e.from_type AND n.id = e.from_id)
     GROUP BY e.from_type, e.from_id, n.type, n.id, n.kind
     ORDER BY n.type, n.id, e.from_type, e.from_id, n.kind LIMIT ${most}`)
}

/**
 * What refers to these configurations among those types: at most so many edges, by who refers. With `sole` an edge is
 * required only if nothing else answers to its name, so that it breaks when the target goes.
 */
export async function edgesTo(
  db: Queryable,
  org: string,
  keys: readonly NodeKey[],
  { types, most, sole = false }: EdgesOf & { sole?: boolean },
): Promise<Edge[]> {
  return db.query<Edge>(sql`
    SELECT e.from_type AS "fromType", e.from_id AS "fromId", n.type AS "toType", n.id AS "toId", n.kind,
           bool_or(e.required ${sole ? sql`AND NOT EXISTS (${another(org)})` : empty}) AS required
      FROM ${keysOf(keys)}
      JOIN config_names n ON n.type = k.type AND n.id = k.id
      JOIN config_edges e ON ${resolves}
      JOIN config_nodes c ON c.type = e.from_type AND c.id = e.from_id
     WHERE e.org = ${org} AND n.org = ${org} AND c.org = ${org} AND c.deleted_at IS NULL
       AND e.from_type = ANY(${types}::text[]) AND NOT (n.type = e.from_type AND n.id = e.from_id)
     GROUP BY e.from_type, e.from_id, n.type, n.id, n.kind
     ORDER BY e.from_type, e.from_id, n.type, n.id, n.kind LIMIT ${most}`)
}

/** What else than k answers to the name of the edge e. */
const another = (org: string): Sql => sql`
  SELECT FROM config_names n JOIN config_nodes c ON c.type = n.type AND c.id = n.id
   WHERE n.org = ${org} AND c.org = ${org} AND ${resolves} AND c.deleted_at IS NULL
     AND NOT (n.type = k.type AND n.id = k.id)`

/** How each of these refers to the next to it in `to`, which may be itself. */
export async function edgesBetween(
  db: Queryable,
  org: string,
  from: readonly NodeKey[],
  to: readonly NodeKey[],
): Promise<Edge[]> {
  const texts = (keys: readonly NodeKey[], part: keyof NodeKey) =>
    sql`${keys.map((key) => key[part])}::text[]`
  return db.query<Edge>(sql`
    SELECT e.from_type AS "fromType", e.from_id AS "fromId", n.type AS "toType", n.id AS "toId", min(n.kind) AS kind,
           bool_or(e.required) AS required
      FROM unnest(${texts(from, 'type')}, ${texts(from, 'id')}, ${texts(to, 'type')}, ${texts(to, 'id')})
           AS k(type, id, to_type, to_id)
      JOIN config_edges e ON e.from_type = k.type AND e.from_id = k.id
      JOIN config_names n ON ${resolves} AND n.type = k.to_type AND n.id = k.to_id
     WHERE e.org = ${org} AND n.org = ${org}
     GROUP BY e.from_type, e.from_id, n.type, n.id`)
}

/** Live configurations of these types, numbered from 0 by type and id. */
const numbered = (org: string, types: readonly string[]): Sql => sql`
  v AS MATERIALIZED (
    SELECT c.type, c.id, row_number() OVER (ORDER BY c.type, c.id)::integer - 1 AS number
      FROM config_nodes c
     WHERE c.org = ${org} AND c.deleted_at IS NULL AND c.type = ANY(${types}::text[]))`

/** Everything below is asked in one transaction that sees one state, so that numbers mean the same in each. */
export async function oneState(tx: Queryable): Promise<void> {
  await tx.query(sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY`)
}

/** How many configurations of these types there are, and how many of them stand before `key` or at it. */
export async function countNumbered(
  tx: Queryable,
  org: string,
  types: readonly string[],
  key?: NodeKey,
): Promise<{ all: number; through: number }> {
  const through = key ? sql`WHERE (type, id) <= (${key.type}, ${key.id})` : sql`WHERE false`
  const [row] = await tx.query<{ all: number; through: number }>(sql`
    WITH ${numbered(org, types)}
    SELECT count(*) AS "all", (SELECT count(*) FROM v ${through}) AS through FROM v`)
  return row ?? { all: 0, through: 0 }
}

export type NumberedKey = NodeKey & { number: number; title: string }

export async function keysOfNumbers(
  tx: Queryable,
  org: string,
  types: readonly string[],
  numbers: readonly number[],
): Promise<NumberedKey[]> {
  return tx.query<NumberedKey>(sql`
    WITH ${numbered(org, types)}
    SELECT v.type, v.id, v.number, t.title FROM v JOIN config_nodes t ON t.type = v.type AND t.id = v.id
     WHERE t.org = ${org} AND v.number = ANY(${numbers}::integer[])`)
}

/** Every edge between configurations of these types by their numbers, once and self references too, in batches. */
export async function* edgesOfAll(
  tx: Queryable,
  org: string,
  types: readonly string[],
  batch: number,
): AsyncGenerator<{ from: number; to: number }[]> {
  // all of it is read: without this the plan is the one that answers the first rows soonest
  await tx.query(sql`SET LOCAL cursor_tuple_fraction = 1`)
  await tx.query(sql`
    DECLARE every_edge NO SCROLL CURSOR FOR
    WITH ${numbered(org, types)}
    SELECT DISTINCT f.number AS "from", t.number AS "to"
      FROM config_edges e
      JOIN config_names n ON ${resolves}
      JOIN v f ON f.type = e.from_type AND f.id = e.from_id
      JOIN v t ON t.type = n.type AND t.id = n.id
     WHERE e.org = ${org} AND n.org = ${org}`)
  for (;;) {
    const rows = await tx.query<{ from: number; to: number }>(
      sql`FETCH ${raw(String(batch))} FROM every_edge`,
    )
    if (rows.length > 0) yield rows
    if (rows.length < batch) break
  }
  await tx.query(sql`CLOSE every_edge`)
}

/** Configurations that nothing else refers to, and with `isolated` that refer to nothing else either. */
export async function listOrphans(
  db: Queryable,
  org: string,
  {
    types,
    isolated,
    after,
    size,
  }: { types: readonly string[]; isolated: boolean; after?: NodeKey; size: number },
): Promise<NodeRow[]> {
  return db.query<NodeRow>(sql`
    SELECT ${nodeColumns} FROM config_nodes c
     WHERE c.org = ${org} AND c.deleted_at IS NULL AND c.type = ANY(${types}::text[])
       ${after ? sql`AND (c.type, c.id) > (${after.type}, ${after.id})` : empty}
       AND NOT EXISTS (
         SELECT FROM config_names n
           JOIN config_edges e ON ${resolves}
           JOIN config_nodes f ON f.type = e.from_type AND f.id = e.from_id
          WHERE n.org = ${org} AND e.org = ${org} AND f.org = ${org} AND n.type = c.type AND n.id = c.id
            AND f.deleted_at IS NULL AND NOT (f.type = c.type AND f.id = c.id))
       ${isolated ? sql`AND NOT EXISTS (${others(org)})` : empty}
     ORDER BY c.type, c.id LIMIT ${size}`)
}

/** What else than itself c refers to. */
const others = (org: string): Sql => sql`
  SELECT FROM config_edges e
    JOIN config_names n ON ${resolves}
    JOIN config_nodes t ON t.type = n.type AND t.id = n.id
   WHERE e.org = ${org} AND n.org = ${org} AND t.org = ${org} AND e.from_type = c.type AND e.from_id = c.id
     AND t.deleted_at IS NULL AND NOT (t.type = c.type AND t.id = c.id)`

/** A reference that leads to nothing that lives; `deleted` is what it led to last. */
export type DanglingRow = {
  fromType: string
  fromId: string
  title: string
  name: string
  toType: string
  kind: EdgeKind
  required: boolean
  deletedType: string | null
  deletedId: string | null
  deletedAt: Date | null
}
/** Key of an edge: by it the list is ordered. */
export type EdgeKey = [fromType: string, fromId: string, name: string, toType: string, kind: string]

/** A declared reference by the same name as e, whose value is one of the texts. */
const declared = (org: string): Sql => sql`
  SELECT FROM config_edges s
   WHERE s.org = ${org} AND s.from_type = e.from_type AND s.from_id = e.from_id AND s.name = e.name
     AND s.kind NOT IN ('text', 'template')`

/**
 * References of configurations of these types that dangle, each once; words and variables only if what they named is
 * deleted.
 */
export async function listDangling(
  db: Queryable,
  org: string,
  {
    types,
    required,
    after,
    size,
  }: { types: readonly string[]; required: boolean; after?: EdgeKey; size: number },
): Promise<DanglingRow[]> {
  return db.query<DanglingRow>(sql`
    SELECT e.from_type AS "fromType", e.from_id AS "fromId", f.title, e.name, e.to_type AS "toType", e.kind, e.required,
           d.type AS "deletedType", d.id AS "deletedId", d.deleted_at AS "deletedAt"
      FROM config_edges e
      JOIN config_nodes f ON f.type = e.from_type AND f.id = e.from_id
      LEFT JOIN LATERAL (
        SELECT c.type, c.id, c.deleted_at FROM config_names n JOIN config_nodes c ON c.type = n.type AND c.id = n.id
         WHERE n.org = ${org} AND c.org = ${org} AND ${resolves} AND c.deleted_at IS NOT NULL
         ORDER BY c.deleted_at DESC, c.type, c.id LIMIT 1) d ON true
     WHERE e.org = ${org} AND f.org = ${org} AND f.deleted_at IS NULL AND e.from_type = ANY(${types}::text[])
       ${required ? sql`AND e.required` : empty}
       ${after ? sql`AND (e.from_type, e.from_id, e.name, e.to_type, e.kind) > (${join([...after])})` : empty}
       AND NOT EXISTS (
         SELECT FROM config_names n JOIN config_nodes c ON c.type = n.type AND c.id = n.id
          WHERE n.org = ${org} AND c.org = ${org} AND ${resolves} AND c.deleted_at IS NULL)
       AND (e.kind NOT IN ('text', 'template') OR (d.id IS NOT NULL AND NOT EXISTS (${declared(org)})))
     ORDER BY e.from_type, e.from_id, e.name, e.to_type, e.kind LIMIT ${size}`)
}
