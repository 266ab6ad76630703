import type { Document } from '../../config-hub/index/entry.ts'
import type { Action, PlanRow, PlanTask } from '../planning/plan.ts'

export type JobKind = 'sync' | 'delete' | 'restore' | 'rollback'
export type JobStatus = 'pending' | 'in_progress' | 'succeeded' | 'partial' | 'failed' | 'cancelled'
export type Stage = 'planning' | 'waiting' | 'running' | 'ended'
export type Phase = 'phase_0' | 'phase_a' | 'phase_a5' | 'phase_b' | 'finalize'
export type Step = PlanTask['kind']

/** Of a job's row. `deleted` is of delete jobs and rollbacks; what is to be deleted is pending until then. */
export type RowStatus =
  | 'pending'
  | 'in_progress'
  | 'created'
  | 'patched'
  | 'deleted'
  | 'skipped'
  | 'failed'
  | 'would_create'
  | 'would_patch'
  | 'would_skip_unchanged'
  | 'would_match_heuristic'

/** Rows by what became of them; `total` is the sum of the others. `unchanged` are those skipped without a reason. */
export type Counts = Record<string, number>

export const countKey = (status: RowStatus, code: string | null): string =>
  status === 'skipped' && code === null ? 'unchanged' : status

/** A job as its executor claimed it: what it writes, it writes under this fence. */
export type SyncJob = {
  org: string
  id: string
  kind: JobKind
  status: JobStatus
  stage: Stage
  direction: 'push' | 'pull' | null
  sourceOrg: string | null
  targetOrg: string
  dryRun: boolean
  request: Record<string, unknown>
  requestedBy: Record<string, unknown>
  ofJob: string | null
  planDigest: string | null
  needsToken: boolean
  holder: string | null
  fence: number
  counts: Counts
  stats: Stats | null
  startedAt: Date | null
}

/** What a job did. Requests are those to a target that is not this server's own store. */
export type Stats = {
  /** Writes that were asked of a target by request. */
  requests: number
  /** Requests that were made again: pauses that the target asked for, lost answers. */
  repeated: number
  /** From the start of writing to its end. */
  seconds: number
  /** No schedule ends earlier, by the latencies that were measured; null where nothing is asked by request. */
  lowerBoundSeconds: number | null
  /** Of a rollback or restore: rows that read back as they were to be, and rows that do not. */
  verified?: { equal: number; different: number }
  /** Of a delete job: the index of the organisation is rebuilt after it. */
  rebuildTriggered?: boolean
}

export type RowTask = Pick<PlanTask, 'kind' | 'after' | 'omits' | 'level'> & { task: number }

/** What executing needs of a row without its documents. */
export type Row = {
  seq: number
  type: string
  sourceId: string
  targetId: string | null
  action: Action
  status: RowStatus
  code: string | null
  matchedBy: PlanRow['matchedBy']
  revision: string | null
  attempt: number
  mayDuplicate: boolean
  /** There is something for the pair to remember. */
  hasBase: boolean
  /** What the pair is settled as with that base. */
  settledAs: string | null
  /** Ids within it that the target makes: what stands for each in the plan, and where it is. */
  derives: NonNullable<PlanRow['derives']>
  tasks: readonly RowTask[]
}

/** What the target is to be of a row, and its secrets by pointer. */
export type Content = {
  desired: Document | null
  secrets: Readonly<Record<string, unknown>>
}

export type Outcome = 'intended' | 'done' | 'refused' | 'unknown'

/** What the journal says of one step of a row. */
export type JournalEntry = {
  seq: number
  step: Step
  outcome: Outcome
  targetId: string | null
  /** The natural key that finds what a lost create made. */
  marker: string | null
  preRevision: string | null
  postRevision: string | null
  doneOrder: number | null
  /** Of a create: the ids that the target made within it, by symbol; null until they are known. */
  derived: Derived | null
}

export type Derived = Readonly<Record<string, string>>

/** A write to the journal; images are kept from the first intent on. `preSealed` is base64. */
export type JournalWrite = {
  seq: number
  step: Step
  outcome: Outcome
  type: string
  targetId: string | null
  marker?: string | null
  preImage?: Document | null
  preSealed?: string | null
  preRevision?: string | null
  postRevision?: string | null
  postHash?: string | null
  doneOrder?: number | null
  derived?: Derived
}

export type RowWrite = {
  seq: number
  status: RowStatus
  phase: Phase
  targetId: string | null
  code: string | null
  error: string | null
  attempt: number
}

export type EventWrite = {
  phase: Phase
  type?: string
  sourceId?: string
  targetId?: string | null
  status: RowStatus
  message?: string
  error?: string
}

export type Batch = { index: number; of: number; level: number }

export const stepPhase = (step: Step): Phase => (step === 'create' ? 'phase_a' : 'phase_b')
