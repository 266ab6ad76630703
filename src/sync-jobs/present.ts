import type { z } from 'zod'
import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { SyncJobDefinition } from './engine/definition.ts'
import { type Checkpoint, findJob, type Job, requireDefinition, type Schedule } from './engine/jobs.ts'
import { findRun, listRuns, type RunRow } from './engine/runs.ts'
import type {
  SyncCheckpoint,
  SyncCursor,
  SyncJobCore,
  SyncRun,
  SyncSchedule,
  SyncSource,
  SyncTarget,
} from './schema.ts'
import { errorWords } from './wording-errors.ts'

type Shown<S extends z.ZodType> = z.input<S>

/** The job of the caller’s organisation, and what is declared of it. Errors: not-found. */
export async function requireJob(ctx: Context, jobId: string): Promise<Job & { title: string }> {
  const { title } = requireDefinition(ctx.deps, jobId)
  const job = await findJob(ctx.deps, ctx.org, jobId, ctx.db)
  return job ? { ...job, title } : fail('not-found', `There is no sync job ${jobId}.`)
}

/** A run of the caller’s organisation. Errors: not-found. */
export const requireRun = async (ctx: Context, runId: string): Promise<RunRow> =>
  (await findRun(ctx.db, ctx.org, runId)) ??
  fail('not-found', {
    detail: `There is no run ${runId}.`,
    errors: [{ pointer: '/runId', message: 'unknown run' }],
  })

/** The newest runs that a job shows with itself. */
const HISTORY = 10

export const historyOf = async (ctx: Context, jobId: string): Promise<Shown<typeof SyncRun>[]> =>
  (await listRuns(ctx.db, ctx.org, { jobId, limit: HISTORY })).map(presentRun)

const iso = (instant: Date | null): string | null => instant?.toISOString() ?? null

export const presentRun = (run: RunRow): Shown<typeof SyncRun> => ({
  id: run.id,
  jobId: run.jobId,
  mode: run.mode,
  status: run.status,
  requestedBy: run.requestedBy,
  startedAt: run.startedAt.toISOString(),
  finishedAt: iso(run.finishedAt),
  resumeAt: iso(run.resumeAt),
  stats: {
    recordsScanned: run.scanned,
    uniqueRecordsProcessed: run.processed,
    duplicateRecordsSkipped: run.duplicates,
    driftFindings: run.opened,
    errors: run.errors,
    findingsResolved: run.resolved,
    conflicts: run.conflicts,
    disappeared: run.disappeared,
    pages: run.pages,
  },
  coverage: run.coverage,
  notes: run.notes,
  errors: errorsOf(run),
})

function errorsOf(run: RunRow): Shown<typeof SyncRun>['errors'] {
  // one that goes on again has put it behind itself
  if (run.status === 'running' || run.status === 'completed') return []
  const code = run.status === 'needs-review' ? 'disappeared' : run.errorCode
  return code === null ? [] : [{ code, ...errorWords(code), at: iso(run.finishedAt ?? run.movedAt) }]
}

export const presentSchedule = (schedule: Schedule, nextAt: Date | null): Shown<typeof SyncSchedule> => ({
  ...schedule,
  nextAt: iso(nextAt),
})

/**
 * A cursor as it is shown: a keyed name of the place, the same for the same place. What it stands for may be an id of a
 * provider’s, and nobody needs it: runs go on by themselves.
 */
export const cursorName = (ctx: Pick<Context, 'deps' | 'org'>, jobId: string, place: string | null) =>
  place === null
    ? null
    : `sync-cursor-${ctx.deps.sealing.hash(`sync cursor ${ctx.org} ${jobId} ${place}`).slice(0, 32)}`

export const presentCheckpoint = (
  ctx: Context,
  jobId: string,
  { cursor, highWatermark, lastSuccessfulAt, ...counts }: Checkpoint,
): Shown<typeof SyncCheckpoint> => ({
  cursor: cursorName(ctx, jobId, cursor),
  highWatermark: iso(highWatermark),
  lastSuccessfulAt: iso(lastSuccessfulAt),
  ...counts,
})

/** `agent-sync-cursor.v1` of a run: where its last page began, and where the next one does. */
export function presentCursor(ctx: Context, run: RunRow | undefined): Shown<typeof SyncCursor> {
  const kind = 'opaque-compound' as const
  if (!run) return { kind, value: null, nextValue: null, terminal: false }
  const terminal = run.status === 'completed'
  const name = (place: string | null) => cursorName(ctx, run.jobId, placeOf(run, place))
  return { kind, value: name(run.previousCursor), nextValue: terminal ? null : name(run.cursor), terminal }
}

/** The same cursor of two sources is two places. */
const placeOf = ({ source }: RunRow, cursor: string | null): string | null =>
  cursor === null ? null : `${source} ${cursor}`

/** What is declared of a job, as the contract has it. */
export function describedJob(
  ctx: Context,
  { id, title, describe }: SyncJobDefinition,
): Pick<Shown<typeof SyncJobCore>, 'id' | 'title' | 'source' | 'target' | 'idempotency' | 'redactions'> {
  const { source, target, keyFields, duplicateBehavior, redactions } = describe
  return {
    id,
    title,
    source: presentSource(ctx, source),
    target: target satisfies Shown<typeof SyncTarget>,
    idempotency: { keyFields: [...keyFields], duplicateBehavior },
    redactions: [...redactions],
  }
}

function presentSource(
  ctx: Context,
  source: SyncJobDefinition['describe']['source'],
): Shown<typeof SyncSource> {
  const { path, ...endpoint } = source.endpoint
  return {
    ...source,
    endpoint: { href: `${ctx.call.origin}${path}`, ...endpoint, status: 'available' },
    records: [...source.records],
  }
}
