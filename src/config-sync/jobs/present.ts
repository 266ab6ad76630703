import type { z } from 'zod'
import type { Context } from '../../operation/define.ts'
import type {
  DeleteJob,
  DeleteJobResource,
  JobEvent,
  PlanRow,
  PlanSummary,
  SyncJob,
  SyncJobResource,
} from './schema.ts'
import type { EventRow, JobRow, PlanRowShown, ResourceRow } from './store.ts'
import { lastEvents, someErrors } from './store.ts'

/** As many as the contract's header carries. */
const EVENTS = 10
const ERRORS = 20

/** Leaves out what is null: members that do not apply are absent. */
function present<T extends Record<string, unknown>>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== null && value !== undefined),
  ) as never
}

const iso = (date: Date | null): string | null => date?.toISOString() ?? null

function common(row: JobRow) {
  const { source, role, displayName } = row.requestedBy
  const waits = row.stage === 'waiting' && row.approvalId !== null && row.sessionId !== null
  return {
    ...{ id: row.id, status: row.status, stage: row.stage, dry_run: row.dryRun },
    started_at: (row.startedAt ?? row.createdAt).toISOString(),
    requested_by: { source, role, displayName },
    ...present({
      name: row.name,
      finished_at: iso(row.finishedAt),
      plan_digest: row.planDigest,
      plan: summaryOf(row),
      waiting_for: waits
        ? { approval_id: row.approvalId as string, session_id: row.sessionId as string }
        : null,
      of_job: row.ofJob,
      error: row.error,
    }),
  }
}

export function summaryOf({ plan }: Pick<JobRow, 'plan'>): z.input<typeof PlanSummary> | null {
  if (!plan) return null
  const { rows, requests, cycles, mayDuplicate, warned } = plan
  const { none, ...acting } = rows
  return {
    ...acting,
    ...{ unchanged: none, requests, completed: cycles.completed, at_least: cycles.atLeast },
    ...{ exact: cycles.exact, may_duplicate: mayDuplicate, warned },
  }
}

/** The header of a sync job, without what only a single reading has. */
export function presentJob(row: JobRow): z.input<typeof SyncJob> {
  const { counts: of, stats } = row
  const { created = 0, patched = 0, deleted = 0 } = of
  const counts = {
    ...{ total: of.total ?? 0, pending: of.pending ?? 0, in_progress: of.in_progress ?? 0 },
    ...{ succeeded: created + patched + deleted, failed: of.failed ?? 0 },
    skipped_unchanged: (of.unchanged ?? 0) + (of.would_skip_unchanged ?? 0),
    ...{ created, patched, deleted, skipped: of.skipped ?? 0 },
    ...{ would_create: of.would_create ?? 0, would_patch: of.would_patch ?? 0 },
    would_skip_unchanged: of.would_skip_unchanged ?? 0,
    would_match_heuristic: of.would_match_heuristic ?? 0,
  }
  return {
    ...common(row),
    kind: row.kind,
    direction: row.direction ?? 'push',
    source_org_id: row.sourceOrg ?? row.targetOrg,
    ...{ target_org_id: row.targetOrg, counts },
    ...present({
      current_phase: row.currentPhase,
      current_batch: row.currentBatch,
      stats: stats && {
        ...{ requests: stats.requests, repeated: stats.repeated, seconds: stats.seconds },
        ...present({ lower_bound_seconds: stats.lowerBoundSeconds, verified: stats.verified }),
      },
    }),
  }
}

/** The header with its last events and first errors. */
export async function wholeJob(
  { db, org }: Pick<Context, 'db' | 'org'>,
  row: JobRow,
): Promise<z.input<typeof SyncJob>> {
  const [events, errors] = await Promise.all([
    lastEvents(db, org, row.id, EVENTS),
    row.counts.failed ? someErrors(db, org, row.id, ERRORS) : [],
  ])
  return {
    ...presentJob(row),
    events: events.map(presentEvent),
    errors_sample: errors.map(({ type, sourceId, targetId, error }) => ({
      ...{ type, source_id: sourceId || (targetId ?? ''), error },
    })),
  }
}

export const presentEvent = (row: EventRow): z.input<typeof JobEvent> => ({
  ...{ seq: row.seq, ts: row.ts.toISOString(), status: row.status },
  ...present({
    phase: row.phase,
    type: row.type,
    source_id: row.sourceId,
    target_id: row.targetId,
    message: row.message,
    error: row.error,
  }),
})

/** What is restored, rolled back or deleted has no source: it goes by its own id. */
const sourceIdOf = ({ sourceId, targetId }: ResourceRow): string => sourceId || (targetId ?? '')

export const presentResource = (row: ResourceRow): z.input<typeof SyncJobResource> => ({
  ...{ type: row.type, source_id: sourceIdOf(row), status: row.status, phase: row.phase },
  ...{ attempt: row.attempt, updated_at: row.updatedAt.toISOString() },
  ...{ seq: row.seq, action: row.action, level: row.level },
  ...present({
    target_id: row.targetId,
    title: row.title,
    error: row.error,
    code: row.code,
    matched_by: row.matchedBy,
    verified: row.verified,
  }),
})

export const presentPlanRow = (row: PlanRowShown): z.input<typeof PlanRow> => ({
  ...{ seq: row.seq, type: row.type, source_id: sourceIdOf(row), title: row.title ?? sourceIdOf(row) },
  ...{ action: row.action, level: row.level, references: row.references.map(({ to }) => to) },
  changes: row.changes as z.input<typeof PlanRow>['changes'],
  ...{ warnings: row.warnings, may_duplicate: row.mayDuplicate },
  ...present({ target_id: row.targetId, matched_by: row.matchedBy, refusal: row.refusal }),
})

export function presentDeleteJob(row: JobRow): z.input<typeof DeleteJob> {
  const {
    total = 0,
    pending = 0,
    in_progress = 0,
    deleted = 0,
    failed = 0,
    skipped = 0,
    unchanged = 0,
  } = row.counts
  return {
    ...common(row),
    org_id: row.targetOrg,
    counts: { total, pending, in_progress, deleted, skipped: skipped + unchanged, failed },
    rebuild_triggered: row.stats?.rebuildTriggered === true,
  }
}

export const presentDeletion = (row: ResourceRow): z.input<typeof DeleteJobResource> => ({
  ...{ type: row.type, id: row.targetId ?? row.sourceId },
  status: row.status as z.input<typeof DeleteJobResource>['status'],
  ...{ attempt: row.attempt, updated_at: row.updatedAt.toISOString() },
  ...present({ title: row.title, error: row.error, code: row.code }),
})
