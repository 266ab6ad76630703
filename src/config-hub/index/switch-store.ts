import sql, { empty, type Sql } from 'sql-template-tag'
import type { Queryable, Transaction } from '../../db/pool.ts'
import type { NodeKey } from './entry.ts'
import type { Build } from './status-store.ts'

/** Staged configurations after one and up to another, in the order of their keys. */
export type Slice = { after: NodeKey | null; to: NodeKey }
/** Which staged configurations: those of the built-in store, those of other places, or all. */
export type Places = 'store' | 'elsewhere' | 'all'

const OF: Record<Places, Sql> = {
  all: empty,
  store: sql`AND s.connector = 'store'`,
  elsewhere: sql`AND s.connector <> 'store'`,
}

const within = ({ after, to }: Slice): Sql => sql`
  ${after ? sql`AND (s.type, s.id) > (${after.type}, ${after.id})` : empty} AND (s.type, s.id) <= (${to.type}, ${to.id})`

/** The next `size` staged configurations that differ from the index; undefined when there are no more. */
export async function nextSlice(
  db: Queryable,
  { org, token }: Build,
  { after, size, of, type }: { after: NodeKey | null; size: number; of: Places; type?: string },
): Promise<Slice | undefined> {
  const [to] = await db.query<NodeKey>(sql`
    SELECT type, id FROM (
      SELECT s.type, s.id FROM config_staged s
       WHERE s.org = ${org} AND s.build_token = ${token} AND s.differs ${OF[of]}
         ${type === undefined ? empty : sql`AND s.type = ${type}`}
         ${after ? sql`AND (s.type, s.id) > (${after.type}, ${after.id})` : empty}
       ORDER BY s.type, s.id LIMIT ${size}) AS next
     ORDER BY type DESC, id DESC LIMIT 1`)
  return to && { after, to }
}

/**
 * Staged configurations of a slice that count. One of the built-in store does only while its document still has the
 * version that was read: whoever wrote a newer one has indexed that.
 */
const staged = ({ org, token }: Build, slice: Slice, of: Places): Sql => sql`
  SELECT s.* FROM config_staged s
   WHERE s.org = ${org} AND s.build_token = ${token} AND s.differs ${OF[of]} ${within(slice)}
     AND CASE WHEN s.connector = 'store' THEN s.version = (
           SELECT l.version FROM config_documents l
            WHERE l.org = ${org} AND l.type = s.type AND l.id = s.id AND l.document IS NOT NULL)
         ELSE true END`

/**
 * Adds the names of a slice, and to what mentions one that is new its edge to it. Done for all before any node is
 * written, so that the words of each find every name. Wants the documents held and the names of the organisation locked
 * alone. Mentions are found by their words alone: by any other index each would be compared with each (3.5 s for 2,500); by
 * another collation than its own the index on the organisation cannot be used.
 */
export async function addNames(tx: Transaction, build: Build, slice: Slice): Promise<void> {
  const { org } = build
  tx.send(sql`SELECT set_config('enable_bitmapscan', 'on', true)`)
  await tx.query(sql`
    WITH s AS MATERIALIZED (${staged(build, slice, 'all')}),
    names AS MATERIALIZED (
      SELECT s.type, s.id, x.name, x.kind, x.hash
        FROM s, json_to_recordset(s.names) AS x(name text, kind text, hash bigint)),
    gained AS MATERIALIZED (
      SELECT DISTINCT ${org}::text AS org, name, kind = 'variable' AS variable, hash FROM names
       WHERE NOT EXISTS (SELECT FROM config_names c WHERE c.org = ${org} AND c.name = names.name
                            AND (c.kind = 'variable') = (names.kind = 'variable'))),
    added AS (
      INSERT INTO config_names (org, name, type, id, kind) SELECT ${org}, name, type, id, kind FROM names
      ON CONFLICT DO NOTHING)
    INSERT INTO config_edges (org, from_type, from_id, name, to_type, kind, required)
    SELECT ${org}, m.type, m.id, g.name, '', CASE WHEN g.variable THEN 'template' ELSE 'text' END, false
      FROM gained g
     CROSS JOIN LATERAL (
       SELECT * FROM config_mentions x WHERE x.tokens @> ARRAY[g.hash] AND x.org = g.org COLLATE "C" OFFSET 0) AS m
    ON CONFLICT DO NOTHING`)
}

/** Keeps the documents of a slice as they are until the transaction ends, so that what was staged of them stays true. */
export async function holdDocuments(tx: Queryable, { org, token }: Build, slice: Slice): Promise<void> {
  await tx.query(sql`
    SELECT FROM config_staged s CROSS JOIN LATERAL (
      SELECT 1 FROM config_documents d WHERE d.org = ${org} AND d.type = s.type AND d.id = s.id FOR SHARE) AS held
     WHERE s.org = ${org} AND s.build_token = ${token} AND s.differs ${OF.store} ${within(slice)}
     ORDER BY s.type, s.id`)
}

const wordsNamed = (org: string): Sql => sql`
  SELECT s.type, s.id, w.name, '' AS to_type, 'text' AS kind, false AS required FROM s, unnest(s.words) AS w(name)
   WHERE EXISTS (SELECT FROM config_names c WHERE c.org = ${org} AND c.name = w.name AND c.kind <> 'variable')
  UNION ALL
  SELECT s.type, s.id, v.name, '', 'template', false FROM s, unnest(s.variables) AS v(name)
   WHERE EXISTS (SELECT FROM config_names d WHERE d.org = ${org} AND d.name = v.name AND d.kind = 'variable')`

