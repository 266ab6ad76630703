import sql, { type Sql } from 'sql-template-tag'
import { binaryArray } from '../../db/arrays.ts'
import type { Queryable } from '../../db/pool.ts'
import type { Sealing } from '../../operation/sealing.ts'
import type { Action, PlanRow, SyncPlan } from '../planning/plan.ts'
import { type Counts, countKey, type Phase, type RowStatus, type RowTask, type SyncJob } from './job.ts'

type Of = Pick<SyncJob, 'org' | 'id' | 'dryRun'>

/** What a row is before anything is written to the target. */
export function firstStatus(
  { action, refusal, matchedBy }: Pick<PlanRow, 'action' | 'refusal' | 'matchedBy'>,
  dryRun: boolean,
): { status: RowStatus; code: string | null; error: string | null } {
  if (action === 'refused') {
    const status = refusal?.code === 'protected' ? 'skipped' : 'failed'
    return { status, code: refusal?.code ?? 'refused', error: refusal?.message ?? null }
  }
  const as = (status: RowStatus) => ({ status, code: null, error: null })
  if (!dryRun || action === 'delete') return as(action === 'none' ? 'skipped' : 'pending')
  if (action === 'create') return as('would_create')
  if (matchedBy !== null && matchedBy !== 'lineage') return as('would_match_heuristic')
  return as(action === 'patch' ? 'would_patch' : 'would_skip_unchanged')
}

const firstPhase = ({ action }: PlanRow): Phase =>
  action === 'create' || action === 'none' || action === 'refused' ? 'phase_a' : 'phase_b'

/** The requests of each row. */
function tasksByRow({ rows, tasks }: SyncPlan): RowTask[][] {
  const byRow: RowTask[][] = rows.map(() => [])
  for (const [task, { row, ...rest }] of tasks.entries()) byRow[row]?.push({ task, ...rest })
  return byRow
}

/** What a job's header says of its plan as a whole. */
export type PlanHeader = {
  rows: Record<Action, number>
  requests: number
  cycles: SyncPlan['cycles']
  /** Rows that a lost answer may make twice, and rows with warnings. */
  mayDuplicate: number
  warned: number
}

function headerOf({ rows, tasks, cycles }: SyncPlan): PlanHeader {
  const header: PlanHeader = {
    rows: { create: 0, patch: 0, delete: 0, none: 0, refused: 0 },
    ...{ requests: tasks.length, cycles, mayDuplicate: 0, warned: 0 },
  }
  for (const { action, mayDuplicate, warnings } of rows) {
    header.rows[action]++
    if (mayDuplicate) header.mayDuplicate++
    if (warnings.length > 0) header.warned++
  }
  return header
}

/** As many rows as travel in one statement. */
const ROWS = 1_000

/**
 * Keeps a plan as the rows of its job, with what its header says and how the rows stand. Secrets are sealed. A plan that
 * the job had is replaced, if nothing was done of it yet.
 */
export async function storePlan(
  tx: Queryable,
  { org, id, dryRun }: Of,
  plan: SyncPlan,
  { sealing, now }: { sealing: Sealing; now: Date },
): Promise<Counts> {
  await tx.query(sql`DELETE FROM config_job_rows WHERE org = ${org} AND job_id = ${id}`)
  const tasks = tasksByRow(plan)
  const counts: Counts = { total: plan.rows.length }
  const storedOf = (row: PlanRow, seq: number): StoredRow => {
    const { desired, secrets, base, settledAs, targetId, type, sourceId, title, action, ...more } = row
    const { matchedBy, revision, ...rest } = more
    const first = firstStatus(row, dryRun)
    const key = countKey(first.status, first.code)
    counts[key] = (counts[key] ?? 0) + 1
    const sealed =
      Object.keys(secrets).length > 0 ? sealing.seal(JSON.stringify(secrets)).toString('base64') : null
    return {
      ...{ seq, type, sourceId, targetId, title, action, matchedBy, revision, sealed, settledAs },
      ...first,
      phase: firstPhase(row),
      level: tasks[seq]?.[0]?.level ?? 0,
      plan: { ...rest, tasks: tasks[seq] },
      desired,
      base,
    }
  }
  // while one statement is under way the rows of the next one are made
  let written: Promise<void> = Promise.resolve()
  for (let at = 0; at < plan.rows.length; at += ROWS) {
    const rows = plan.rows.slice(at, at + ROWS).map((row, index) => storedOf(row, at + index))
    const statement = insertion(org, id, rows, now)
    await written
    written = tx.query(statement).then(() => {})
    written.catch(() => {})
  }
  await written
  await tx.query(sql`
    UPDATE config_jobs SET plan_digest = ${plan.digest}, plan = ${JSON.stringify(headerOf(plan))}::jsonb,
           counts = ${JSON.stringify(counts)}::jsonb
     WHERE org = ${org} AND id = ${id}`)
  return counts
}

