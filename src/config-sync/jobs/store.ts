import sql, { empty } from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import type { Counts, JobKind, JobStatus, Phase, RowStatus, Stage, Stats } from '../execution/job.ts'
import type { PlanHeader } from '../execution/plan-store.ts'
import type { Refusal, RowChange } from '../planning/plan.ts'

/** What a job is made of. Overrides are sealed: they may hold secrets of documents. Never a token. */
export type JobRequest = {
  resources?: readonly { type: string; id: string; title?: string }[]
  includeDependencies?: boolean
  conflicts?: {
    default: 'source' | 'target' | 'fail'
    places: { type: string; id: string; pointer: string; choice: 'source' | 'target' | 'fail' }[]
  }
  /** Base64 of sealed JSON: merge patches by `type:id`. */
  sealedOverrides?: string
  checkDependencies?: boolean
  snapshotId?: string
  /** Who allowed the use of the other organisation, where that is on this server. */
  authority?: { org: string; principal: string }
}

/** Who asked, as audit and approvals name it; `scopes` are the most that was allowed then. */
export type Requester = { id: string; source: string; role: string; displayName: string; scopes: string[] }

export type JobRow = {
  org: string
  id: string
  kind: JobKind
  name: string | null
  status: JobStatus
  stage: Stage
  direction: 'push' | 'pull' | null
  sourceOrg: string | null
  targetOrg: string
  dryRun: boolean
  request: JobRequest
  requestedBy: Requester
  ofJob: string | null
  sessionId: string | null
  approvalId: string | null
  planDigest: string | null
  plan: PlanHeader | null
  needsToken: boolean
  currentPhase: Phase | null
  currentBatch: { index: number; of: number; level: number } | null
  counts: Counts
  eventSeq: number
  stats: Stats | null
  error: string | null
  createdAt: Date
  startedAt: Date | null
  finishedAt: Date | null
}

const columns = sql`org, id, kind, name, status, stage, direction, source_org AS "sourceOrg", target_org AS "targetOrg",
  dry_run AS "dryRun", request, requested_by AS "requestedBy", of_job AS "ofJob", session_id AS "sessionId",
  approval_id AS "approvalId", plan_digest AS "planDigest", plan, needs_token AS "needsToken",
  current_phase AS "currentPhase", current_batch AS "currentBatch", counts, event_seq AS "eventSeq", stats, error,
  created_at AS "createdAt", started_at AS "startedAt", finished_at AS "finishedAt"`

export type NewJob = Pick<
  JobRow,
  | 'org'
  | 'id'
  | 'kind'
  | 'name'
  | 'direction'
  | 'sourceOrg'
  | 'targetOrg'
  | 'dryRun'
  | 'request'
  | 'requestedBy'
  | 'ofJob'
  | 'sessionId'
  | 'createdAt'
> & {
  /** Which process holds the token that the job needs; undefined: it needs none. */
  holder: string | undefined
  /** Where it begins: with making its plan, or with one that was reviewed. */
  stage: 'planning' | 'running'
}

export async function insertJob(tx: Queryable, job: NewJob): Promise<JobRow> {
  const { org, id, kind, name, direction, sourceOrg, targetOrg, dryRun, request, requestedBy } = job
  const { ofJob, sessionId, createdAt, holder, stage } = job
  const status = stage === 'running' ? 'in_progress' : 'pending'
  const [made] = await tx.query<JobRow>(sql`
    INSERT INTO config_jobs (org, id, kind, name, status, stage, direction, source_org, target_org, dry_run, request,
      requested_by, of_job, session_id, needs_token, holder, counts, created_at)
    VALUES (${org}, ${id}, ${kind}, ${name}, ${status}, ${stage}, ${direction}, ${sourceOrg}, ${targetOrg}, ${dryRun},
            ${JSON.stringify(request)}::jsonb, ${JSON.stringify(requestedBy)}::jsonb, ${ofJob}, ${sessionId},
            ${holder !== undefined}, ${holder ?? null}, '{}', ${createdAt})
    RETURNING ${columns}`)
  return made as JobRow
}

