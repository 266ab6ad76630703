import sql, { empty, type Sql } from 'sql-template-tag'
import type { Document, NodeKey } from '../config-hub/index/entry.ts'
import { binaryArray } from '../db/arrays.ts'
import type { Queryable } from '../db/pool.ts'
import type { Hashes } from './secrets.ts'

/** A document's row; without a document it is a tombstone. */
export type DocumentRow = NodeKey & {
  version: number
  document: Document | null
  sealedSecrets: Buffer | null
  secretHashes: Hashes | null
  createdAt: Date
  updatedAt: Date
  updatedBy: string
}

/** Version 0 is a claim that nothing followed: no document. */
const columns = sql`d.type, d.id, d.version, d.document, d.sealed_secrets AS "sealedSecrets",
  d.secret_hashes AS "secretHashes", d.created_at AS "createdAt", d.updated_at AS "updatedAt", d.updated_by AS "updatedBy"`

const keysOf = (keys: readonly NodeKey[]): Sql =>
  sql`unnest(${keys.map(({ type }) => type)}::text[], ${keys.map(({ id }) => id)}::text[]) AS k(type, id)`

/**
 * Locks the rows of these keys, also of those that have none yet, until the transaction ends: in the order of their
 * keys, so that two batches never wait for each other. The keys are distinct.
 */
export async function lockDocuments(
  tx: Queryable,
  org: string,
  keys: readonly NodeKey[],
  now: Date,
): Promise<void> {
  // the update never happens, its condition being false, but what it would update is locked (PostgreSQL, INSERT)
  await tx.query(sql`
    INSERT INTO config_documents (org, type, id, version, created_at, updated_at, updated_by)
    SELECT ${org}, k.type, k.id, 0, ${now}, ${now}, '' FROM ${keysOf(keys)} ORDER BY k.type, k.id
    ON CONFLICT (org, type, id) DO UPDATE SET version = config_documents.version
     WHERE config_documents.org = ${org} AND false`)
}

/** The rows of these keys, tombstones too. */
export async function documentsOf(
  db: Queryable,
  org: string,
  keys: readonly NodeKey[],
): Promise<DocumentRow[]> {
  return db.query<DocumentRow>(sql`
    SELECT ${columns} FROM ${keysOf(keys)} CROSS JOIN LATERAL ${byKey(org)} d WHERE d.version > 0`)
}

/**
 * The row of the key `k`, by the index whatever the planner believes: as a plain join, planned while the table was
 * small, it reads the whole table (16 ms instead of 2 for a write after 20,000 imported documents).
 */
const byKey = (org: string): Sql =>
  sql`(SELECT c.* FROM config_documents c WHERE c.org = ${org} AND c.type = k.type AND c.id = k.id OFFSET 0)`

/** What a row becomes. `sealed` is base64. */
export type NextRow = NodeKey & {
  version: number
  document: Document | null
  sealed: string | null
  hashes: Hashes | null
  updatedAt: Date
  /** Where the document is in the database already, in place of `document`. */
  place: number | null
}

/** Documents that are in the database already, given the place of one: they go from there without coming here. */
export type DocumentAt = (place: Sql) => Sql

/** Rows of about this much text travel in one statement: PostgreSQL's limit of a value is 1 GiB, Node's of text half. */
const MOST_TEXT = 33_554_432

type Rows = { at: DocumentAt | undefined; author: string }

/** Gives locked rows their next version; what they were before stays in config_versions. */
export async function writeDocumentRows(
  tx: Queryable,
  org: string,
  rows: readonly NextRow[],
  options: Rows,
): Promise<void> {
  await inBatches(rows, (batch) => tx.query(nextVersions(org, batch, options)))
}

/** Inserts rows that are not there, nor locked. False when another writer was quicker with one of them. */
export async function insertDocumentRows(
  tx: Queryable,
  org: string,
  rows: readonly NextRow[],
  options: Rows,
): Promise<boolean> {
  let inserted = 0
  await inBatches(rows, async (batch) => {
    inserted += (await tx.query(insertion(org, batch, options))).length
  })
  return inserted === rows.length
}

