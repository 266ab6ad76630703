import { z } from 'zod'
import { WRITES } from '../config-hub/schema.ts'
import { record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { withdrawApproval } from '../sessions/in-name.ts'
import { ALL_KINDS, requireJob } from './jobs/begin.ts'
import { endCancelled } from './jobs/cancelled.ts'
import { wholeJob } from './jobs/present.ts'
import { JobId, SyncJob } from './jobs/schema.ts'

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
    const { approvalId } = await requireJob(ctx, id, ALL_KINDS)
    // sessions are locked before jobs
    if (approvalId !== null) await withdrawApproval(ctx, approvalId, 'The job was cancelled.')
    const row = await requireJob(ctx, id, ALL_KINDS, true)
    const reason = `cancelled by ${ctx.principal.displayName}`
    const ended = await endCancelled(ctx, row, reason)
    return wholeJob(ctx, ended ?? fail('conflict', `The job ${id} is ${row.status} already.`))
  },
})
