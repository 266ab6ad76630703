import sql, { empty, type Sql } from 'sql-template-tag'
import type { Document, EdgeKind, NodeKey } from '../../config-hub/index/entry.ts'
import { resolves } from '../../config-hub/index/read-store.ts'
import type { Queryable } from '../../db/pool.ts'
import type { SourceReference } from './input.ts'

const keysOf = (keys: readonly NodeKey[]): Sql =>
  sql`unnest(${keys.map(({ type }) => type)}::text[], ${keys.map(({ id }) => id)}::text[]) AS k(type, id)`

const nodeOf = (org: string): Sql =>
  sql`(SELECT n.* FROM config_nodes n WHERE n.org = ${org} AND n.type = k.type AND n.id = k.id
          AND n.deleted_at IS NULL OFFSET 0)`

/**
 * Whether what the name n names lives. OFFSET 0, here and below, has each looked up by its key whatever the planner
 * believes: as a join, planned before the table was analysed, it reads all nodes for each name (17 s for 4,000).
 */
const liveNode = (org: string): Sql =>
  sql`SELECT FROM config_nodes c
       WHERE c.org = ${org} AND c.type = n.type AND c.id = n.id AND c.deleted_at IS NULL OFFSET 0`

/** What the index knows of a live configuration; `document` is that of the built-in store, null elsewhere. */
export type StoredItem = NodeKey & {
  title: string
  naturalKey: string | null
  names: string[]
  version: number
  document: Document | null
  sealedSecrets: Buffer | null
  secretHashes: Record<string, string> | null
}

/** Configurations with their documents, so many in a statement that no answer becomes larger than memory bears. */
const MOST_AT_ONCE = 5_000

export async function inChunks<K, R>(
  keys: readonly K[],
  read: (some: readonly K[]) => Promise<R[]>,
): Promise<R[]> {
  const found: R[] = []
  for (let at = 0; at < keys.length; at += MOST_AT_ONCE)
    for (const row of await read(keys.slice(at, at + MOST_AT_ONCE))) found.push(row)
  return found
}

export const itemsOf = (db: Queryable, org: string, keys: readonly NodeKey[]): Promise<StoredItem[]> =>
  inChunks(keys, (some) =>
    db.query<StoredItem>(sql`
      SELECT k.type, k.id, c.title, c.natural_key AS "naturalKey", coalesce(d.version, c.version) AS version, d.document,
             d.sealed_secrets AS "sealedSecrets", d.secret_hashes AS "secretHashes",
             ARRAY(SELECT a.name FROM config_names a WHERE a.org = ${org} AND a.type = k.type AND a.id = k.id
                      AND a.kind <> 'id' ORDER BY a.name) AS names
        FROM ${keysOf(some)} CROSS JOIN LATERAL ${nodeOf(org)} c
        LEFT JOIN LATERAL (SELECT v.version, v.document, v.sealed_secrets, v.secret_hashes FROM config_documents v
               WHERE v.org = ${org} AND v.type = k.type AND v.id = k.id AND c.connector = 'store' OFFSET 0) d ON true`),
  )

/** What the index and the store know of configurations of the store, without their documents. */
export type BareItem = Omit<StoredItem, 'document' | 'sealedSecrets' | 'secretHashes'>

export const bareItemsOf = (db: Queryable, org: string, keys: readonly NodeKey[]): Promise<BareItem[]> =>
  inChunks(keys, (some) =>
    db.query<BareItem>(sql`
      SELECT k.type, k.id, c.title, c.natural_key AS "naturalKey", d.version,
             ARRAY(SELECT a.name FROM config_names a WHERE a.org = ${org} AND a.type = k.type AND a.id = k.id
                      AND a.kind <> 'id' ORDER BY a.name) AS names
        FROM ${keysOf(some)} CROSS JOIN LATERAL ${nodeOf(org)} c
       CROSS JOIN LATERAL (SELECT v.version FROM config_documents v
               WHERE v.org = ${org} AND v.type = k.type AND v.id = k.id AND v.document IS NOT NULL
                 AND c.connector = 'store' OFFSET 0) d`),
  )

