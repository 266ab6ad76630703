import { z } from 'zod'
import { write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { WRITES } from './access.ts'
import { putSchedule } from './engine/schedules.ts'
import { requireJob } from './present.ts'
import { JobId } from './schema.ts'

export const schedulesRemove = write({
  id: 'sync-jobs.schedules.remove',
  tool: 'agent_sync_jobs_schedules_remove',
  surface: 'sync-jobs',
  summary: 'Scan no more by the clock.',
  boundaries: ['A run that is under way goes on; runs, checkpoint and findings stay.'],
  http: { method: 'DELETE', path: '/api/admin/sync-jobs/schedule' },
  access: WRITES,
  input: z.strictObject({
    jobId: JobId,
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: z.object({ ok: z.literal(true), jobId: z.string(), deleted: z.literal(true) }),
  errors: ['not-found'],
  confirmation: {
    kind: 'catalog-change',
    reason: 'Drift is then found only when somebody asks for a scan.',
    contractId: 'creator.sync-jobs',
    action: 'creator.sync-jobs.schedule.remove',
    envelope: false,
  },
  audit: {
    event: 'sync_schedule_remove',
    record: 'sync_jobs',
    attribution: 'The schedule that there was, with who removed it.',
  },
  async preview(ctx, { jobId }) {
    const { title, schedule } = await requireJob(ctx, jobId)
    const before = schedule ?? fail('not-found', `${jobId} is not scanned by the clock.`)
    return {
      target: { kind: 'sync-job', id: jobId, title },
      targetSummary: `Scan ${title} no more by the clock.`,
      observed: [],
      arguments: { jobId, ...before },
      changes: [{ op: 'delete' as const, pointer: '/schedule', label: 'schedule', before, after: null }],
      affectedSurfaces: ['sync-jobs'],
      confirmationText: `I confirm removing the schedule of ${title}.`,
      subject: before,
    }
  },
  async apply(ctx, _plan, { jobId }, previous) {
    await putSchedule(ctx, jobId, null)
    return { output: { ok: true as const, jobId, deleted: true as const }, previous, next: { jobId } }
  },
})