/** `lock` takes the row FOR UPDATE. */
export async function findJob(
  db: Queryable,
  org: string,
  id: string,
  lock = false,
): Promise<JobRow | undefined> {
  const [row] = await db.query<JobRow>(sql`
    SELECT ${columns} FROM config_jobs WHERE org = ${org} AND id = ${id} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

export type JobFilter = {
  kinds: readonly JobKind[]
  status?: JobStatus | undefined
  before?: { createdAt: Date; id: string } | undefined
  size: number
}

/** Newest first; `before` is the last of the page before. */
export const listJobs = (
  db: Queryable,
  org: string,
  { kinds, status, before, size }: JobFilter,
): Promise<JobRow[]> =>
  db.query<JobRow>(sql`
    SELECT ${columns} FROM config_jobs
     WHERE org = ${org} AND kind = ANY(${kinds as JobKind[]}::text[])
       ${status ? sql`AND status = ${status}` : empty}
       ${before ? sql`AND (created_at, id) < (${before.createdAt}, ${before.id})` : empty}
     ORDER BY created_at DESC, id DESC LIMIT ${size}`)

/** Ends a job that has not ended; what is under way is noted and nothing more begins. Undefined when it had. */
export async function cancelJob(
  tx: Queryable,
  org: string,
  id: string,
  now: Date,
): Promise<JobRow | undefined> {
  const [row] = await tx.query<JobRow>(sql`
    UPDATE config_jobs SET stage = 'ended', status = 'cancelled', finished_at = ${now}, needs_token = false,
           holder = NULL, current_batch = NULL, event_seq = event_seq + 1
     WHERE org = ${org} AND id = ${id} AND stage <> 'ended' RETURNING ${columns}`)
  return row
}

/** Sets a job that waits for a decision running. Undefined when it does not wait. */
export async function releaseJob(
  tx: Queryable,
  org: string,
  id: string,
  now: Date,
): Promise<JobRow | undefined> {
  const [row] = await tx.query<JobRow>(sql`
    UPDATE config_jobs SET stage = 'running', status = 'in_progress', started_at = coalesce(started_at, ${now})
     WHERE org = ${org} AND id = ${id} AND stage = 'waiting' RETURNING ${columns}`)
  return row
}

/** Keeps which approval a job waits for, in which session. */
export async function holdForApproval(
  tx: Queryable,
  org: string,
  id: string,
  { approvalId, sessionId }: { approvalId: string; sessionId: string },
): Promise<void> {
  await tx.query(sql`
    UPDATE config_jobs SET approval_id = ${approvalId}, session_id = ${sessionId}
     WHERE org = ${org} AND id = ${id}`)
}

export type EventRow = {
  seq: number
  ts: Date
  phase: Phase | null
  type: string | null
  sourceId: string | null
  targetId: string | null
  status: RowStatus
  message: string | null
  error: string | null
}

const eventColumns = sql`seq, ts, phase, type, source_id AS "sourceId", target_id AS "targetId", status, message, error`

/** Events after a number, in order. */
export const eventsAfter = (
  db: Queryable,
  org: string,
  id: string,
  after: number,
  size: number,
): Promise<EventRow[]> =>
  db.query<EventRow>(sql`
    SELECT ${eventColumns} FROM config_job_events
     WHERE org = ${org} AND job_id = ${id} AND seq > ${after} ORDER BY seq LIMIT ${size}`)

/** The last events, the earliest first. */
export const lastEvents = (db: Queryable, org: string, id: string, size: number): Promise<EventRow[]> =>
  db.query<EventRow>(sql`
    SELECT * FROM (SELECT ${eventColumns} FROM config_job_events WHERE org = ${org} AND job_id = ${id}
                    ORDER BY seq DESC LIMIT ${size}) last ORDER BY seq`)

export type ErrorRow = { type: string; sourceId: string; targetId: string | null; error: string }

/** The first failures of a job, as many as `size`. */
export const someErrors = (db: Queryable, org: string, id: string, size: number): Promise<ErrorRow[]> =>
  db.query<ErrorRow>(sql`
    SELECT type, source_id AS "sourceId", target_id AS "targetId", coalesce(error, code, 'failed') AS error
      FROM config_job_rows WHERE org = ${org} AND job_id = ${id} AND status = 'failed' ORDER BY seq LIMIT ${size}`)

export type ResourceRow = {
  seq: number
  type: string
  sourceId: string
  targetId: string | null
  title: string | null
  action: 'create' | 'patch' | 'delete' | 'none' | 'refused'
  status: RowStatus
  phase: Phase
  level: number
  matchedBy: string | null
  attempt: number
  code: string | null
  error: string | null
  verified: 'bytes' | 'content' | 'different' | null
  updatedAt: Date
}

const resourceColumns = sql`seq, type, source_id AS "sourceId", target_id AS "targetId", title, action, status, phase,
  level, matched_by AS "matchedBy", attempt, code, error, plan->>'verified' AS verified, updated_at AS "updatedAt"`

export type RowFilter = { status?: RowStatus | undefined; after?: number | undefined; size: number }

/** Rows by their place in the plan. */
export const listResources = (
  db: Queryable,
  org: string,
  id: string,
  { status, after, size }: RowFilter,
): Promise<ResourceRow[]> =>
  db.query<ResourceRow>(sql`
    SELECT ${resourceColumns} FROM config_job_rows
     WHERE org = ${org} AND job_id = ${id} ${status ? sql`AND status = ${status}` : empty}
       ${after === undefined ? empty : sql`AND seq > ${after}`}
     ORDER BY seq LIMIT ${size}`)

export type PlanRowShown = ResourceRow & {
  changes: RowChange[]
  warnings: string[]
  references: { to: number; required: boolean }[]
  mayDuplicate: boolean
  refusal: { code: Refusal; message: string; among?: string[] } | null
}

/** Rows with what is planned for them; `acting` leaves out those that nothing happens to. */
export const listPlan = (
  db: Queryable,
  org: string,
  id: string,
  { after, size, acting = false }: RowFilter & { acting?: boolean },
): Promise<PlanRowShown[]> =>
  db.query<PlanRowShown>(sql`
    SELECT ${resourceColumns}, plan->'changes' AS changes, plan->'warnings' AS warnings, plan->'references' AS "references",
           coalesce((plan->>'mayDuplicate')::boolean, false) AS "mayDuplicate", plan->'refusal' AS refusal
      FROM config_job_rows
     WHERE org = ${org} AND job_id = ${id} ${after === undefined ? empty : sql`AND seq > ${after}`}
       ${acting ? sql`AND action <> 'none'` : empty}
     ORDER BY seq LIMIT ${size}`)

/** What a retry takes up: what failed, what was not begun or not concluded, and what waited for those. */
export const unresolvedOf = (
  db: Queryable,
  org: string,
  id: string,
): Promise<{ type: string; id: string }[]> =>
  db.query(sql`
    SELECT type, source_id AS id FROM config_job_rows
     WHERE org = ${org} AND job_id = ${id}
       AND (status IN ('failed', 'pending', 'in_progress') OR (status = 'skipped' AND code = 'dependency-failed'))
     ORDER BY seq`)
