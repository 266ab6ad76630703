import sql, { empty, type Sql } from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import type { FindingDraft, JsonObject, Subject } from './definition.ts'

export type FindingStatus = 'open' | 'resolved' | 'dismissed'

export type FindingRow = {
  org: string
  jobId: string
  fingerprint: string
  class: string
  sourceKind: string
  key: string
  summary: string
  evidence: JsonObject
  evidenceHash: string
  needsPerson: boolean
  status: FindingStatus
  version: number
  firstRun: string
  lastRun: string
  openedAt: Date
  seenAt: Date
  resolvedAt: Date | null
  judgedBy: string | null
  judgedAt: Date | null
  note: string | null
}

const columns = sql`f.org, f.job_id AS "jobId", f.fingerprint, f.class, f.source_kind AS "sourceKind", f.key, f.summary,
  f.evidence, f.evidence_hash AS "evidenceHash", f.needs_person AS "needsPerson", f.status, f.version,
  f.first_run AS "firstRun", f.last_run AS "lastRun", f.opened_at AS "openedAt", f.seen_at AS "seenAt",
  f.resolved_at AS "resolvedAt", f.judged_by AS "judgedBy", f.judged_at AS "judgedAt", f.note`

type Owner = { org: string; jobId: string }

export async function findFindingRow(
  db: Queryable,
  { org, jobId }: Owner,
  fingerprint: string,
  lock = false,
): Promise<FindingRow | undefined> {
  const [row] = await db.query<FindingRow>(sql`
    SELECT ${columns} FROM sync_findings f
     WHERE org = ${org} AND job_id = ${jobId} AND fingerprint = ${fingerprint} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

export type FindingFilter = {
  jobId: string
  status?: FindingStatus | undefined
  class?: string | undefined
  /** Behind this one. */
  before?: { openedAt: Date; fingerprint: string } | undefined
  limit: number
}

/** The last opened first. */
export async function listFindingRows(
  db: Queryable,
  org: string,
  filter: FindingFilter,
): Promise<FindingRow[]> {
  const { jobId, status, before, limit } = filter
  const ofClass: Sql = filter.class === undefined ? empty : sql`AND class = ${filter.class}`
  return db.query<FindingRow>(sql`
    SELECT ${columns} FROM sync_findings f
     WHERE org = ${org} AND job_id = ${jobId} ${status ? sql`AND status = ${status}` : empty} ${ofClass}
       ${before ? sql`AND (opened_at, fingerprint) < (${before.openedAt}, ${before.fingerprint})` : empty}
     ORDER BY opened_at DESC, fingerprint DESC LIMIT ${limit}`)
}

export type ClassCount = { class: string; open: number; needsPerson: number }

export async function countOpen(db: Queryable, { org, jobId }: Owner): Promise<ClassCount[]> {
  return db.query<ClassCount>(sql`
    SELECT class, count(*) AS open, count(*) FILTER (WHERE needs_person) AS "needsPerson" FROM sync_findings
     WHERE org = ${org} AND job_id = ${jobId} AND status = 'open' GROUP BY class ORDER BY class`)
}

export type DraftedFinding = FindingDraft & { fingerprint: string }

/**
 * Findings that hold now. One that is new, or was resolved, is opened; a dismissed one opens again when its evidence is
 * another. Answers those that were opened by this (`opened`), or whose evidence is another.
 */
export async function putFindings(
  tx: Queryable,
  { org, jobId }: Owner,
  drafts: readonly DraftedFinding[],
  { runId, now }: { runId: string; now: Date },
): Promise<(FindingRow & { opened: boolean })[]> {
  if (drafts.length === 0) return []
  return tx.query<FindingRow & { opened: boolean }>(sql`
    WITH given AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(drafts)}::jsonb) AS g (
        fingerprint text, class text, "sourceKind" text, key text, summary text, evidence jsonb, "evidenceHash" text,
        "needsPerson" boolean)
    ), before AS (
      SELECT f.fingerprint, f.status, f.evidence_hash FROM sync_findings f JOIN given USING (fingerprint)
       WHERE f.org = ${org} AND f.job_id = ${jobId}
    ), written AS (
      INSERT INTO sync_findings AS f (org, job_id, fingerprint, class, source_kind, key, summary, evidence, evidence_hash,
             needs_person, status, first_run, last_run, opened_at, seen_at)
      SELECT ${org}, ${jobId}, fingerprint, class, "sourceKind", key, summary, evidence, "evidenceHash", "needsPerson",
             'open', ${runId}, ${runId}, ${now}, ${now} FROM given
      ON CONFLICT (org, job_id, fingerprint) DO UPDATE
         SET summary = excluded.summary, evidence = excluded.evidence, evidence_hash = excluded.evidence_hash,
             needs_person = excluded.needs_person, last_run = excluded.last_run, seen_at = excluded.seen_at,
             version = f.version + (f.status = 'resolved' OR f.evidence_hash <> excluded.evidence_hash)::integer,
             opened_at = CASE WHEN f.status = 'resolved' OR f.status = 'dismissed'
                                   AND f.evidence_hash <> excluded.evidence_hash THEN excluded.opened_at ELSE f.opened_at END,
             first_run = CASE WHEN f.status = 'resolved' THEN excluded.first_run ELSE f.first_run END,
             status = CASE WHEN f.status = 'dismissed' AND f.evidence_hash = excluded.evidence_hash
                           THEN 'dismissed' ELSE 'open' END,
             resolved_at = NULL
       WHERE f.org = ${org}
      RETURNING ${columns}
    )
    SELECT w.*, w.status = 'open' AND b.status IS DISTINCT FROM 'open' AS opened
      FROM written w LEFT JOIN before b ON b.fingerprint = w.fingerprint
     WHERE (b.status, b.evidence_hash) IS DISTINCT FROM (w.status, w."evidenceHash") ORDER BY w.fingerprint`)
}

/** Resolves what is open or dismissed of these subjects, but for what still holds. Answers what was open. */
export async function resolveFindings(
  tx: Queryable,
  { org, jobId }: Owner,
  judged: readonly Subject[],
  holding: readonly string[],
  { runId, now }: { runId: string; now: Date },
): Promise<FindingRow[]> {
  if (judged.length === 0) return []
  return tx.query<FindingRow>(sql`
    WITH ended AS (
      SELECT f.fingerprint, f.status AS former FROM sync_findings f
       WHERE f.org = ${org} AND f.job_id = ${jobId} AND f.status <> 'resolved'
         AND (f.source_kind, f.key) IN (
           SELECT * FROM unnest(${judged.map(({ sourceKind }) => sourceKind)}::text[], ${judged.map(({ key }) => key)}::text[]))
         AND f.fingerprint <> ALL(${holding as string[]}::text[])
       FOR UPDATE
    )
    UPDATE sync_findings f
       SET status = 'resolved', resolved_at = ${now}, last_run = ${runId}, version = f.version + 1
      FROM ended e
     WHERE f.org = ${org} AND f.job_id = ${jobId} AND f.fingerprint = e.fingerprint
    RETURNING ${columns}`)
}

/** What a person said of a finding; undefined when it is another by now. */
export async function judgeFinding(
  tx: Queryable,
  finding: Pick<FindingRow, 'org' | 'jobId' | 'fingerprint' | 'version'>,
  { status, by, note, now }: { status: 'open' | 'dismissed'; by: string; note: string | null; now: Date },
): Promise<FindingRow | undefined> {
  const { org, jobId, fingerprint, version } = finding
  const [row] = await tx.query<FindingRow>(sql`
    UPDATE sync_findings f
       SET status = ${status}, judged_by = ${by}, judged_at = ${now}, note = ${note}, version = f.version + 1
     WHERE f.org = ${org} AND f.job_id = ${jobId} AND f.fingerprint = ${fingerprint} AND f.version = ${version}
    RETURNING ${columns}`)
  return row
}
