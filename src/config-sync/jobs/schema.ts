import { z } from 'zod'
import { ConfigId, Instant, Type } from '../../config-hub/schema.ts'
import { transient } from '../../operation/redact.ts'

export const JobId = z.string().regex(/^job-[0-9a-f]{16}$/, 'must be the id of a job')

/** As many as one request names; with their dependencies a job may have more. */
const MOST_RESOURCES = 10_000

export const Resource = z.strictObject({ type: Type, id: ConfigId })
export const Resources = z.array(Resource).max(MOST_RESOURCES)

export const Choice = z.enum(['source', 'target', 'fail'])
export const Conflicts = z
  .strictObject({
    default: Choice.default('fail'),
    places: z
      .array(
        z.strictObject({
          type: Type,
          id: ConfigId,
          pointer: z
            .string()
            .max(2000)
            .describe('JSON pointer; all below it too, and "" is the whole document'),
          choice: Choice,
        }),
      )
      .max(10_000)
      .default([]),
  })
  .describe('Which side counts where both changed the same place since the last sync; fail unless told')

export const Overrides = z
  .record(
    z.string().regex(/^[a-z][a-z0-9_]*:.+$/s, 'must be <type>:<source id>'),
    z.record(z.string(), z.json()),
  )
  .describe('Merge patches (RFC 7396) on what the source has, by <type>:<source id>')

const token = (of: string) =>
  transient(z.string().min(1).max(4096)).describe(
    `A token of the ${of} organisation: verified before anything of it is read, and kept nowhere`,
  )
export const TargetToken = token('target')
export const SourceToken = token('source')

export const JobStatus = z.enum(['pending', 'in_progress', 'succeeded', 'partial', 'failed', 'cancelled'])
export const Phase = z.enum(['phase_0', 'phase_a', 'phase_a5', 'phase_b', 'finalize'])
export const Stage = z.enum(['planning', 'waiting', 'running', 'ended'])
/** The contract's, and `deleted`, which rows of rollbacks and restores may end as. */
export const RowStatus = z.enum([
  'pending',
  'in_progress',
  'created',
  'patched',
  'deleted',
  'skipped',
  'would_create',
  'would_patch',
  'would_skip_unchanged',
  'would_match_heuristic',
  'failed',
])

export const JobEvent = z.object({
  seq: z.int(),
  ts: Instant,
  phase: Phase.optional(),
  type: z.string().optional(),
  source_id: z.string().optional(),
  target_id: z.string().optional(),
  status: RowStatus,
  message: z.string().optional(),
  error: z.string().optional(),
})

/** What a plan does as a whole. */
export const PlanSummary = z.object({
  create: z.int(),
  patch: z.int(),
  delete: z.int(),
  unchanged: z.int(),
  refused: z.int(),
  requests: z.int().describe('Writes to the target'),
  completed: z.int().describe('Later patches that break circles of references'),
  at_least: z.int().describe('No plan has fewer of those'),
  exact: z.boolean(),
  may_duplicate: z.int().describe('Creations that a lost answer may make twice'),
  warned: z.int(),
})

const WaitingFor = z
  .object({ approval_id: z.string(), session_id: z.string() })
  .describe('The approval that people decide on; the job goes on by itself once it is given')

const Common = z.object({
  id: z.string(),
  name: z.string().optional(),
  status: JobStatus,
  stage: Stage.describe('planning, then waiting where policy asks for a decision, running, ended'),
  started_at: Instant,
  finished_at: Instant.optional(),
  dry_run: z.boolean(),
  plan_digest: z.string().optional(),
  plan: PlanSummary.optional(),
  waiting_for: WaitingFor.optional(),
  of_job: z.string().optional().describe('The job that this one retries, applies or rolls back'),
  requested_by: z.object({ source: z.string(), role: z.string(), displayName: z.string() }),
  error: z.string().optional(),
})

export const SyncJob = Common.extend({
  kind: z.enum(['sync', 'restore', 'rollback', 'delete']),
  direction: z.enum(['push', 'pull']),
  source_org_id: z.string(),
  target_org_id: z.string(),
  counts: z.object({
    total: z.int(),
    pending: z.int(),
    in_progress: z.int(),
    succeeded: z.int(),
    failed: z.int(),
    skipped_unchanged: z.int(),
    created: z.int(),
    patched: z.int(),
    deleted: z.int(),
    skipped: z.int(),
    would_create: z.int(),
    would_patch: z.int(),
    would_skip_unchanged: z.int(),
    would_match_heuristic: z.int(),
  }),
  current_phase: Phase.optional(),
  current_batch: z.object({ index: z.int(), of: z.int(), level: z.int() }).optional(),
  stats: z
    .object({
      requests: z.int(),
      repeated: z.int(),
      seconds: z.number(),
      lower_bound_seconds: z.number().optional(),
      verified: z.object({ equal: z.int(), different: z.int() }).optional(),
    })
    .optional(),
  events: z.array(JobEvent).optional(),
  errors_sample: z
    .array(z.object({ type: z.string(), source_id: z.string(), error: z.string() }))
    .max(20)
    .optional(),
})

export const SyncJobResource = z.object({
  type: z.string(),
  source_id: z.string(),
  target_id: z.string().optional(),
  title: z.string().optional(),
  status: RowStatus,
  phase: Phase,
  attempt: z.int(),
  error: z.string().optional(),
  updated_at: Instant,
  seq: z.int().describe('Its place in the plan'),
  action: z.enum(['create', 'patch', 'delete', 'none', 'refused']),
  code: z.string().optional().describe('Why it was refused, failed or skipped'),
  matched_by: z.string().optional(),
  level: z.int(),
  verified: z.enum(['bytes', 'content', 'different']).optional(),
})

export const PlanRow = z.object({
  seq: z.int(),
  type: z.string(),
  source_id: z.string(),
  target_id: z.string().optional(),
  title: z.string(),
  action: z.enum(['create', 'patch', 'delete', 'none', 'refused']),
  matched_by: z.string().optional(),
  level: z.int(),
  references: z.array(z.int()).describe('Rows that it refers to'),
  changes: z.array(
    z.object({
      pointer: z.string(),
      change: z.string(),
      state: z.string(),
      before: z.json().optional(),
      after: z.json().optional(),
      secret: z.literal(true).optional(),
    }),
  ),
  warnings: z.array(z.string()),
  may_duplicate: z.boolean(),
  refusal: z
    .object({ code: z.string(), message: z.string(), among: z.array(z.string()).optional() })
    .optional(),
})

export const DeleteJob = Common.extend({
  org_id: z.string(),
  counts: z.object({
    total: z.int(),
    pending: z.int(),
    in_progress: z.int(),
    deleted: z.int(),
    skipped: z.int(),
    failed: z.int(),
  }),
  rebuild_triggered: z.boolean().describe('Whether the index of the organisation is being rebuilt after it'),
})

export const DeleteJobResource = z.object({
  type: z.string(),
  id: z.string(),
  title: z.string().optional(),
  status: z.enum(['pending', 'in_progress', 'deleted', 'skipped', 'failed']),
  attempt: z.int(),
  error: z.string().optional(),
  updated_at: Instant,
  code: z.string().optional(),
})
