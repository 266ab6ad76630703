import type { z } from 'zod'
import type { Context } from '../operation/define.ts'
import { driftOf } from './drift.ts'
import { requireDefinition } from './engine/jobs.ts'
import {
  describedJob,
  historyOf,
  presentCheckpoint,
  presentCursor,
  presentRun,
  presentSchedule,
  requireJob,
} from './present.ts'
import type { SyncJob } from './schema.ts'

/** A job with all that is said of it. Errors: not-found. */
export async function wholeJob(ctx: Context, jobId: string): Promise<z.input<typeof SyncJob>> {
  const definition = requireDefinition(ctx.deps, jobId)
  const [job, history] = await Promise.all([requireJob(ctx, jobId), historyOf(ctx, jobId)])
  const { latestRun: run, schedule, openFindings } = job
  const drift = await driftOf(ctx, jobId, run)
  const latestRun = run ? presentRun(run) : null
  return {
    ...describedJob(ctx, definition),
    status: job.status,
    cursor: presentCursor(ctx, run),
    checkpoint: presentCheckpoint(ctx, jobId, job.checkpoint),
    stats: {
      recordsScanned: run?.scanned ?? 0,
      uniqueRecordsProcessed: run?.processed ?? 0,
      duplicateRecordsSkipped: run?.duplicates ?? 0,
      driftFindings: drift.openFindings,
      errors: run?.errors ?? 0,
    },
    errors: latestRun?.errors ?? [],
    schedule: schedule && presentSchedule(schedule, job.nextAt),
    latestRun,
    history,
    findings: {
      open: drift.openFindings,
      needPerson: openFindings.reduce((sum, { needsPerson }) => sum + needsPerson, 0),
      byClass: openFindings.map(({ class: name, open }) => ({ class: name, open })),
    },
    drift,
  }
}
