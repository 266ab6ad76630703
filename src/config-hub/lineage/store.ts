import sql, { empty, type Sql } from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import type { Document } from '../index/entry.ts'

/** Two configurations that are one, by the id that each organisation has. */
export type Pair = { type: string; sourceId: string; targetId: string }

/** A configuration of a source organisation and the one of ours that it became. Ours is the organisation of the row. */
export type LineageRow = Pair & {
  sourceOrg: string
  /** `manual_confirm` when a person paired them; null when a sync did. */
  origin: string | null
  lastSyncedAt: Date | null
  lastSyncJobId: string | null
}

const columns = sql`l.type, l.source_org AS "sourceOrg", l.source_id AS "sourceId", l.target_id AS "targetId", l.origin,
  l.last_synced_at AS "lastSyncedAt", l.last_sync_job_id AS "lastSyncJobId"`

/** What configurations of a type became that came from a source organisation: of these source ids, or of all. */
export const lineageOf = (
  db: Queryable,
  org: string,
  sourceOrg: string,
  type: string,
  sourceIds?: readonly string[],
): Promise<LineageRow[]> =>
  db.query<LineageRow>(sql`
    SELECT ${columns} FROM config_lineage l
     WHERE l.org = ${org} AND l.source_org = ${sourceOrg} AND l.type = ${type}
       ${sourceIds ? sql`AND l.source_id = ANY(${sourceIds}::text[])` : empty}`)

/** What both were, normalised, when they were last synced, by source id; those without such a state are left out. */
export async function basesOf(
  db: Queryable,
  org: string,
  sourceOrg: string,
  type: string,
  sourceIds: readonly string[],
): Promise<Map<string, Document>> {
  const rows = await db.query<{ sourceId: string; base: Document }>(sql`
    SELECT source_id AS "sourceId", base FROM config_lineage
     WHERE org = ${org} AND source_org = ${sourceOrg} AND type = ${type} AND source_id = ANY(${sourceIds}::text[])
       AND base IS NOT NULL`)
  return new Map(rows.map(({ sourceId, base }) => [sourceId, base]))
}

type SourceKey = { type: string; sourceId: string; sourceOrg?: string | undefined }

/**
 * The entries of a source id, of any source organisation unless one is named. With `lock` they stay so until the
 * transaction ends, also where there is none: a lock of rows alone would let another confirm and break meanwhile.
 */
export async function entriesOf(
  db: Queryable,
  org: string,
  { type, sourceId, sourceOrg }: SourceKey,
  lock = false,
): Promise<LineageRow[]> {
  if (lock) {
    const key = JSON.stringify(['config-lineage', org, type, sourceId])
    await db.query(sql`SELECT pg_advisory_xact_lock(hashtextextended(${key}, 0))`)
  }
  return db.query<LineageRow>(sql`
    SELECT ${columns} FROM config_lineage l
     WHERE l.org = ${org} AND l.type = ${type} AND l.source_id = ${sourceId}
       ${sourceOrg === undefined ? empty : sql`AND l.source_org = ${sourceOrg}`}
     ORDER BY l.source_org ${lock ? sql`FOR UPDATE` : empty}`)
}

/** The entry by which a configuration of ours is claimed already. */
export async function claimOf(
  db: Queryable,
  org: string,
  { type, sourceOrg, targetId }: { type: string; sourceOrg: string; targetId: string },
): Promise<LineageRow | undefined> {
  const [row] = await db.query<LineageRow>(sql`
    SELECT ${columns} FROM config_lineage l
     WHERE l.org = ${org} AND l.source_org = ${sourceOrg} AND l.type = ${type} AND l.target_id = ${targetId}`)
  return row
}

export type NewLineage = Pair & { sourceOrg: string } & Partial<LineageRow>

/** Pairs two; nothing when the source or the target is in a pair already. Answers the entry that it made. */
export async function insertLineage(
  tx: Queryable,
  org: string,
  entry: NewLineage,
  now: Date,
): Promise<LineageRow | undefined> {
  const { type, sourceOrg, sourceId, targetId, origin = null } = entry
  const [row] = await tx.query<LineageRow>(sql`
    INSERT INTO config_lineage AS l (org, type, source_org, source_id, target_id, origin, created_at)
    VALUES (${org}, ${type}, ${sourceOrg}, ${sourceId}, ${targetId}, ${origin}, ${now})
    ON CONFLICT DO NOTHING RETURNING ${columns}`)
  return row
}

/** A pair as a sync leaves it. `base` is what both are then, normalised; else it is read from `place`. */
export type SyncedPair = Pair & {
  sourceOrg: string
  syncedAt: Date
  jobId: string
  base?: Document
  place?: number
  /** What is known of that base without reading it; null or none: nothing. */
  settledAs?: string | null
}

/** Where bases are in the database, given the place of one: they go from there without coming here. */
export type BaseAt = (place: Sql) => Sql