/** A row as its statement takes it; the documents travel apart. */
type StoredRow = Record<string, unknown> & { desired: PlanRow['desired']; base: PlanRow['base'] }

const textOf = (value: object | null): string | null => (value === null ? null : JSON.stringify(value))

function insertion(org: string, id: string, rows: readonly StoredRow[], now: Date): Sql {
  const bare = rows.map(({ desired: _, base: __, ...rest }) => rest)
  const desired = binaryArray(
    'json',
    rows.map((row) => textOf(row.desired)),
  )
  const bases = binaryArray(
    'json',
    rows.map((row) => textOf(row.base)),
  )
  return sql`
    INSERT INTO config_job_rows (org, job_id, seq, type, source_id, target_id, title, action, status, phase, level,
      matched_by, revision, plan, desired, base, settled_as, sealed_secrets, code, error, updated_at)
    SELECT ${org}, ${id}, r.seq, r.type, r.source_id, r.target_id, r.title, r.action, r.status, r.phase, r.level,
           r.matched_by, r.revision, r.plan, r.desired, r.base, r.settled_as, decode(r.sealed, 'base64'), r.code, r.error,
           ${now}
      FROM ROWS FROM (
             json_to_recordset(${JSON.stringify(bare)}::json)
               AS (seq integer, type text, "sourceId" text, "targetId" text, title text, action text, status text,
                   phase text, level integer, "matchedBy" text, revision text, plan jsonb, sealed text,
                   "settledAs" text, code text, error text),
             unnest(${desired}::json[]), unnest(${bases}::json[]))
        AS r(seq, type, source_id, target_id, title, action, status, phase, level, matched_by, revision, plan, sealed,
             settled_as, code, error, desired, base)`
}

/** Rows from which on a job is worth an ANALYZE, which takes as long as writing a few hundred. */
const MANY = 1_000

/**
 * Tells PostgreSQL's planner of the rows that a large plan has just become. Until it knows them, each look-up of one
 * reads all rows of the job, those that foreign keys ask for too (1.8 ms for each row of the journal of 6,000).
 */
export async function announceRows(db: Queryable, { total = 0 }: Counts): Promise<void> {
  if (total >= MANY) await db.query(sql`ANALYZE config_job_rows (org, job_id, seq, status)`)
}

/**
 * Gives a job the plan of a dry run that was reviewed, as it was: the rows are as before anything is written, as old as
 * the plan, and the digest is the same.
 */
export async function copyPlan(tx: Queryable, { org, id }: Of, from: string): Promise<void> {
  await tx.query(sql`
    INSERT INTO config_job_rows (org, job_id, seq, type, source_id, target_id, title, action, status, phase, level,
      matched_by, revision, plan, desired, base, settled_as, sealed_secrets, code, error, updated_at)
    SELECT ${org}, ${id}, r.seq, r.type, r.source_id, r.target_id, r.title, r.action,
           CASE WHEN r.action IN ('create', 'patch', 'delete') THEN 'pending' WHEN r.action = 'none' THEN 'skipped'
                ELSE r.status END,
           r.phase, r.level, r.matched_by, r.revision, r.plan, r.desired, r.base, r.settled_as, r.sealed_secrets,
           r.code, r.error, r.updated_at
      FROM config_job_rows r WHERE r.org = ${org} AND r.job_id = ${from}`)
  await tx.query(sql`
    UPDATE config_jobs n SET plan = o.plan, plan_digest = o.plan_digest, counts = c.counts
      FROM config_jobs o,
           (SELECT jsonb_object_agg(k.key, k.count) || jsonb_build_object('total', sum(k.count)) AS counts
              FROM (SELECT CASE WHEN r.status = 'skipped' AND r.code IS NULL THEN 'unchanged' ELSE r.status END AS key,
                           count(*) AS count
                      FROM config_job_rows r WHERE r.org = ${org} AND r.job_id = ${id} GROUP BY 1) k) c
     WHERE n.org = ${org} AND n.id = ${id} AND o.org = ${org} AND o.id = ${from}`)
}