/** Makes the index say of a slice what was staged: nodes, edges, mentions, and no name that is theirs no more. */
export async function applySlice(tx: Queryable, build: Build, slice: Slice, of: Places): Promise<void> {
  const { org } = build
  await tx.query(sql`
    WITH s AS MATERIALIZED (${staged(build, slice, of)}),
    nodes AS (
      INSERT INTO config_nodes AS n (org, type, id, connector, title, title_key, updated_at, updated_by, tags, purposes,
        blueprint_ids, active, usage, summary, natural_key, content_hash, version)
      SELECT ${org}, type, id, connector, title, title_key, updated_at, updated_by, tags, purposes, blueprint_ids,
             active, usage, summary::jsonb, natural_key, content_hash, version FROM s
      ON CONFLICT (org, type, id) DO UPDATE SET
        connector = excluded.connector, title = excluded.title, title_key = excluded.title_key,
        updated_at = excluded.updated_at, updated_by = excluded.updated_by, tags = excluded.tags,
        purposes = excluded.purposes, blueprint_ids = excluded.blueprint_ids, active = excluded.active,
        usage = excluded.usage, summary = excluded.summary, natural_key = excluded.natural_key,
        content_hash = excluded.content_hash, version = excluded.version, deleted_at = NULL
       WHERE n.org = ${org}),
    names_gone AS (
      DELETE FROM config_names n USING s
       WHERE n.org = ${org} AND n.type = s.type AND n.id = s.id
         AND NOT EXISTS (SELECT FROM json_to_recordset(s.names) AS x(name text, kind text)
                          WHERE x.name = n.name AND x.kind = n.kind)),
    edges AS MATERIALIZED (
      SELECT s.type, s.id, x.name, x."toType" AS to_type, x.kind, x.required
        FROM s, json_to_recordset(s.declared) AS x(name text, "toType" text, kind text, required boolean)
      UNION ALL ${wordsNamed(org)}),
    edges_here AS MATERIALIZED (
      SELECT g.from_type AS type, g.from_id AS id, g.name, g.to_type, g.kind, g.required
        FROM s JOIN config_edges g ON g.from_type = s.type AND g.from_id = s.id WHERE g.org = ${org}),
    edges_gone AS (
      DELETE FROM config_edges g USING (
        SELECT type, id, name, to_type, kind FROM edges_here EXCEPT SELECT type, id, name, to_type, kind FROM edges) AS h
       WHERE g.org = ${org} AND g.from_type = h.type AND g.from_id = h.id AND g.name = h.name
         AND g.to_type = h.to_type AND g.kind = h.kind),
    edges_new AS (
      INSERT INTO config_edges AS g (org, from_type, from_id, name, to_type, kind, required)
      SELECT ${org}, type, id, name, to_type, kind, required FROM (TABLE edges EXCEPT TABLE edges_here) AS missing
       ORDER BY type, id, name
      ON CONFLICT (org, from_type, from_id, name, to_type, kind) DO UPDATE SET required = excluded.required
       WHERE g.org = ${org} AND g.required <> excluded.required)
    INSERT INTO config_mentions AS m (org, type, id, tokens) SELECT ${org}, type, id, tokens FROM s
    ON CONFLICT (org, type, id) DO UPDATE SET tokens = excluded.tokens
     WHERE m.org = ${org} AND m.tokens <> excluded.tokens`)
}

/** Adds the edges of a slice to names that appeared while its type was being replaced. */
export async function mendSlice(tx: Queryable, build: Build, slice: Slice): Promise<void> {
  const { org } = build
  await tx.query(sql`
    WITH s AS MATERIALIZED (${staged(build, slice, 'elsewhere')})
    INSERT INTO config_edges (org, from_type, from_id, name, to_type, kind, required)
    SELECT ${org}, type, id, name, to_type, kind, required FROM (${wordsNamed(org)}) AS named
    ON CONFLICT DO NOTHING`)
}

/**
 * Configurations of a type that the index has and its place no longer listed, at most `size`. What changed since the
 * rebuild began is none of them: a page may have missed it.
 */
export async function unlisted(db: Queryable, build: Build, type: string, size: number): Promise<NodeKey[]> {
  const { org, token, startedAt } = build
  return db.query<NodeKey>(sql`
    SELECT n.type, n.id FROM config_nodes n
     WHERE n.org = ${org} AND n.type = ${type} AND n.deleted_at IS NULL AND n.updated_at < ${startedAt}
       AND NOT EXISTS (SELECT FROM config_staged s WHERE s.org = ${org} AND s.build_token = ${token}
                          AND s.type = ${type} AND s.id = n.id)
     LIMIT ${size}`)
}

/** Configurations of these types that the index has and the built-in store has not, at most `size`. */
export async function unstored(
  db: Queryable,
  org: string,
  types: readonly string[],
  size: number,
): Promise<NodeKey[]> {
  return db.query<NodeKey>(sql`
    SELECT n.type, n.id FROM config_nodes n
     WHERE n.org = ${org} AND n.type = ANY(${types}) AND n.deleted_at IS NULL AND NOT EXISTS (
       SELECT FROM config_documents d
        WHERE d.org = ${org} AND d.type = n.type AND d.id = n.id AND d.document IS NOT NULL)
     LIMIT ${size}`)
}
