import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import { seedOf, variableHash, wordHash } from '../references/token-hash.ts'
import type { Entry } from './entry.ts'
import type { Build } from './status-store.ts'
import { rowOf } from './store.ts'
import { written } from './write.ts'

/** What a page of one type becomes in config_staged. */
export type StagedPage = {
  type: string
  entries: readonly Entry[]
  /** The index has configurations of the type, so that some of the page may be as they are there. */
  compare: boolean
  /** What is as in the index is noted as well: the list of the place is all that says what there is. */
  keepSame: boolean
}

const stagedRow = (seed: number, entry: Entry) => ({
  ...rowOf(written(seed, entry)),
  names: entry.names.map(({ name, kind }) => ({
    name,
    kind,
    hash: kind === 'variable' ? variableHash(seed, name) : wordHash(seed, name),
  })),
})

const columns = sql`connector, title, title_key, updated_at, updated_by, tags, purposes, blueprint_ids, active, usage,
  summary, natural_key, content_hash, version, names, declared, words, variables, tokens`

const page = (rows: string) => sql`
  SELECT * FROM json_to_recordset(${rows}::json) AS r(
    id text, connector text, title text, title_key text, updated_at timestamptz, updated_by text, tags text[],
    purposes text[], blueprint_ids text[], active boolean, usage double precision, summary json, natural_key text, content_hash text,
    version integer, names json, declared json, words text[], variables text[], tokens bigint[])`

/**
 * Stages what of a page differs from the index. Answers how many rows that made; a configuration that pages list twice
 * makes one.
 */
export async function stagePage(tx: Queryable, { org, token }: Build, staged: StagedPage): Promise<number> {
  const seed = seedOf(org)
  const rows = JSON.stringify(staged.entries.map((entry) => stagedRow(seed, entry)))
  const { type } = staged
  const [counted] = staged.compare
    ? await tx.query<{ count: number }>(sql`
        WITH e AS MATERIALIZED (${page(rows)}),
        edges AS MATERIALIZED (
          SELECT e.id, x.name, x."toType" AS to_type, x.kind, x.required
            FROM e, json_to_recordset(e.declared) AS x(name text, "toType" text, kind text, required boolean)
          UNION
          SELECT e.id, w.name, '', 'text', false FROM e, unnest(e.words) AS w(name)
           WHERE EXISTS (SELECT FROM config_names c WHERE c.org = ${org} AND c.name = w.name AND c.kind <> 'variable')
          UNION
          SELECT e.id, v.name, '', 'template', false FROM e, unnest(e.variables) AS v(name)
           WHERE EXISTS (SELECT FROM config_names d WHERE d.org = ${org} AND d.name = v.name AND d.kind = 'variable')),
        edges_here AS MATERIALIZED (
          SELECT e.id, g.name, g.to_type, g.kind, g.required FROM e CROSS JOIN LATERAL (
            SELECT * FROM config_edges x WHERE x.org = ${org} AND x.from_type = ${type} AND x.from_id = e.id OFFSET 0) AS g),
        names AS MATERIALIZED (
          SELECT e.id, x.name, x.kind FROM e, json_to_recordset(e.names) AS x(name text, kind text)),
        names_here AS MATERIALIZED (
          SELECT e.id, n.name, n.kind FROM e CROSS JOIN LATERAL (
            SELECT * FROM config_names x WHERE x.org = ${org} AND x.type = ${type} AND x.id = e.id OFFSET 0) AS n),
        same AS MATERIALIZED (
          SELECT e.id FROM e
            CROSS JOIN LATERAL (
              SELECT * FROM config_nodes x WHERE x.org = ${org} AND x.type = ${type} AND x.id = e.id OFFSET 0) AS n
            CROSS JOIN LATERAL (
              SELECT * FROM config_mentions x WHERE x.org = ${org} AND x.type = ${type} AND x.id = e.id OFFSET 0) AS m
           WHERE n.deleted_at IS NULL AND m.tokens = e.tokens
             AND (n.connector, n.title, n.title_key, n.updated_at, n.updated_by, n.tags, n.purposes, n.blueprint_ids,
                  n.active, n.usage, n.summary, n.natural_key, n.content_hash, n.version)
                 IS NOT DISTINCT FROM
                 (e.connector, e.title, e.title_key, e.updated_at, e.updated_by, e.tags, e.purposes,
                  e.blueprint_ids, e.active, e.usage, e.summary::jsonb, e.natural_key, e.content_hash, e.version)
          EXCEPT SELECT id FROM (TABLE edges EXCEPT TABLE edges_here) AS missing
          EXCEPT SELECT id FROM (TABLE edges_here EXCEPT TABLE edges) AS excess
          EXCEPT SELECT id FROM (TABLE names EXCEPT TABLE names_here) AS nameless
          EXCEPT SELECT id FROM (TABLE names_here EXCEPT TABLE names) AS misnamed),
        kept AS (
          INSERT INTO config_staged (org, build_token, type, id, differs)
          SELECT ${org}, ${token}, ${type}, id, false FROM same WHERE ${staged.keepSame}
          ON CONFLICT DO NOTHING RETURNING 1),
        differing AS (
          INSERT INTO config_staged (org, build_token, type, id, differs, ${columns})
          SELECT ${org}, ${token}, ${type}, e.id, true, ${columns} FROM e WHERE e.id NOT IN (SELECT id FROM same)
          ON CONFLICT DO NOTHING RETURNING 1)
        SELECT ((SELECT count(*) FROM kept) + (SELECT count(*) FROM differing))::integer AS count`)
    : await tx.query<{ count: number }>(sql`
        WITH e AS MATERIALIZED (${page(rows)}),
        staged AS (
          INSERT INTO config_staged (org, build_token, type, id, differs, ${columns})
          SELECT ${org}, ${token}, ${type}, e.id, true, ${columns} FROM e
          ON CONFLICT DO NOTHING RETURNING 1)
        SELECT count(*)::integer AS count FROM staged`)
  return counted?.count ?? 0
}