/** Which of these live. */
export const aliveOf = (db: Queryable, org: string, keys: readonly NodeKey[]): Promise<NodeKey[]> =>
  inChunks(keys, (some) =>
    db.query<NodeKey>(sql`SELECT k.type, k.id FROM ${keysOf(some)} CROSS JOIN LATERAL ${nodeOf(org)} c`),
  )

type EdgeRow = {
  fromType: string
  fromId: string
  name: string
  toType: string
  kind: EdgeKind
  required: boolean
  type: string | null
  id: string | null
}

/**
 * What each of these names, by `type/id`: declared references all, words of texts that lead somewhere. An id that nothing
 * has any more means what is `known` by it.
 */
export async function referencesOf(
  db: Queryable,
  org: string,
  keys: readonly NodeKey[],
  known: readonly NodeKey[],
): Promise<Map<string, SourceReference[]>> {
  const byId = Map.groupBy(known, ({ id }) => id)
  const rows = await inChunks(keys, (some) =>
    db.query<EdgeRow>(sql`
      SELECT e.from_type AS "fromType", e.from_id AS "fromId", e.name, e.to_type AS "toType", e.kind, e.required,
             t.type, t.id
        FROM ${keysOf(some)}
        CROSS JOIN LATERAL (
          SELECT x.* FROM config_edges x WHERE x.org = ${org} AND x.from_type = k.type AND x.from_id = k.id OFFSET 0) e
        LEFT JOIN LATERAL (
          SELECT DISTINCT n.type, n.id
            FROM (SELECT x.* FROM config_names x WHERE x.org = ${org} AND x.name = e.name OFFSET 0) n
           WHERE ${resolves} AND EXISTS (${liveNode(org)})) t ON true
       ORDER BY e.from_type, e.from_id, e.name, e.to_type, e.kind, t.type, t.id`),
  )
  // one object for each configuration, so that what follows from it is found by that
  const nodes = new Map<string, NodeKey>()
  const nodeAt = (type: string, id: string): NodeKey => {
    const key = `${type}/${id}`
    const node = nodes.get(key) ?? { type, id }
    nodes.set(key, node)
    return node
  }
  const found = new Map<string, (SourceReference & { to: NodeKey[] })[]>()
  for (const { fromType, fromId, type, id, ...reference } of rows) {
    const key = `${fromType}/${fromId}`
    const own = found.get(key) ?? []
    found.set(key, own)
    const last = own.at(-1)
    const isSame =
      last?.name === reference.name && last.toType === reference.toType && last.kind === reference.kind
    const of = isSame ? last : { ...reference, to: [] }
    if (type !== null && id !== null) of.to.push(nodeAt(type, id))
    else if (of.kind === 'id' || of.kind === 'any' || of.kind === 'text')
      of.to.push(...(byId.get(of.name) ?? []).filter((each) => of.toType === '' || each.type === of.toType))
    if (!isSame) own.push(of)
  }
  for (const [key, own] of found) found.set(key, own.filter(isTelling))
  return found
}

/** A word of a text that leads nowhere may be anything. */
export const isTelling = ({ kind, to }: SourceReference): boolean =>
  (kind !== 'text' && kind !== 'template') || to.length > 0

type Named = Pick<SourceReference, 'name' | 'toType' | 'kind'>

