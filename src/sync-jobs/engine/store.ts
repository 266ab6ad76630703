import sql, { empty, join, raw, type Sql } from 'sql-template-tag'
import type { Queryable, Transaction } from '../../db/pool.ts'
import type { Coverage, Mode } from './definition.ts'

export const OPEN_STATUSES = ['running', 'paused', 'needs-review'] as const
export type RunStatus = (typeof OPEN_STATUSES)[number] | 'completed' | 'failed'

export type Schedule = { cron: string; timeZone: string; mode: Mode }

export type JobRow = {
  org: string
  id: string
  cursor: string | null
  highWatermark: Date | null
  recordsProcessed: number
  duplicatesSkipped: number
  digest: string
  completeThrough: Date | null
  lastSuccessfulAt: Date | null
  lastFullAt: Date | null
  coverage: Coverage | null
  watermarks: Record<string, string>
  schedule: Schedule | null
  nextAt: Date | null
  version: number
}

export type RunRow = {
  org: string
  id: string
  jobId: string
  mode: Mode
  status: RunStatus
  attempt: number
  source: number
  cursor: string | null
  previousCursor: string | null
  watermarks: Record<string, string>
  pages: number
  scanned: number
  processed: number
  duplicates: number
  conflicts: number
  errors: number
  opened: number
  resolved: number
  disappeared: number
  accepted: boolean
  coverage: Coverage | null
  notes: string[]
  resumeAt: Date | null
  errorCode: string | null
  failures: number
  requestedBy: string
  startedAt: Date
  movedAt: Date
  finishedAt: Date | null
}

const jobColumns = sql`org, id, cursor, high_watermark AS "highWatermark", records_processed AS "recordsProcessed",
  duplicates_skipped AS "duplicatesSkipped", digest, complete_through AS "completeThrough",
  last_successful_at AS "lastSuccessfulAt", last_full_at AS "lastFullAt", coverage, watermarks, schedule,
  next_at AS "nextAt", version`

const runColumns = sql`org, id, job_id AS "jobId", mode, status, attempt, source, cursor,
  previous_cursor AS "previousCursor", watermarks, pages, scanned, processed, duplicates, conflicts, errors, opened,
  resolved, disappeared, accepted, coverage, notes, resume_at AS "resumeAt", error_code AS "errorCode", failures,
  requested_by AS "requestedBy", started_at AS "startedAt", moved_at AS "movedAt", finished_at AS "finishedAt"`

const locking = (lock: boolean): Sql => (lock ? sql`FOR UPDATE` : empty)

export async function findJobRow(
  db: Queryable,
  org: string,
  id: string,
  lock = false,
): Promise<JobRow | undefined> {
  const [row] = await db.query<JobRow>(sql`
    SELECT ${jobColumns} FROM sync_jobs WHERE org = ${org} AND id = ${id} ${locking(lock)}`)
  return row
}

/** The organisation's row of a job, made when it is not there; locked. */
export async function holdJobRow(tx: Queryable, org: string, id: string): Promise<JobRow> {
  await tx.query(sql`INSERT INTO sync_jobs (org, id) VALUES (${org}, ${id}) ON CONFLICT DO NOTHING`)
  return (await findJobRow(tx, org, id, true)) as JobRow
}

export async function findRunRow(
  db: Queryable,
  org: string,
  id: string,
  lock = false,
): Promise<RunRow | undefined> {
  const [row] = await db.query<RunRow>(sql`
    SELECT ${runColumns} FROM sync_runs WHERE org = ${org} AND id = ${id} ${locking(lock)}`)
  return row
}

/** The run of a job that has not ended. */
export async function findOpenRun(db: Queryable, org: string, jobId: string): Promise<RunRow | undefined> {
  const [row] = await db.query<RunRow>(sql`
    SELECT ${runColumns} FROM sync_runs
     WHERE org = ${org} AND job_id = ${jobId} AND status IN ('running', 'paused', 'needs-review')`)
  return row
}

/** Newest first. */
export async function listRunRows(
  db: Queryable,
  org: string,
  {
    jobId,
    before,
    limit,
  }: { jobId: string; before?: { startedAt: Date; id: string } | undefined; limit: number },
): Promise<RunRow[]> {
  const after = before ? sql`AND (started_at, id) < (${before.startedAt}, ${before.id})` : empty
  return db.query<RunRow>(sql`
    SELECT ${runColumns} FROM sync_runs WHERE org = ${org} AND job_id = ${jobId} ${after}
     ORDER BY started_at DESC, id DESC LIMIT ${limit}`)
}

export type NewRun = Pick<RunRow, 'org' | 'id' | 'jobId' | 'mode' | 'requestedBy' | 'startedAt'>

