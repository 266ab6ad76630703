import sql, { empty, type Sql } from 'sql-template-tag'
import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import type { Queryable } from '../../db/pool.ts'
import type { Selection } from './schema.ts'

export type SnapshotRow = {
  org: string
  id: string
  name: string
  selection: Selection
  status: 'building' | 'ready' | 'failed'
  items: number
  digest: string | null
  failedTypes: string[]
  schedule: string | null
  createdAt: Date
  createdBy: string
  expiresAt: Date | null
}

const columns = sql`org, id, name, selection, status, items, digest, failed_types AS "failedTypes", schedule,
  created_at AS "createdAt", created_by AS "createdBy", expires_at AS "expiresAt"`

export type NewSnapshot = Pick<
  SnapshotRow,
  'org' | 'id' | 'name' | 'selection' | 'schedule' | 'createdAt' | 'createdBy' | 'expiresAt'
>

export async function insertSnapshot(tx: Queryable, row: NewSnapshot): Promise<SnapshotRow> {
  const { org, id, name, selection, schedule, createdAt, createdBy, expiresAt } = row
  const [made] = await tx.query<SnapshotRow>(sql`
    INSERT INTO config_snapshots (org, id, name, selection, status, schedule, created_at, created_by, expires_at)
    VALUES (${org}, ${id}, ${name}, ${JSON.stringify(selection)}::jsonb, 'building', ${schedule}, ${createdAt},
            ${createdBy}, ${expiresAt})
    RETURNING ${columns}`)
  return made as SnapshotRow
}