/** Which live configurations answer to these references, whoever makes them. */
export const answersTo = (
  db: Queryable,
  org: string,
  references: readonly Named[],
): Promise<(Named & NodeKey)[]> =>
  inChunks(references, (some) =>
    db.query<Named & NodeKey>(sql`
      SELECT DISTINCT e.name, e.to_type AS "toType", e.kind, n.type, n.id
        FROM unnest(${some.map(({ name }) => name)}::text[], ${some.map(({ toType }) => toType)}::text[],
                    ${some.map(({ kind }) => kind)}::text[]) AS r(name, to_type, kind)
        CROSS JOIN LATERAL (SELECT ${org}::text AS org, r.name, r.to_type, r.kind) e
        CROSS JOIN LATERAL (
          SELECT x.* FROM config_names x WHERE x.org = ${org} AND x.name = e.name OFFSET 0) n
       WHERE ${resolves} AND EXISTS (${liveNode(org)})
       ORDER BY e.name, e.to_type, e.kind, n.type, n.id`),
  )

export type MatchKey = { type: string; key: string }

/** Live configurations that have one of these natural keys, aliases or slugs, or titles (in lower case). */
export async function likeOf(
  db: Queryable,
  org: string,
  by: { naturalKeys: readonly MatchKey[]; names: readonly MatchKey[]; titles: readonly MatchKey[] },
): Promise<NodeKey[]> {
  const wanted = (keys: readonly MatchKey[]) =>
    sql`unnest(${keys.map(({ type }) => type)}::text[], ${keys.map(({ key }) => key)}::text[]) AS k(type, key)`
  const [natural, named, titled] = await Promise.all([
    inChunks(by.naturalKeys, (some) =>
      db.query<NodeKey>(sql`
        SELECT c.type, c.id FROM ${wanted(some)} CROSS JOIN LATERAL (
          SELECT n.type, n.id FROM config_nodes n WHERE n.org = ${org} AND n.type = k.type AND n.natural_key = k.key
             AND n.deleted_at IS NULL OFFSET 0) c`),
    ),
    inChunks(by.names, (some) =>
      db.query<NodeKey>(sql`
        SELECT DISTINCT n.type, n.id FROM ${wanted(some)}
         CROSS JOIN LATERAL (
           SELECT x.* FROM config_names x WHERE x.org = ${org} AND x.name = k.key AND x.type = k.type
              AND x.kind <> 'id' OFFSET 0) n
         WHERE EXISTS (${liveNode(org)})`),
    ),
    inChunks(by.titles, (some) =>
      db.query<NodeKey>(sql`
        SELECT c.type, c.id FROM ${wanted(some)} CROSS JOIN LATERAL (
          SELECT n.type, n.id FROM config_nodes n WHERE n.org = ${org} AND n.type = k.type AND n.title_key = k.key
             AND n.deleted_at IS NULL OFFSET 0) c`),
    ),
  ])
  const all = [...natural, ...named, ...titled]
  return [...new Map(all.map((key) => [`${key.type}/${key.id}`, key])).values()]
}

/** `settledAs` is of the base that the pair has; null: nothing is known of that. */
export type PairRow = {
  type: string
  sourceId: string
  targetId: string
  syncedAt: Date | null
  settledAs: string | null
}

/** All pairs that an organisation has with a source organisation. */
export const pairsWith = (db: Queryable, org: string, sourceOrg: string): Promise<PairRow[]> =>
  db.query<PairRow>(sql`
    SELECT l.type, l.source_id AS "sourceId", l.target_id AS "targetId", l.last_synced_at AS "syncedAt",
           CASE WHEN l.settled_by = l.last_sync_job_id THEN l.settled_as END AS "settledAs"
      FROM config_lineage l WHERE l.org = ${org} AND l.source_org = ${sourceOrg}`)

/** What pairs were when they were last synced, by the organisation that keeps them and their source ids. */
export const basesWith = (
  db: Queryable,
  org: string,
  sourceOrg: string,
  keys: readonly NodeKey[],
): Promise<(NodeKey & { base: Document })[]> =>
  inChunks(keys, (some) =>
    db.query<NodeKey & { base: Document }>(sql`
      SELECT k.type, k.id, l.base FROM ${keysOf(some)} CROSS JOIN LATERAL (
        SELECT p.base FROM config_lineage p WHERE p.org = ${org} AND p.source_org = ${sourceOrg} AND p.type = k.type
           AND p.source_id = k.id AND p.base IS NOT NULL OFFSET 0) l`),
  )

