import sql, { type Sql } from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import type { Entry, Name, NodeKey } from './entry.ts'

export type NodeName = NodeKey & Name
/** A name that something begins to have, and its hash in config_mentions. */
export type Appearing = { name: string; variable: boolean; hash: number }
export type WrittenEntry = { entry: Entry; tokens: number[] }

const keysOf = (keys: readonly NodeKey[]): Sql =>
  sql`unnest(${keys.map(({ type }) => type)}::text[], ${keys.map(({ id }) => id)}::text[]) AS k(type, id)`

/** The names that these configurations have in the index: none when they are not in it. */
export async function namesOfNodes(
  tx: Queryable,
  org: string,
  keys: readonly NodeKey[],
): Promise<NodeName[]> {
  return tx.query<NodeName>(sql`
    SELECT n.type, n.id, n.name, n.kind FROM ${keysOf(keys)} CROSS JOIN LATERAL (
      SELECT * FROM config_names c WHERE c.org = ${org} AND c.type = k.type AND c.id = k.id OFFSET 0) n`)
}

/**
 * One who mentions a name and one who makes it must not miss each other: whoever makes names writes alone, others
 * together. Held until the transaction ends.
 */
export async function lockNames(tx: Queryable, org: string, alone: boolean): Promise<void> {
  const key = `config-names:${org}`
  await tx.query(
    alone
      ? sql`SELECT pg_advisory_xact_lock(hashtextextended(${key}, 0))`
      : sql`SELECT pg_advisory_xact_lock_shared(hashtextextended(${key}, 0))`,
  )
}

/** What titles are searched and sorted by: made here, since what `lower` does depends on the database's locale. */
export const titleKey = (title: string): string => title.toLowerCase()

/** One row of each table's own form, as the statement below reads them. */
export const rowOf = ({ entry, tokens }: WrittenEntry) => ({
  type: entry.type,
  id: entry.id,
  connector: entry.connector,
  title: entry.title,
  title_key: titleKey(entry.title),
  updated_at: entry.updatedAt,
  updated_by: entry.updatedBy,
  tags: entry.tags,
  purposes: entry.purposes,
  blueprint_ids: entry.blueprintIds,
  active: entry.active,
  usage: entry.usage,
  summary: entry.summary,
  natural_key: entry.naturalKey,
  content_hash: entry.contentHash,
  version: entry.version,
  names: entry.names,
  declared: entry.declared,
  words: entry.words,
  variables: entry.variables,
  tokens,
})

/** An entry and whether the index has the configuration, be it as a tombstone: what is new has nothing to look up. */
export type EntryToWrite = WrittenEntry & { known: boolean }

/**
 * Nodes, edges and mentions of many at a time, and the names that they gain, in one statement. Entries are sorted, so
 * that batches lock in one order. Rows are found by LATERAL with OFFSET 0: by the index, whatever the planner believes
 * of tables that it saw small (a write took 200 ms after 20,000 imported documents, now 3).
 */
export async function writeEntries(
  tx: Queryable,
  org: string,
  entries: readonly EntryToWrite[],
  gained: readonly NodeName[],
): Promise<void> {
  const rows = entries.map((each) => ({ ...rowOf(each), known: each.known }))
  const mentioned = [...new Set(entries.flatMap(({ entry }) => [...entry.words, ...entry.variables]))].sort()
  await tx.query(sql`
    WITH e AS MATERIALIZED (
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS e(
        type text, id text, connector text, title text, title_key text, updated_at timestamptz, updated_by text, tags text[],
        purposes text[], blueprint_ids text[], active boolean, usage double precision, summary jsonb, natural_key text,
        content_hash text, version integer, declared json, words text[], variables text[], tokens bigint[],
        known boolean)),
    nodes AS (
      INSERT INTO config_nodes AS n (org, type, id, connector, title, title_key, updated_at, updated_by, tags, purposes,
        blueprint_ids, active, usage, summary, natural_key, content_hash, version)
      SELECT ${org}, type, id, connector, title, title_key, updated_at, updated_by, tags, purposes, blueprint_ids,
             active, usage, summary, natural_key, content_hash, version FROM e
      ON CONFLICT (org, type, id) DO UPDATE SET
        connector = excluded.connector, title = excluded.title, title_key = excluded.title_key,
        updated_at = excluded.updated_at, updated_by = excluded.updated_by, tags = excluded.tags,
        purposes = excluded.purposes, blueprint_ids = excluded.blueprint_ids, active = excluded.active,
        usage = excluded.usage, summary = excluded.summary, natural_key = excluded.natural_key,
        content_hash = excluded.content_hash, version = excluded.version, deleted_at = NULL
       WHERE n.org = ${org}),
    gained AS MATERIALIZED (
      SELECT * FROM unnest(${gained.map(({ name }) => name)}::text[], ${gained.map(({ type }) => type)}::text[],
                           ${gained.map(({ id }) => id)}::text[], ${gained.map(({ kind }) => kind)}::text[])
                    AS g(name, type, id, kind)),
    names AS (
      INSERT INTO config_names (org, name, type, id, kind) SELECT ${org}, name, type, id, kind FROM gained
      ON CONFLICT DO NOTHING),
    here AS MATERIALIZED (
      SELECT n.name, n.variable FROM unnest(${mentioned}::text[]) AS w(name) CROSS JOIN LATERAL (
        SELECT c.name, c.kind = 'variable' AS variable FROM config_names c
         WHERE c.org = ${org} AND c.name = w.name OFFSET 0) n
      UNION SELECT name, kind = 'variable' FROM gained),
    edges AS MATERIALIZED (
      SELECT e.type, e.id, x.name, x."toType" AS to_type, x.kind, x.required
        FROM e, json_to_recordset(e.declared) AS x(name text, "toType" text, kind text, required boolean)
      UNION ALL
      SELECT e.type, e.id, w.name, '', 'text', false
        FROM e, unnest(e.words) AS w(name) JOIN here ON here.name = w.name AND NOT here.variable
      UNION ALL
      SELECT e.type, e.id, v.name, '', 'template', false
        FROM e, unnest(e.variables) AS v(name) JOIN here ON here.name = v.name AND here.variable),
    old AS MATERIALIZED (
      SELECT o.* FROM e CROSS JOIN LATERAL (
        SELECT c.ctid AS row, c.from_type AS type, c.from_id AS id, c.name, c.to_type, c.kind, c.required
          FROM config_edges c WHERE c.org = ${org} AND c.from_type = e.type AND c.from_id = e.id OFFSET 0) o
       WHERE e.known),
    edges_gone AS (
      DELETE FROM config_edges g WHERE g.org = ${org} AND g.ctid = ANY(ARRAY(
        SELECT o.row FROM old o WHERE NOT EXISTS (
          SELECT FROM edges x WHERE x.type = o.type AND x.id = o.id AND x.name = o.name AND x.to_type = o.to_type
                                AND x.kind = o.kind)))),
    edges_new AS (
      INSERT INTO config_edges AS g (org, from_type, from_id, name, to_type, kind, required)
      SELECT ${org}, x.type, x.id, x.name, x.to_type, x.kind, x.required FROM edges x
       WHERE NOT EXISTS (
         SELECT FROM old o WHERE o.type = x.type AND o.id = x.id AND o.name = x.name AND o.to_type = x.to_type
                             AND o.kind = x.kind AND o.required = x.required)
      ON CONFLICT (org, from_type, from_id, name, to_type, kind) DO UPDATE SET required = excluded.required
       WHERE g.org = ${org})
    INSERT INTO config_mentions AS m (org, type, id, tokens) SELECT ${org}, type, id, tokens FROM e
    ON CONFLICT (org, type, id) DO UPDATE SET tokens = excluded.tokens
     WHERE m.org = ${org} AND m.tokens <> excluded.tokens`)
}