type Batch = { rows: Omit<NextRow, 'document'>[]; documents: (string | null)[] }

async function inBatches(rows: readonly NextRow[], write: (batch: Batch) => Promise<unknown>): Promise<void> {
  let batch: Batch = { rows: [], documents: [] }
  let length = 0
  for (const { document, ...row } of rows) {
    const text = document && JSON.stringify(document)
    if (length > 0 && length + (text?.length ?? 0) > MOST_TEXT) {
      await write(batch)
      batch = { rows: [], documents: [] }
      length = 0
    }
    batch.rows.push(row)
    batch.documents.push(text)
    length += (text?.length ?? 0) + (row.sealed?.length ?? 0)
  }
  if (batch.rows.length > 0) await write(batch)
}

const given = ({ rows, documents }: Batch): Sql => sql`
  ROWS FROM (
    json_to_recordset(${JSON.stringify(rows)}::json)
      AS (type text, id text, version integer, sealed text, hashes jsonb, "updatedAt" timestamptz, place integer),
    unnest(${binaryArray('json', documents)}::json[]))
    AS k(type, id, version, sealed, hashes, updated_at, place, document)`

const values = ({ at, author }: Rows): Sql => sql`
         k.type, k.id, k.version, ${at ? sql`coalesce(k.document, ${at(sql`k.place`)})` : sql`k.document`},
         decode(k.sealed, 'base64'), k.hashes, k.updated_at, k.updated_at, ${author}`

const insertion = (org: string, batch: Batch, options: Rows): Sql =>
  // in the order in which locks are taken too
  sql`
    INSERT INTO config_documents (org, type, id, version, document, sealed_secrets, secret_hashes, created_at, updated_at,
      updated_by)
    SELECT ${org}, ${values(options)} FROM ${given(batch)} ORDER BY k.type, k.id
    ON CONFLICT DO NOTHING RETURNING 1`

const nextVersions = (org: string, batch: Batch, options: Rows): Sql =>
  // rows are there, so this inserts none; it finds each by its key
  sql`
    WITH k AS MATERIALIZED (SELECT * FROM ${given(batch)}),
    superseded AS (
      INSERT INTO config_versions (org, type, id, version, document, sealed_secrets, secret_hashes, updated_at, updated_by)
      SELECT ${org}, d.type, d.id, d.version, d.document, d.sealed_secrets, d.secret_hashes, d.updated_at, d.updated_by
        FROM k CROSS JOIN LATERAL ${byKey(org)} d WHERE d.version > 0)
    INSERT INTO config_documents (org, type, id, version, document, sealed_secrets, secret_hashes, created_at, updated_at,
      updated_by)
    SELECT ${org}, ${values(options)} FROM k
    ON CONFLICT (org, type, id) DO UPDATE
       SET version = excluded.version, document = excluded.document, sealed_secrets = excluded.sealed_secrets,
           secret_hashes = excluded.secret_hashes, updated_at = excluded.updated_at, updated_by = excluded.updated_by
     WHERE config_documents.org = ${org}`

export type PageFilter = {
  /** Of this type only; absent: of every type, by type and id. */
  type?: string
  /** The last one of the page before. */
  after?: NodeKey
  updatedAfter?: Date
  /** Tombstones too. */
  deleted?: boolean
  /** Whether documents are read, or only what is known of them. */
  documents: boolean
  size: number
}

/** A page ends where its documents have this much as stored (compressed to about a fifth), or after the first one. */
const MOST_STORED = 2_097_152

