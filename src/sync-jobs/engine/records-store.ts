import sql from 'sql-template-tag'
import { binaryArray } from '../../db/arrays.ts'
import type { Queryable, Transaction } from '../../db/pool.ts'
import type { JsonObject, Subject } from './definition.ts'
import type { KnownRecord, NextRecord } from './page.ts'

const columns = sql`r.source_kind AS "sourceKind", r.key, r.updated_at AS "updatedAt", r.hash, r.content,
  r.seen_run AS "seenRun", r.deleted_at IS NOT NULL AS deleted`

/**
 * Keys by kind: each kind is a statement of its own, which the index answers whatever the statistics say. Joined with
 * pairs, or with OR between kinds, a table that grew since it was looked at is read whole for each page (55 of 60 s of a
 * first scan of 22,000, or 15 ms a page).
 */
const keysByKind = (subjects: readonly Subject[]): [kind: string, keys: string[]][] =>
  [...Map.groupBy(subjects, ({ sourceKind }) => sourceKind)].map(([kind, of]) => [
    kind,
    of.map(({ key }) => key),
  ])

type Owner = { org: string; jobId: string }

/** What is known of these, tombstones too. */
export async function selectKnown(
  db: Queryable,
  { org, jobId }: Owner,
  subjects: readonly Subject[],
): Promise<KnownRecord[]> {
  const known = keysByKind(subjects).map(([kind, keys]) =>
    db.query<KnownRecord>(sql`
      SELECT ${columns} FROM sync_records r
       WHERE r.org = ${org} AND r.job_id = ${jobId} AND r.source_kind = ${kind} AND r.key = ANY(${keys})`),
  )
  return (await Promise.all(known)).flat()
}

/** Writes the latest version of records; each once. */
export function sendRecords(
  tx: Transaction,
  { org, jobId }: Owner,
  records: readonly NextRecord[],
  now: Date,
): void {
  if (records.length === 0) return
  tx.send(sql`
    INSERT INTO sync_records AS r (org, job_id, source_kind, key, updated_at, hash, content, seen_run, deleted_at)
    SELECT ${org}, ${jobId}, n.source_kind, n.key, n.updated_at, n.hash, n.content, n.seen_run,
           CASE WHEN n.deleted THEN ${now}::timestamptz END
      FROM unnest(${records.map(({ sourceKind }) => sourceKind)}::text[], ${records.map(({ key }) => key)}::text[],
                  ${records.map(({ updatedAt }) => updatedAt)}::timestamptz[], ${records.map(({ hash }) => hash)}::text[],
                  ${binaryArray(
                    'json',
                    records.map(({ content }) => JSON.stringify(content)),
                  )}::json[],
                  ${records.map(({ seenRun }) => seenRun)}::text[], ${records.map(({ deleted }) => deleted)}::boolean[])
           AS n (source_kind, key, updated_at, hash, content, seen_run, deleted)
    ON CONFLICT (org, job_id, source_kind, key) DO UPDATE
       SET updated_at = excluded.updated_at, hash = excluded.hash, content = excluded.content,
           seen_run = excluded.seen_run, deleted_at = excluded.deleted_at
     WHERE r.org = ${org}`)
}

/** Notes that a run saw records that are as they were. */
export function sendSeen(
  tx: Transaction,
  { org, jobId }: Owner,
  subjects: readonly Subject[],
  runId: string,
): void {
  for (const [kind, keys] of keysByKind(subjects))
    tx.send(sql`
      UPDATE sync_records r SET seen_run = ${runId}
       WHERE r.org = ${org} AND r.job_id = ${jobId} AND r.source_kind = ${kind} AND r.key = ANY(${keys})
         AND r.seen_run <> ${runId}`)
}

/** Records of these kinds that are there, and how many of them a run has not seen. */
export async function countUnseen(
  db: Queryable,
  { org, jobId }: Owner,
  kinds: readonly string[],
  runId: string,
): Promise<{ sourceKind: string; total: number; unseen: number }[]> {
  return db.query(sql`
    SELECT source_kind AS "sourceKind", count(*) AS total, count(*) FILTER (WHERE seen_run <> ${runId}) AS unseen
      FROM sync_records
     WHERE org = ${org} AND job_id = ${jobId} AND source_kind = ANY(${kinds as string[]}) AND deleted_at IS NULL
     GROUP BY source_kind ORDER BY source_kind`)
}

/** Some that a run has not seen. */
export async function listUnseen(
  db: Queryable,
  { org, jobId }: Owner,
  kinds: readonly string[],
  runId: string,
  limit: number,
): Promise<KnownRecord[]> {
  return db.query<KnownRecord>(sql`
    SELECT ${columns} FROM sync_records r
     WHERE r.org = ${org} AND r.job_id = ${jobId} AND r.source_kind = ANY(${kinds as string[]})
       AND r.deleted_at IS NULL AND r.seen_run <> ${runId}
     ORDER BY r.source_kind, r.key LIMIT ${limit}`)
}

export type RecordNow = Subject & { updatedAt: Date; content: JsonObject }

/** Those of these records that are there: what a job's `project` compares with. */
export async function recordsOf(
  db: Queryable,
  { org, jobId }: Owner,
  subjects: readonly Subject[],
): Promise<RecordNow[]> {
  if (subjects.length === 0) return []
  const known = await selectKnown(db, { org, jobId }, subjects)
  return known
    .filter(({ deleted }) => !deleted)
    .map(({ sourceKind, key, updatedAt, content }) => ({ sourceKind, key, updatedAt, content }))
}

/** Records of a kind that are part of one of these things (`content.partOf`), up to so many of each. */
export async function partsOf(
  db: Queryable,
  { org, jobId }: Owner,
  sourceKind: string,
  wholes: readonly string[],
  limitEach: number | null = null,
): Promise<RecordNow[]> {
  if (wholes.length === 0) return []
  return db.query<RecordNow>(sql`
    SELECT p.* FROM unnest(${wholes as string[]}::text[]) AS w (key), LATERAL (
      SELECT r.source_kind AS "sourceKind", r.key, r.updated_at AS "updatedAt", r.content FROM sync_records r
       WHERE r.org = ${org} AND r.job_id = ${jobId} AND r.source_kind = ${sourceKind} AND r.content->>'partOf' = w.key
         AND r.deleted_at IS NULL
       ORDER BY r.key LIMIT ${limitEach}) p`)
}

/** All hashes that the digest is made of, to check it. */
export async function listHashes(db: Queryable, { org, jobId }: Owner): Promise<string[]> {
  const rows = await db.query<{ hash: string }>(sql`
    SELECT hash FROM sync_records WHERE org = ${org} AND job_id = ${jobId} AND deleted_at IS NULL`)
  return rows.map(({ hash }) => hash)
}
