import type { Queryable, Transaction } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import { enqueue } from '../../jobs/send.ts'
import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import { newId } from '../../sessions/rules.ts'
import type { Mode } from './definition.ts'
import { requireDefinition } from './jobs.ts'
import {
  findOpenRun,
  findRunRow,
  holdJobRow,
  insertRun,
  listRunRows,
  type RunRow,
  updateRun,
} from './store.ts'

export type { RunRow } from './store.ts'
export const RUN = 'sync-jobs.run'

/** The run of that id. */
export const findRun = (db: Queryable, org: string, id: string): Promise<RunRow | undefined> =>
  findRunRow(db, org, id)

/** Newest first. */
export const listRuns = (
  db: Queryable,
  org: string,
  page: { jobId: string; before?: { startedAt: Date; id: string } | undefined; limit: number },
): Promise<RunRow[]> => listRunRows(db, org, page)

/**
 * Starts a run in the open transaction, or answers the one that has not ended: one at a time, whoever asks. Errors:
 * not-found.
 */
export async function startRun(
  ctx: Context,
  { jobId, mode = 'full' }: { jobId: string; mode?: Mode },
): Promise<RunRow> {
  requireDefinition(ctx.deps, jobId)
  const { run } = await beginRun(ctx.db, {
    ...{
      org: ctx.org,
      jobId,
      mode,
      requestedBy: ctx.principal.displayName ?? ctx.principal.role,
      now: ctx.now,
    },
  })
  return run
}

export type RunRequest = { org: string; jobId: string; mode: Mode; requestedBy: string; now: Date }

/** The same for who is no caller: a schedule, an event of a provider. `began`: no other one was under way. */
export async function beginRun(
  tx: Queryable,
  { org, jobId, mode, requestedBy, now }: RunRequest,
): Promise<{ run: RunRow; began: boolean }> {
  const job = await holdJobRow(tx, org, jobId)
  const open = await findOpenRun(tx, org, jobId)
  if (open) return { run: open, began: false }
  const run = await insertRun(tx, {
    ...{ org, jobId, requestedBy, startedAt: now, id: newId('sync-run') },
    // what changed since a run that never was is everything
    mode: job.completeThrough === null ? 'full' : mode,
  })
  await enqueue(tx, RUN, { org, id: run.id })
  return { run, began: true }
}

async function requireRun(ctx: Context, runId: string): Promise<RunRow> {
  const run = await findRunRow(ctx.db, ctx.org, runId, true)
  return (
    run ??
    fail('not-found', {
      detail: `There is no run ${runId}.`,
      errors: [{ pointer: '/runId', message: 'unknown run' }],
    })
  )
}

/** Ends a run at its checkpoint: whoever works on it writes nothing more. Errors: not-found, conflict. */
export async function cancelRun(ctx: Context, { runId }: { runId: string }): Promise<RunRow> {
  const run = await requireRun(ctx, runId)
  if (run.status === 'completed' || run.status === 'failed') fail('conflict', 'The run has ended already.')
  const change = { status: 'failed' as const, error_code: 'cancelled', finished_at: ctx.now, resume_at: null }
  await updateRun(ctx.db, run, change, ctx.now)
  return (await findRunRow(ctx.db, ctx.org, runId)) as RunRow
}

/**
 * Lets a run that is paused, failed or waits for a person go on after its checkpoint. `accept`: what it missed is really
 * gone. Only the newest run of a job goes on. Errors: not-found, conflict.
 */
export async function resumeRun(
  ctx: Context,
  { runId, accept = false }: { runId: string; accept?: boolean | undefined },
): Promise<RunRow> {
  const asked = await requireRun(ctx, runId)
  await holdJobRow(ctx.db, ctx.org, asked.jobId)
  const [newest] = await listRunRows(ctx.db, ctx.org, { jobId: asked.jobId, limit: 1 })
  if (asked.status === 'running') return asked
  if (asked.status === 'completed') fail('conflict', 'The run has completed.')
  if (newest?.id !== asked.id) fail('conflict', 'Another run was started since; resume or read that one.')
  if (asked.status === 'needs-review' && !accept)
    fail('conflict', {
      detail: `${asked.disappeared} records were not seen any more; a person says with accept that they are gone.`,
      nextAction: 'Look at the source. Resume with accept, or cancel the run and start another one.',
    })
  const change = {
    ...{ status: 'running' as const, error_code: null, finished_at: null, resume_at: null, failures: 0 },
    ...(accept ? { accepted: true } : {}),
  }
  await updateRun(ctx.db, asked, change, ctx.now)
  await enqueue(ctx.db, RUN, { org: ctx.org, id: runId })
  return (await findRunRow(ctx.db, ctx.org, runId)) as RunRow
}

/** An incremental run for what changed at a provider, if no other run is under way; answers whether it began. */
export async function beginIncremental(
  deps: Deps,
  tx: Transaction,
  { org, jobId, requestedBy }: { org: string; jobId: string; requestedBy: string },
): Promise<boolean> {
  const request = { org, jobId, requestedBy, mode: 'incremental' as const, now: deps.clock() }
  return (await beginRun(tx, request)).began
}
