import { z } from 'zod'
import { WRITES } from '../config-hub/schema.ts'
import { type Context, record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { ALL_KINDS, beginJob, newJobId, requireJob } from './jobs/begin.ts'
import { useAgain } from './jobs/other.ts'
import { wholeJob } from './jobs/present.ts'
import { JobId, SyncJob, TargetToken } from './jobs/schema.ts'
import type { JobRow } from './jobs/store.ts'

export const jobsRollback = record({
  id: 'config-sync.jobs.rollback',
  tool: 'config_sync_jobs_rollback',
  surface: 'configuration-hub',
  summary: 'Take back what a job wrote, in the reverse order, by its journal.',
  boundaries: [
    'Made as a job of its own: planned, and applied as policy says; with dry_run only planned.',
    'Refuses what was changed since, and what that still needs. Every configuration is read back and said to be equal by byte, in content, or not.',
    'Of any job that has ended: promotions, deletions, restores, and rollbacks themselves.',
  ],
  http: { method: 'POST', path: '/v1/configs/sync-jobs/{id}/rollback' },
  access: WRITES,
  status: 201,
  input: z.strictObject({
    id: JobId,
    dry_run: z.boolean().default(false).describe('Make the plan and write nothing'),
    target_auth_token: TargetToken.optional(),
  }),
  output: SyncJob,
  errors: [
    'not-found',
    'conflict',
    'validation-failed',
    'forbidden',
    'unavailable',
    'idempotency-mismatch',
    'idempotency-in-flight',
  ],
  audit: {
    event: 'configuration_sync_job_rollback',
    target: (_input, { id }) => ({ kind: 'configuration-job', id }),
  },
  async before(ctx, { id, target_auth_token }) {
    const newId = newJobId()
    return {
      newId,
      use: await useAgain(ctx, newId, written(await requireWritten(ctx, id)), { target_auth_token }),
    }
  },
  async run(ctx, { id, dry_run }, { newId, use }) {
    const { name, direction, targetOrg } = await requireWritten(ctx, id, true)
    const row = await beginJob(ctx, {
      ...{ id: newId, kind: 'rollback', name, direction, sourceOrg: null, targetOrg },
      ...{ dryRun: dry_run, use, request: {}, ofJob: id },
    })
    return wholeJob(ctx, row)
  },
})

/** A job that may have written something. Errors: `not-found`, `conflict`. */
async function requireWritten(ctx: Context, id: string, lock = false): Promise<JobRow> {
  const former = await requireJob(ctx, id, ALL_KINDS, lock)
  if (former.stage !== 'ended') fail('conflict', `The job ${id} has not ended: cancel it first.`)
  if (former.dryRun) fail('conflict', `The job ${id} was a dry run and wrote nothing.`)
  return former
}

/** The job as far as its target is concerned: what it read is of no interest any more. */
const written = (job: JobRow): JobRow => (job.targetOrg === job.org ? { ...job, sourceOrg: null } : job)