/** Pairs that people have parted for good. */
export const blocksWith = (
  db: Queryable,
  org: string,
  sourceOrg: string,
): Promise<{ type: string; sourceId: string; targetId: string }[]> =>
  db.query(sql`
    SELECT b.type, b.source_id AS "sourceId", b.target_id AS "targetId" FROM config_lineage_blocks b
     WHERE b.org = ${org} AND b.source_org = ${sourceOrg}`)

export type Dependant = { of: NodeKey; by: NodeKey & { title: string } }

/**
 * Who refers to these and would be left with a reference to nothing once all of them are gone: others of the same name
 * count as well as they do. With `since`, of those in the built-in store only who was written since then.
 */
export async function dependantsOf(
  db: Queryable,
  org: string,
  keys: readonly NodeKey[],
  since?: Date,
): Promise<Dependant[]> {
  const rows = await inChunks(keys, (some) =>
    db.query<{ type: string; id: string; fromType: string; fromId: string; title: string }>(sql`
      WITH going AS MATERIALIZED (SELECT k.type, k.id FROM ${keysOf(keys)})
      SELECT DISTINCT k.type, k.id, e.from_type AS "fromType", e.from_id AS "fromId", f.title
        FROM ${keysOf(some)}
        CROSS JOIN LATERAL (
          SELECT x.* FROM config_names x WHERE x.org = ${org} AND x.type = k.type AND x.id = k.id OFFSET 0) n
        CROSS JOIN LATERAL (
          SELECT x.* FROM config_edges x WHERE x.org = ${org} AND x.name = n.name OFFSET 0) e
        JOIN config_nodes f ON f.org = ${org} AND f.type = e.from_type AND f.id = e.from_id
       WHERE ${resolves} AND f.deleted_at IS NULL AND NOT (e.from_type = k.type AND e.from_id = k.id)
         ${since ? sql`AND (f.connector <> 'store' OR f.updated_at >= ${since})` : empty}
         AND NOT EXISTS (
           SELECT FROM (SELECT x.* FROM config_names x WHERE x.org = ${org} AND x.name = e.name OFFSET 0) n
            WHERE ${resolves} AND (n.type, n.id) NOT IN (SELECT o.type, o.id FROM going o)
              AND EXISTS (${liveNode(org)}))
       ORDER BY k.type, k.id, e.from_type, e.from_id`),
  )
  return rows.map(({ type, id, fromType, fromId, title }) => ({
    of: { type, id },
    by: { type: fromType, id: fromId, title },
  }))
}

/** Everything that lives within a selection: of these types, or of these configurations, or all; some types left out. */
export const liveKeysOf = (
  db: Queryable,
  org: string,
  { types, resources }: { types?: string[] | undefined; resources?: readonly NodeKey[] | undefined },
  except: readonly string[],
): Promise<NodeKey[]> => {
  const within = resources
    ? sql`AND (n.type, n.id) IN (SELECT k.type, k.id FROM ${keysOf(resources)})`
    : empty
  return db.query<NodeKey>(sql`
    SELECT n.type, n.id FROM config_nodes n
     WHERE n.org = ${org} AND n.deleted_at IS NULL AND n.type <> ALL(${except as string[]}::text[])
       ${types ? sql`AND n.type = ANY(${types}::text[])` : empty} ${within}`)
}

/** A configuration as a snapshot has it. */
export type KeptItem = NodeKey & { document: Document; sealedSecrets: Buffer | null }

export const keptOf = (db: Queryable, org: string, snapshotId: string): Promise<KeptItem[]> =>
  db.query<KeptItem>(sql`
    SELECT i.type, i.id, i.document, i.sealed_secrets AS "sealedSecrets" FROM config_snapshot_items i
     WHERE i.org = ${org} AND i.snapshot_id = ${snapshotId}`)