const synced = (rows: readonly SyncedPair[]): Sql =>
  sql`json_to_recordset(${JSON.stringify(rows)}::json) AS n(type text, "sourceOrg" text, "sourceId" text, "targetId" text,
           "syncedAt" timestamptz, "jobId" text, base json, place integer,
           "settledAs" text)`

const baseOf = (at: BaseAt | undefined): Sql => (at ? at(sql`n.place`) : sql`n.base`)

/** A pair as it is kept, with all that a job that is taken back has to put back. */
export type PairState = LineageRow & { base: Document | null; createdAt: Date }

type SourceOfPair = Pick<LineageRow, 'type' | 'sourceOrg' | 'sourceId'>

const keysOf = (rows: readonly SourceOfPair[]): Sql =>
  sql`unnest(${rows.map(({ sourceOrg }) => sourceOrg)}::text[], ${rows.map(({ type }) => type)}::text[],
             ${rows.map(({ sourceId }) => sourceId)}::text[]) AS k(source_org, type, source_id)`

/** Inserts the pairs whose source and target are in none. Answers those that it inserted. */
export const insertSynced = (
  tx: Queryable,
  org: string,
  rows: readonly SyncedPair[],
  at?: BaseAt,
): Promise<(Pair & { sourceOrg: string })[]> =>
  // in one order, so that two syncs never wait for each other in a circle
  tx.query(sql`
    INSERT INTO config_lineage AS l (org, type, source_org, source_id, target_id, last_synced_at, last_sync_job_id, base,
      settled_as, settled_by, created_at)
    SELECT ${org}, n.type, n."sourceOrg", n."sourceId", n."targetId", n."syncedAt", n."jobId", ${baseOf(at)},
           n."settledAs", n."jobId", n."syncedAt"
      FROM ${synced(rows)}
     ORDER BY n."sourceOrg", n.type, n."sourceId"
    ON CONFLICT DO NOTHING
    RETURNING l.type, l.source_org AS "sourceOrg", l.source_id AS "sourceId", l.target_id AS "targetId"`)

/** The pairs of these sources as they are, locked in one order until the transaction ends. */
export const lockPairs = (
  tx: Queryable,
  org: string,
  sources: readonly SourceOfPair[],
): Promise<PairState[]> =>
  tx.query<PairState>(sql`
    SELECT ${columns}, l.base, l.created_at AS "createdAt"
      FROM (SELECT * FROM ${keysOf(sources)} ORDER BY k.source_org, k.type, k.source_id) k
     CROSS JOIN LATERAL (
       SELECT c.* FROM config_lineage c
        WHERE c.org = ${org} AND c.source_org = k.source_org AND c.type = k.type AND c.source_id = k.source_id
          FOR UPDATE) l`)

/** Says of pairs that stand when and as what they synced. They are locked. */
export const updateSynced = (
  tx: Queryable,
  org: string,
  rows: readonly SyncedPair[],
  at?: BaseAt,
): Promise<(Pair & { sourceOrg: string })[]> =>
  tx.query(sql`
    UPDATE config_lineage l SET last_synced_at = n."syncedAt", last_sync_job_id = n."jobId", base = ${baseOf(at)},
           settled_as = n."settledAs", settled_by = n."jobId"
      FROM ${synced(rows)}
     WHERE l.org = ${org} AND l.source_org = n."sourceOrg" AND l.type = n.type AND l.source_id = n."sourceId"
       AND l.target_id = n."targetId"
    RETURNING l.type, l.source_org AS "sourceOrg", l.source_id AS "sourceId", l.target_id AS "targetId"`)

/** Takes the pairs of these sources away. They are locked. */
export async function deletePairs(
  tx: Queryable,
  org: string,
  sources: readonly SourceOfPair[],
): Promise<void> {
  await tx.query(sql`
    DELETE FROM config_lineage l USING ${keysOf(sources)}
     WHERE l.org = ${org} AND l.source_org = k.source_org AND l.type = k.type AND l.source_id = k.source_id`)
}

/** Puts pairs back as they were, unless their source or target is in another one by now. */
export async function insertPairs(tx: Queryable, org: string, pairs: readonly PairState[]): Promise<void> {
  await tx.query(sql`
    INSERT INTO config_lineage (org, type, source_org, source_id, target_id, origin, last_synced_at, last_sync_job_id, base,
      created_at)
    SELECT ${org}, n.type, n."sourceOrg", n."sourceId", n."targetId", n.origin, n."lastSyncedAt", n."lastSyncJobId", n.base,
           n."createdAt"
      FROM json_to_recordset(${JSON.stringify(pairs)}::json) AS n(type text, "sourceOrg" text, "sourceId" text,
           "targetId" text, origin text, "lastSyncedAt" timestamptz, "lastSyncJobId" text, base json, "createdAt" timestamptz)
     ORDER BY n."sourceOrg", n.type, n."sourceId"
    ON CONFLICT DO NOTHING`)
}