export async function countStaged(db: Queryable, { org, token }: Build): Promise<number> {
  const [row] = await db.query<{ count: number }>(sql`
    SELECT count(*)::integer AS count FROM config_staged WHERE org = ${org} AND build_token = ${token}`)
  return row?.count ?? 0
}

/** Drops what was staged of a type; answers how many rows that were. */
export async function unstageType(tx: Queryable, { org, token }: Build, type: string): Promise<number> {
  const rows = await tx.query(sql`
    DELETE FROM config_staged WHERE org = ${org} AND build_token = ${token} AND type = ${type} RETURNING 1`)
  return rows.length
}

/** 20,000 rows are dropped in about 50 ms. */
const DROPPED_AT_ONCE = 20_000

/** Drops what this rebuild staged, or what all others of the organisation did. */
export async function dropStaged(
  db: Queryable,
  { org, token }: Build,
  whose: 'own' | 'others',
): Promise<void> {
  const which = whose === 'own' ? sql`t.build_token = ${token}` : sql`t.build_token <> ${token}`
  for (;;) {
    const rows = await db.query(sql`
      DELETE FROM config_staged s USING (
        SELECT t.build_token, t.type, t.id FROM config_staged t
         WHERE t.org = ${org} AND ${which} LIMIT ${DROPPED_AT_ONCE}) AS d
       WHERE s.org = ${org} AND s.build_token = d.build_token AND s.type = d.type AND s.id = d.id RETURNING 1`)
    if (rows.length < DROPPED_AT_ONCE) return
  }
}

/** Whether the index has anything of the type, deleted configurations too. */
export async function hasNodes(db: Queryable, org: string, type: string): Promise<boolean> {
  const [row] = await db.query<{ found: boolean }>(
    sql`SELECT EXISTS (SELECT FROM config_nodes WHERE org = ${org} AND type = ${type}) AS found`,
  )
  return row?.found ?? false
}