export async function findSnapshot(
  db: Queryable,
  org: string,
  id: string,
  lock = false,
): Promise<SnapshotRow | undefined> {
  const [row] = await db.query<SnapshotRow>(sql`
    SELECT ${columns} FROM config_snapshots WHERE org = ${org} AND id = ${id} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

/** Newest first; `before` is the last of the page before. */
export async function listSnapshots(
  db: Queryable,
  org: string,
  { before, size }: { before?: { createdAt: Date; id: string } | undefined; size: number },
): Promise<SnapshotRow[]> {
  return db.query<SnapshotRow>(sql`
    SELECT ${columns} FROM config_snapshots
     WHERE org = ${org} ${before ? sql`AND (created_at, id) < (${before.createdAt}, ${before.id})` : empty}
     ORDER BY created_at DESC, id DESC LIMIT ${size}`)
}

export async function deleteSnapshot(tx: Queryable, org: string, id: string): Promise<void> {
  await tx.query(sql`DELETE FROM config_snapshots WHERE org = ${org} AND id = ${id}`)
}

/** Which configurations a selection is about, of rows called `alias`. */
const selected = (selection: Selection, alias: Sql): Sql => {
  if (selection.types) return sql`AND ${alias}.type = ANY(${selection.types})`
  if (!selection.resources) return empty
  const { resources } = selection
  return sql`AND (${alias}.type, ${alias}.id) IN (
    SELECT * FROM unnest(${resources.map(({ type }) => type)}::text[], ${resources.map(({ id }) => id)}::text[]))`
}

/**
 * Copies what of the selection lives in the built-in store, as one statement sees it: the moment of the snapshot.
 * Copying starts anew when it was cut off. Secrets stay sealed.
 */
export async function copyStored(tx: Queryable, { org, id, selection }: SnapshotRow): Promise<void> {
  // 200,000 configurations take longer than any other statement may
  await tx.query(sql`SET LOCAL statement_timeout = '10min'`)
  await tx.query(sql`DELETE FROM config_snapshot_items WHERE org = ${org} AND snapshot_id = ${id}`)
  await tx.query(sql`
    INSERT INTO config_snapshot_items
           (org, snapshot_id, type, id, version, content_hash, document, sealed_secrets, secret_hashes)
    SELECT ${org}, ${id}, d.type, d.id, d.version, n.content_hash, d.document, d.sealed_secrets, d.secret_hashes
      FROM config_documents d
      JOIN config_nodes n ON n.org = d.org AND n.type = d.type AND n.id = d.id
     WHERE d.org = ${org} AND n.org = ${org} AND d.document IS NOT NULL AND n.connector = 'store'
       ${selected(selection, sql`d`)}`)
}

export type ItemRow = NodeKey & { version: number; contentHash: string; document: Document }

/** Items that were read from another place, without secrets. */
export async function insertItems(
  tx: Queryable,
  { org, id, selection }: SnapshotRow,
  items: readonly ItemRow[],
): Promise<void> {
  await tx.query(sql`
    INSERT INTO config_snapshot_items (org, snapshot_id, type, id, version, content_hash, document)
    SELECT ${org}, ${id}, i.type, i.id, i.version, i."contentHash", i.document
      FROM json_to_recordset(${JSON.stringify(items)}::json)
           AS i(type text, id text, version integer, "contentHash" text, document json)
     WHERE true ${selected(selection, sql`i`)}
    ON CONFLICT (org, snapshot_id, type, id) DO NOTHING`)
}

/** What could not be read to its end is not in the snapshot at all. */
export async function dropItemsOf(tx: Queryable, { org, id }: SnapshotRow, type: string): Promise<void> {
  await tx.query(sql`
    DELETE FROM config_snapshot_items WHERE org = ${org} AND snapshot_id = ${id} AND type = ${type}`)
}

/** Counts and digests what was copied; readers see the snapshot as ready from here on. */
export async function finishSnapshot(
  tx: Queryable,
  { org, id }: SnapshotRow,
  { status, failedTypes }: { status: 'ready' | 'failed'; failedTypes: readonly string[] },
): Promise<void> {
  await tx.query(sql`
    UPDATE config_snapshots
       SET status = ${status}, failed_types = ${failedTypes},
           (items, digest) = (
             SELECT count(*)::int, encode(sha256(convert_to(coalesce(
                      string_agg(i.type || '/' || i.id || ' ' || i.content_hash || ' '
                                   || coalesce(md5(i.secret_hashes::text), ''),
                                 E'\\n' ORDER BY i.type COLLATE "C", i.id COLLATE "C"), ''), 'UTF8')), 'hex')
               FROM config_snapshot_items i WHERE i.org = ${org} AND i.snapshot_id = ${id})
     WHERE org = ${org} AND id = ${id} AND status = 'building'`)
}

/** How many of each type. */
export async function countItems(
  db: Queryable,
  org: string,
  id: string,
): Promise<{ type: string; items: number }[]> {
  return db.query(sql`
    SELECT type, count(*)::int AS items FROM config_snapshot_items
     WHERE org = ${org} AND snapshot_id = ${id} GROUP BY type ORDER BY type COLLATE "C"`)
}

type Page = { after?: NodeKey | undefined; size: number }
export type StoredItem = ItemRow & { sealedSecrets: Buffer | null }

/** Items by type and id. */
export async function pageItems(
  db: Queryable,
  org: string,
  id: string,
  { after, size, type }: Page & { type?: string | undefined },
): Promise<StoredItem[]> {
  return db.query<StoredItem>(sql`
    SELECT type, id, version, content_hash AS "contentHash", document, sealed_secrets AS "sealedSecrets"
      FROM config_snapshot_items
     WHERE org = ${org} AND snapshot_id = ${id} ${type === undefined ? empty : sql`AND type = ${type}`}
       ${after ? sql`AND (type, id) > (${after.type}, ${after.id})` : empty}
     ORDER BY type, id LIMIT ${size}`)
}

export async function itemsOf(
  db: Queryable,
  org: string,
  id: string,
  keys: readonly NodeKey[],
): Promise<StoredItem[]> {
  return db.query<StoredItem>(sql`
    SELECT i.type, i.id, i.version, i.content_hash AS "contentHash", i.document, i.sealed_secrets AS "sealedSecrets"
      FROM config_snapshot_items i
      JOIN unnest(${keys.map((key) => key.type)}::text[], ${keys.map((key) => key.id)}::text[]) AS k(type, id)
        ON k.type = i.type AND k.id = i.id
     WHERE i.org = ${org} AND i.snapshot_id = ${id}`)
}

/** How a configuration differs between a snapshot and what it is compared with; `secrets`: nothing else does. */
export type Differing = NodeKey & { change: 'added' | 'removed' | 'changed' | 'secrets' }

const differing = (page: Page): Sql => sql`
  SELECT type, id,
         CASE WHEN s.content_hash IS NULL THEN 'added' WHEN o.content_hash IS NULL THEN 'removed'
              WHEN s.content_hash <> o.content_hash THEN 'changed' ELSE 'secrets' END AS change
    FROM s FULL JOIN o USING (type, id)
   WHERE (s.content_hash IS DISTINCT FROM o.content_hash OR s.secret_hashes IS DISTINCT FROM o.secret_hashes)
     ${page.after ? sql`AND (type, id) > (${page.after.type}, ${page.after.id})` : empty}
   ORDER BY type, id LIMIT ${page.size}`

/** What changed since the snapshot, by the index: `added` is there now and was not then. */
export async function differsFromLive(
  db: Queryable,
  { org, id, selection, failedTypes }: SnapshotRow,
  page: Page,
): Promise<Differing[]> {
  return db.query<Differing>(sql`
    WITH s AS (
      SELECT i.type, i.id, i.content_hash, i.secret_hashes
        FROM config_snapshot_items i WHERE i.org = ${org} AND i.snapshot_id = ${id}
    ), o AS (
      SELECT n.type, n.id, n.content_hash, d.secret_hashes
        FROM config_nodes n
        LEFT JOIN config_documents d ON d.org = ${org} AND d.type = n.type AND d.id = n.id AND n.connector = 'store'
       WHERE n.org = ${org} AND n.deleted_at IS NULL AND n.type <> ALL(${failedTypes}) ${selected(selection, sql`n`)}
    )
    ${differing(page)}`)
}

/** What changed from one snapshot to a later one. */
export async function differsFromSnapshot(
  db: Queryable,
  { org, id }: SnapshotRow,
  other: string,
  page: Page,
): Promise<Differing[]> {
  return db.query<Differing>(sql`
    WITH s AS (
      SELECT i.type, i.id, i.content_hash, i.secret_hashes
        FROM config_snapshot_items i WHERE i.org = ${org} AND i.snapshot_id = ${id}
    ), o AS (
      SELECT i.type, i.id, i.content_hash, i.secret_hashes
        FROM config_snapshot_items i WHERE i.org = ${org} AND i.snapshot_id = ${other}
    )
    ${differing(page)}`)
}

/** Removes what is past its time, of every organisation. Answers how many. */
export async function dropExpired(db: Queryable, now: Date): Promise<number> {
  const gone = await db.query(sql`
    /* every organisation */ DELETE FROM config_snapshots WHERE expires_at <= ${now} RETURNING id`)
  return gone.length
}