/** A keyset page by type and id, at most `size`, and whether others follow. */
export async function pageOfDocuments(
  db: Queryable,
  org: string,
  filter: PageFilter,
): Promise<{ rows: DocumentRow[]; more: boolean }> {
  const { type, after, updatedAfter, size } = filter
  const found = await db.query<DocumentRow & { found: number }>(sql`
    SELECT ${filter.documents ? columns : columnsWithoutDocument}, d.found
      FROM (SELECT p.*, count(*) OVER () AS found, row_number() OVER (ORDER BY p.type, p.id) AS place,
                   sum(p.stored) OVER (ORDER BY p.type, p.id) - p.stored AS before
              FROM (SELECT c.*, coalesce(pg_column_size(c.document), 0) AS stored FROM config_documents c
                     WHERE c.org = ${org} AND c.version > 0
                       ${filter.deleted ? empty : sql`AND c.document IS NOT NULL`}
                       ${type === undefined ? empty : sql`AND c.type = ${type}`}
                       ${after ? sql`AND (c.type, c.id) > (${after.type}, ${after.id})` : empty}
                       ${updatedAfter ? sql`AND c.updated_at > ${updatedAfter}` : empty}
                     ORDER BY c.type, c.id LIMIT ${size + 1}) p) d
     WHERE d.place <= ${size} ${filter.documents ? sql`AND d.before < ${MOST_STORED}` : empty}
     ORDER BY d.type, d.id`)
  const rows = found.map(({ found: _, ...row }) => row)
  return { rows, more: rows.length < (found[0]?.found ?? 0) }
}

const columnsWithoutDocument = sql`d.type, d.id, d.version,
  CASE WHEN d.document IS NULL THEN NULL ELSE '{}'::json END AS document, NULL AS "sealedSecrets",
  d.secret_hashes AS "secretHashes", d.created_at AS "createdAt", d.updated_at AS "updatedAt", d.updated_by AS "updatedBy"`

/** A version of a document, the current one or an earlier one. */
export type VersionRow = {
  version: number
  document: Document | null
  secretHashes: Hashes | null
  updatedAt: Date
  updatedBy: string
}

/** Current and earlier versions of a document, newest first, below `before` when given; without their documents. */
export async function versionsOf(
  db: Queryable,
  org: string,
  { type, id }: NodeKey,
  { before, size }: { before: number | undefined; size: number },
): Promise<(Omit<VersionRow, 'document'> & { deleted: boolean })[]> {
  return db.query(sql`
    SELECT d.version, d.document IS NULL AS deleted, d.secret_hashes AS "secretHashes", d.updated_at AS "updatedAt",
           d.updated_by AS "updatedBy"
      FROM config_documents d
     WHERE d.org = ${org} AND d.type = ${type} AND d.id = ${id} AND d.version > 0
       AND (${before ?? null}::integer IS NULL OR d.version < ${before ?? null})
    UNION ALL
    (SELECT v.version, v.document IS NULL, v.secret_hashes, v.updated_at, v.updated_by
       FROM config_versions v
      WHERE v.org = ${org} AND v.type = ${type} AND v.id = ${id}
        AND (${before ?? null}::integer IS NULL OR v.version < ${before ?? null})
      ORDER BY v.version DESC LIMIT ${size})
    ORDER BY version DESC LIMIT ${size}`)
}

export async function versionOf(
  db: Queryable,
  org: string,
  { type, id }: NodeKey,
  version: number,
): Promise<VersionRow | undefined> {
  const [row] = await db.query<VersionRow>(sql`
    SELECT d.version, d.document, d.secret_hashes AS "secretHashes", d.updated_at AS "updatedAt", d.updated_by AS "updatedBy"
      FROM config_documents d
     WHERE d.org = ${org} AND d.type = ${type} AND d.id = ${id} AND d.version = ${version} AND d.version > 0
    UNION ALL
    SELECT v.version, v.document, v.secret_hashes, v.updated_at, v.updated_by
      FROM config_versions v
     WHERE v.org = ${org} AND v.type = ${type} AND v.id = ${id} AND v.version = ${version}`)
  return row
}
