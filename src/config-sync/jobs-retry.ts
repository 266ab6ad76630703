import { z } from 'zod'
import { WRITES } from '../config-hub/schema.ts'
import type { Context } from '../operation/define.ts'
import { record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { beginJob, newJobId, requireJob, SYNC_KINDS } from './jobs/begin.ts'
import { useAgain } from './jobs/other.ts'
import { wholeJob } from './jobs/present.ts'
import { JobId, Overrides, SourceToken, SyncJob, TargetToken } from './jobs/schema.ts'
import { type JobRequest, type JobRow, unresolvedOf } from './jobs/store.ts'

export const jobsRetry = record({
  id: 'config-sync.jobs.retry',
  tool: 'config_sync_jobs_retry',
  surface: 'configuration-hub',
  summary:
    'Do what a job has left undone in a new job: what failed, and what was not begun or not concluded.',
  boundaries: [
    'Planned anew on what both sides are now; payload_overrides changes what the source has, for this job only.',
    'Without a token only by whoever made the job, and where the other organisation is on this server: a token of another server is not kept.',
    'A restore or rollback is planned as a whole again; what is done already is nothing to do.',
  ],
  http: { method: 'POST', path: '/v1/configs/sync-jobs/{id}/retry' },
  access: WRITES,
  status: 201,
  input: z.strictObject({
    id: JobId,
    payload_overrides: Overrides.optional(),
    target_auth_token: TargetToken.optional(),
    source_auth_token: SourceToken.optional(),
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
    event: 'configuration_sync_job_retry',
    target: (_input, { id }) => ({ kind: 'configuration-job', id }),
  },
  async before(ctx, { id, payload_overrides: _, ...tokens }) {
    const newId = newJobId()
    return { newId, use: await useAgain(ctx, newId, await requireEnded(ctx, id), tokens) }
  },
  async run(ctx, { id, payload_overrides }, { newId, use }) {
    const former = await requireEnded(ctx, id, true)
    const request = await scopeOf(ctx, former)
    const { kind, name, direction, sourceOrg, targetOrg } = former
    const row = await beginJob(ctx, {
      ...{ id: newId, kind, name, direction, sourceOrg, targetOrg, dryRun: false, ofJob: ofJobOf(former) },
      ...{ request, use, overrides: payload_overrides ?? overridesOf(ctx, former) },
    })
    return wholeJob(ctx, row)
  },
})

async function requireEnded(ctx: Context, id: string, lock = false): Promise<JobRow> {
  const former = await requireJob(ctx, id, SYNC_KINDS, lock)
  return former.stage === 'ended' ? former : fail('conflict', `The job ${id} has not ended: cancel it first.`)
}

/** A rollback stays the one of the job that it takes back. */
const ofJobOf = ({ kind, id, ofJob }: JobRow): string => (kind === 'rollback' && ofJob ? ofJob : id)

/** What of a promotion is open; where no plan was made, all that was asked for. */
async function scopeOf(ctx: Context, former: JobRow): Promise<JobRequest> {
  const { authority: _, sealedOverrides: __, ...request } = former.request
  if (former.kind !== 'sync' || former.planDigest === null) return request
  const resources = await unresolvedOf(ctx.db, ctx.org, former.id)
  if (resources.length === 0) fail('conflict', `The job ${former.id} has left nothing undone.`)
  return { ...request, resources, includeDependencies: false }
}

function overridesOf(ctx: Context, { request }: JobRow): Record<string, unknown> | undefined {
  if (request.sealedOverrides === undefined) return undefined
  return JSON.parse(ctx.deps.sealing.unseal(Buffer.from(request.sealedOverrides, 'base64')))
}