/** Has the pairs of what was made again under another id follow it: those of ours, and those kept for `elsewhere`. */
export async function movePairs(
  tx: Queryable,
  org: string,
  elsewhere: string | null,
  moves: readonly { type: string; from: string; to: string }[],
): Promise<void> {
  const json = JSON.stringify(moves)
  const moved = sql`json_to_recordset(${json}::json) AS m(type text, "from" text, "to" text)`
  await tx.query(
    elsewhere === null
      ? sql`UPDATE config_lineage l SET target_id = m."to" FROM ${moved}
             WHERE l.org = ${org} AND l.type = m.type AND l.target_id = m."from"`
      : sql`UPDATE config_lineage l SET source_id = m."to" FROM ${moved}
             WHERE l.org = ${org} AND l.source_org = ${elsewhere} AND l.type = m.type AND l.source_id = m."from"`,
  )
}

/**
 * Ends the pairs of these sources with others that live no more, and of these targets with sources that do not: those
 * of organisations of this server, whose index says so. The rows of the sources are locked.
 */
export async function deleteDead(tx: Queryable, org: string, rows: readonly SyncedPair[]): Promise<void> {
  const json = JSON.stringify(
    rows.map(({ type, sourceOrg, sourceId, targetId }) => ({ type, sourceOrg, sourceId, targetId })),
  )
  await tx.query(sql`
    DELETE FROM config_lineage l
     USING json_to_recordset(${json}::json) AS n(type text, "sourceOrg" text, "sourceId" text, "targetId" text)
     WHERE l.org = ${org} AND l.source_org = n."sourceOrg" AND l.type = n.type
       AND CASE WHEN l.source_id = n."sourceId"
                THEN l.target_id <> n."targetId"
                     AND NOT EXISTS (SELECT 1 FROM config_nodes c
                                      WHERE c.org = ${org} AND c.type = l.type AND c.id = l.target_id
                                        AND c.deleted_at IS NULL)
                ELSE l.target_id = n."targetId"
                     AND EXISTS (SELECT 1 FROM config_nodes c
                                  WHERE c.org = l.source_org AND c.type = l.type AND c.id = l.source_id
                                    AND c.deleted_at IS NOT NULL) END`)
}

/** False when there is none. */
export async function deleteLineage(
  tx: Queryable,
  org: string,
  { type, sourceOrg, sourceId }: Pick<LineageRow, 'type' | 'sourceOrg' | 'sourceId'>,
): Promise<boolean> {
  const rows = await tx.query(sql`
    DELETE FROM config_lineage
     WHERE org = ${org} AND source_org = ${sourceOrg} AND type = ${type} AND source_id = ${sourceId} RETURNING 1`)
  return rows.length === 1
}

/** The pairs of a type that must not be matched again. */
export const blocksOf = (db: Queryable, org: string, sourceOrg: string, type: string): Promise<Pair[]> =>
  db.query<Pair>(sql`
    SELECT type, source_id AS "sourceId", target_id AS "targetId" FROM config_lineage_blocks
     WHERE org = ${org} AND source_org = ${sourceOrg} AND type = ${type}`)

type Block = Pair & { sourceOrg: string }

export async function isBlocked(db: Queryable, org: string, block: Block): Promise<boolean> {
  const rows = await db.query(sql`
    SELECT 1 FROM config_lineage_blocks
     WHERE org = ${org} AND source_org = ${block.sourceOrg} AND type = ${block.type}
       AND source_id = ${block.sourceId} AND target_id = ${block.targetId}`)
  return rows.length === 1
}

export async function insertBlock(
  tx: Queryable,
  org: string,
  block: Block,
  by: { now: Date; author: string },
): Promise<void> {
  await tx.query(sql`
    INSERT INTO config_lineage_blocks (org, type, source_org, source_id, target_id, created_at, created_by)
    VALUES (${org}, ${block.type}, ${block.sourceOrg}, ${block.sourceId}, ${block.targetId}, ${by.now}, ${by.author})
    ON CONFLICT DO NOTHING`)
}

export async function deleteBlock(tx: Queryable, org: string, block: Block): Promise<void> {
  await tx.query(sql`
    DELETE FROM config_lineage_blocks
     WHERE org = ${org} AND source_org = ${block.sourceOrg} AND type = ${block.type}
       AND source_id = ${block.sourceId} AND target_id = ${block.targetId}`)
}

/** All pairs with a source organisation, of every type. */
export const pairsOf = (db: Queryable, org: string, sourceOrg: string): Promise<Pair[]> =>
  db.query<Pair>(sql`
    SELECT l.type, l.source_id AS "sourceId", l.target_id AS "targetId" FROM config_lineage l
     WHERE l.org = ${org} AND l.source_org = ${sourceOrg}`)
