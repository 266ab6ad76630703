import { z } from 'zod'
import { WRITES } from '../config-hub/schema.ts'
import { record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { writeEvents } from './execution/store.ts'
import { requireJob } from './jobs/begin.ts'
import { wholeJob } from './jobs/present.ts'
import { JobId, SyncJob } from './jobs/schema.ts'
import { cancelJob } from './jobs/store.ts'

export const jobsCancel = record({
  id: 'config-sync.jobs.cancel',
  tool: 'config_sync_jobs_cancel',
  surface: 'configuration-hub',
  summary: 'Stop a job at its next write.',
  boundaries: [
    'What was written stays, and is in the journal: a rollback takes it back, a retry goes on. What is under way at that moment is still noted.',
    'Also stops a delete job, by its id.',
  ],
  http: { method: 'POST', path: '/v1/configs/sync-jobs/{id}/cancel' },
  access: WRITES,
  input: z.strictObject({ id: JobId }),
  output: SyncJob,
  errors: ['not-found', 'conflict'],
  audit: {
    event: 'configuration_sync_job_cancel',
    target: ({ id }) => ({ kind: 'configuration-job', id }),
  },
  async run(ctx, { id }) {
    const row = await requireJob(ctx, id, ['sync', 'restore', 'rollback', 'delete'], true)
    const ended = await cancelJob(ctx.db, ctx.org, id, ctx.now)
    if (!ended) return fail('conflict', `The job ${id} is ${row.status} already.`)
    const message = `cancelled by ${ctx.principal.displayName}`
    const event = { phase: row.currentPhase ?? 'phase_0', status: 'skipped' as const, message }
    await writeEvents(ctx.db, ended, [event], ended.eventSeq - 1, ctx.now)
    return wholeJob(ctx, ended)
  },
})