/** Takes names from configurations that no longer have them. */
export async function dropNames(tx: Queryable, org: string, lost: readonly NodeName[]): Promise<void> {
  await tx.query(sql`
    DELETE FROM config_names n WHERE n.org = ${org} AND n.ctid = ANY(ARRAY(
      SELECT l.ctid
        FROM unnest(${lost.map(({ name }) => name)}::text[], ${lost.map(({ type }) => type)}::text[],
                    ${lost.map(({ id }) => id)}::text[], ${lost.map(({ kind }) => kind)}::text[])
             AS k(name, type, id, kind)
       CROSS JOIN LATERAL (
         SELECT c.ctid FROM config_names c WHERE c.org = ${org} AND c.name = k.name AND c.type = k.type
                                             AND c.id = k.id AND c.kind = k.kind OFFSET 0) l))`)
}

/**
 * Gives everything that mentions a name its edge to it. By the GIN index always: a plan made while the table was small
 * reads all of it (180 ms of 20,000 rows). Hashes are of this organisation, so the index needs no other condition.
 */
export async function promote(tx: Queryable, org: string, names: readonly Appearing[]): Promise<void> {
  const insertion = sql`
    INSERT INTO config_edges (org, from_type, from_id, name, to_type, kind, required)
    SELECT ${org}, m.type, m.id, x.name, '', CASE WHEN x.variable THEN 'template' ELSE 'text' END, false
      FROM unnest(${names.map(({ name }) => name)}::text[], ${names.map(({ variable }) => variable)}::boolean[],
                  ${names.map(({ hash }) => hash)}::bigint[]) AS x(name, variable, hash)
     CROSS JOIN LATERAL (SELECT * FROM config_mentions m WHERE m.tokens @> ARRAY[x.hash] OFFSET 0) m
     WHERE m.org = ${org}
    ON CONFLICT DO NOTHING`
  await Promise.all([
    tx.query(sql`SET LOCAL enable_seqscan = off`),
    tx.query(insertion),
    tx.query(sql`SET LOCAL enable_seqscan TO DEFAULT`),
  ])
}

/** What is deleted refers to nothing and mentions nothing; it keeps its row and its names. */
export async function tombstoneNodes(
  tx: Queryable,
  org: string,
  keys: readonly NodeKey[],
  at: Date,
): Promise<void> {
  await tx.query(sql`
    WITH k AS MATERIALIZED (SELECT k.type, k.id FROM ${keysOf(keys)}),
    edges AS (
      DELETE FROM config_edges g WHERE g.org = ${org} AND g.ctid = ANY(ARRAY(
        SELECT x.ctid FROM k CROSS JOIN LATERAL (
          SELECT e.ctid FROM config_edges e
           WHERE e.org = ${org} AND e.from_type = k.type AND e.from_id = k.id OFFSET 0) x))),
    mentions AS (
      DELETE FROM config_mentions m WHERE m.org = ${org} AND m.ctid = ANY(ARRAY(
        SELECT x.ctid FROM k CROSS JOIN LATERAL (
          SELECT w.ctid FROM config_mentions w
           WHERE w.org = ${org} AND w.type = k.type AND w.id = k.id OFFSET 0) x)))
    UPDATE config_nodes n SET deleted_at = ${at} WHERE n.org = ${org} AND n.ctid = ANY(ARRAY(
      SELECT x.ctid FROM k CROSS JOIN LATERAL (
        SELECT c.ctid FROM config_nodes c
         WHERE c.org = ${org} AND c.type = k.type AND c.id = k.id AND c.deleted_at IS NULL OFFSET 0) x))`)
}
