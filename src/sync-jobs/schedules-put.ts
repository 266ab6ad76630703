import { z } from 'zod'
import { write } from '../operation/define.ts'
import type { PlanChange } from '../operation/plan.ts'
import { WRITES } from './access.ts'
import type { Schedule } from './engine/jobs.ts'
import { checkSchedule, putSchedule } from './engine/schedules.ts'
import { presentSchedule, requireJob } from './present.ts'
import { JobId, Mode, SyncSchedule } from './schema.ts'

export const schedulesPut = write({
  id: 'sync-jobs.schedules.put',
  tool: 'agent_sync_jobs_schedules_put',
  surface: 'sync-jobs',
  summary: 'Scan by the clock.',
  boundaries: [
    'One schedule a job. A time that comes while a run is under way starts no other; after a time without any server there is one run, not one for each that was missed.',
    'An agent asks for the plan with dryRun, has it approved, and sends it again with Countersign-Approval.',
  ],
  http: { method: 'PUT', path: '/api/admin/sync-jobs/schedule' },
  access: WRITES,
  input: z.strictObject({
    jobId: JobId,
    cron: z.string().trim().min(9).max(100).describe('Five fields: minute, hour, day, month, weekday'),
    timeZone: z.string().min(1).max(60).default('UTC').describe('IANA time zone that the fields are in'),
    mode: Mode.default('incremental'),
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: z.object({ ok: z.literal(true), jobId: z.string(), schedule: SyncSchedule }),
  errors: ['not-found', 'validation-failed'],
  confirmation: {
    kind: 'catalog-change',
    reason: 'It decides when the catalog and Stripe are read without anybody asking.',
    contractId: 'creator.sync-jobs',
    action: 'creator.sync-jobs.schedule.put',
    envelope: false,
  },
  audit: {
    event: 'sync_schedule_put',
    record: 'sync_jobs',
    attribution: 'The schedule before and after, with who set it.',
  },
  async preview(ctx, { jobId, cron, timeZone, mode }) {
    const job = await requireJob(ctx, jobId)
    const next: Schedule = { cron, timeZone, mode }
    const nextAt = checkSchedule(next, ctx.now)
    return {
      target: { kind: 'sync-job', id: jobId, title: job.title },
      targetSummary: `Scan by the clock (${cron}, ${timeZone}), ${mode}; first at ${nextAt.toISOString()}.`,
      observed: [],
      arguments: { jobId, ...next },
      changes: changesOf(job.schedule, next),
      affectedSurfaces: ['sync-jobs'],
      confirmationText: `I confirm scanning ${job.title} by the clock to ${cron} ${timeZone}.`,
      subject: { before: job.schedule, next },
    }
  },
  async apply(ctx, _plan, { jobId }, { before, next }) {
    const nextAt = await putSchedule(ctx, jobId, next)
    return {
      output: { ok: true as const, jobId, schedule: presentSchedule(next, nextAt) },
      previous: before,
      next: { jobId, ...next },
    }
  },
})

const changesOf = (before: Schedule | null, next: Schedule): PlanChange[] =>
  (['cron', 'timeZone', 'mode'] as const)
    .filter((field) => before?.[field] !== next[field])
    .map((field) => ({
      op: before ? 'update' : 'create',
      pointer: `/schedule/${field}`,
      label: field,
      before: before?.[field] ?? null,
      after: next[field],
    }))