export async function insertRun(tx: Queryable, run: NewRun): Promise<RunRow> {
  const { org, id, jobId, mode, requestedBy, startedAt } = run
  const [row] = await tx.query<RunRow>(sql`
    INSERT INTO sync_runs (org, id, job_id, mode, status, requested_by, started_at, moved_at)
    VALUES (${org}, ${id}, ${jobId}, ${mode}, 'running', ${requestedBy}, ${startedAt}, ${startedAt})
    RETURNING ${runColumns}`)
  return row as RunRow
}

/** Takes a run that may go on; whoever had it before writes nothing more. */
export async function takeRun(
  db: Queryable,
  org: string,
  id: string,
  now: Date,
): Promise<RunRow | undefined> {
  const [row] = await db.query<RunRow>(sql`
    UPDATE sync_runs SET attempt = attempt + 1, status = 'running', resume_at = NULL, moved_at = ${now}
     WHERE org = ${org} AND id = ${id}
       AND (status = 'running' OR (status = 'paused' AND resume_at <= ${now}))
    RETURNING ${runColumns}`)
  return row
}

/** Members of a run that change, named as its columns are. */
export type RunChange = Partial<{
  status: RunStatus
  mode: Mode
  source: number
  cursor: string | null
  previous_cursor: string | null
  watermarks: string
  pages: number
  scanned: number
  processed: number
  duplicates: number
  conflicts: number
  errors: number
  opened: number
  resolved: number
  disappeared: number
  accepted: boolean
  coverage: Coverage | null
  notes: string
  resume_at: Date | null
  error_code: string | null
  failures: number
  finished_at: Date | null
}>

const assignments = (change: object): Sql =>
  join(Object.entries(change).map(([column, value]) => sql`${raw(column)} = ${value}`))

type HeldRun = Pick<RunRow, 'org' | 'id' | 'attempt'>

const runUpdate = ({ org, id, attempt }: HeldRun, change: RunChange, now: Date): Sql => sql`
  UPDATE sync_runs SET ${assignments(change)}, moved_at = ${now}
   WHERE org = ${org} AND id = ${id} AND attempt = ${attempt}`

/** Changes a run that the transaction holds. */
export async function updateRun(tx: Queryable, run: HeldRun, change: RunChange, now: Date): Promise<void> {
  await tx.query(runUpdate(run, change, now))
}

/** The same, travelling with what follows. */
export const sendRun = (tx: Transaction, run: HeldRun, change: RunChange, now: Date): void =>
  tx.send(runUpdate(run, change, now))

export type JobChange = Partial<{
  cursor: string | null
  high_watermark: Date | null
  records_processed: number
  duplicates_skipped: number
  digest: string
  complete_through: Date | null
  last_successful_at: Date | null
  last_full_at: Date | null
  coverage: Coverage | null
  watermarks: string
  schedule: string | null
  next_at: Date | null
}>

const jobUpdate = (org: string, id: string, change: JobChange): Sql => sql`
  UPDATE sync_jobs SET ${assignments(change)}, version = version + 1 WHERE org = ${org} AND id = ${id}`

export async function updateJob(tx: Queryable, org: string, id: string, change: JobChange): Promise<void> {
  await tx.query(jobUpdate(org, id, change))
}

/** The same, travelling with what follows. */
export const sendJob = (tx: Transaction, org: string, id: string, change: JobChange): void =>
  tx.send(jobUpdate(org, id, change))

/** Runs of whichever organisation that nobody has moved for long, and paused ones that are due. */
export async function listStanding(
  db: Queryable,
  { before, now, limit }: { before: Date; now: Date; limit: number },
): Promise<{ org: string; id: string }[]> {
  return db.query(sql`
    /* every organisation */
    SELECT org, id FROM sync_runs
     WHERE status IN ('running', 'paused') AND moved_at < ${before} AND (resume_at IS NULL OR resume_at <= ${now})
     ORDER BY moved_at LIMIT ${limit}`)
}

/** Of each job, the newest runs stay. */
export async function dropOldRuns(db: Queryable, before: Date, keep: number): Promise<number> {
  const rows = await db.query(sql`
    /* every organisation */
    DELETE FROM sync_runs r USING (
      SELECT org, id, row_number() OVER (PARTITION BY org, job_id ORDER BY started_at DESC) AS place FROM sync_runs
    ) p WHERE p.org = r.org AND p.id = r.id AND p.place > ${keep} AND r.finished_at < ${before} RETURNING 1`)
  return rows.length
}

/** One schedule that is due, of whichever organisation; locked until the transaction ends. */
export async function takeDue(
  tx: Queryable,
  now: Date,
): Promise<{ org: string; id: string; schedule: Schedule } | undefined> {
  const [row] = await tx.query<{ org: string; id: string; schedule: Schedule }>(sql`
    /* every organisation */
    SELECT org, id, schedule FROM sync_jobs WHERE next_at <= ${now}
     ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED`)
  return row
}
