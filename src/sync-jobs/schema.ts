import { z } from 'zod'
import { EndpointSchema } from '../operation/manifest.ts'

/** Statuses of the contract, of a job and of each of its runs. */
export const JOB_STATUSES = ['idle', 'running', 'completed', 'failed', 'paused', 'needs-review'] as const

/** Ids of jobs are declared in code and the same in every organisation. */
export const JobId = z.string().regex(/^[a-z0-9][a-z0-9-]{2,119}$/, 'must be the id of a sync job')
export const RunId = z.string().regex(/^[a-z0-9][a-z0-9-]{2,79}$/, 'must be the id of a run')
export const Mode = z.enum(['full', 'incremental'])

const Coverage = z.enum(['both-sides', 'app-side-only'])
const Count = z.int().min(0)
const Instant = z.string()

/** `agent-sync-cursor.v1`. `value` is where the last page began, `nextValue` where the next one does. */
export const SyncCursor = z.object({
  kind: z.literal('opaque-compound'),
  value: z.string().nullable(),
  nextValue: z.string().nullable(),
  terminal: z.boolean().describe('Nothing follows: the scan has seen everything'),
})

/** `agent-sync-checkpoint.v1`; null where nothing was scanned yet. */
export const SyncCheckpoint = z.object({
  cursor: z.string().nullable(),
  highWatermark: Instant.nullable(),
  lastSuccessfulAt: Instant.nullable(),
  recordsProcessed: Count,
  duplicateRecordsSkipped: Count,
  digest: z.string(),
})

export const SyncStats = z.object({
  recordsScanned: Count,
  uniqueRecordsProcessed: Count,
  duplicateRecordsSkipped: Count,
  driftFindings: Count,
  errors: Count,
})

/** What went wrong, in words of ours: nothing that a provider or a database said is passed on. */
export const SyncError = z.object({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  at: Instant.nullable(),
})

export const SyncRun = z.object({
  id: z.string(),
  jobId: z.string(),
  mode: Mode,
  status: z.enum(JOB_STATUSES),
  requestedBy: z.string(),
  startedAt: Instant,
  finishedAt: Instant.nullable(),
  resumeAt: Instant.nullable().describe('When a paused run goes on by itself'),
  stats: SyncStats.extend({
    driftFindings: Count.describe('Findings that this run opened'),
    findingsResolved: Count,
    conflicts: Count.describe('The same version of a record with other content'),
    disappeared: Count.describe('Records that a full scan did not see any more'),
    pages: Count,
  }),
  coverage: Coverage.nullable(),
  notes: z.array(z.string()).describe('What was not looked at, and why'),
  errors: z.array(SyncError),
})

export const SyncSchedule = z.object({
  cron: z.string(),
  timeZone: z.string(),
  mode: Mode,
  nextAt: Instant.nullable(),
})

export const SyncSource = z.object({
  id: z.string(),
  type: z.string(),
  provider: z.string(),
  endpoint: EndpointSchema,
  credentials: z.string(),
  modelVisibleIdentifiers: z.string(),
  records: z.array(z.string()),
})

export const SyncTarget = z.object({
  id: z.string(),
  resourceUri: z.string(),
  mode: z.string(),
  writesEnabled: z.boolean(),
  reviewBoundary: z.string(),
})

/** `agent-sync-job.v1`, as far as the contract goes. */
export const SyncJobCore = z.object({
  id: z.string(),
  title: z.string(),
  status: z.enum(JOB_STATUSES),
  source: SyncSource,
  target: SyncTarget,
  cursor: SyncCursor,
  checkpoint: SyncCheckpoint,
  stats: SyncStats,
  idempotency: z.object({ keyFields: z.array(z.string()), duplicateBehavior: z.string() }),
  errors: z.array(SyncError),
  redactions: z.array(z.string()),
})

/** What can be said about drift, and how far that reaches; checkable by the digest. */
export const DriftStatement = z.object({
  drift: z.enum(['no-drift', 'drift', 'unknown']),
  statement: z.string(),
  asOf: Instant.nullable(),
  coverage: Coverage.nullable(),
  completeThrough: Instant.nullable().describe('Every change up to here has been seen'),
  digest: z.string(),
  openFindings: Count,
  notes: z.array(z.string()),
  howToCheck: z.string(),
})

/** A job as it is read: the contract’s members, then ours. */
export const SyncJob = SyncJobCore.extend({
  schedule: SyncSchedule.nullable(),
  latestRun: SyncRun.nullable(),
  history: z.array(SyncRun).describe('The newest runs; all of them are listed by sync-jobs.runs.list'),
  findings: z.object({
    open: Count,
    needPerson: Count,
    byClass: z.array(z.object({ class: z.string(), open: Count })),
  }),
  drift: DriftStatement,
})
