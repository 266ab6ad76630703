import { z } from 'zod'
import { WRITES } from '../config-hub/schema.ts'
import { type Context, write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { PlanBlocker } from '../operation/plan.ts'
import { lockApproval, withdrawApproval } from '../sessions/in-name.ts'
import { copyPlan } from './execution/plan-store.ts'
import { startJob } from './execution/run.ts'
import { ALL_KINDS, newJobId, requesterOf, requireJob } from './jobs/begin.ts'
import { endCancelled } from './jobs/cancelled.ts'
import { useAgain } from './jobs/other.ts'
import { presentJob, wholeJob } from './jobs/present.ts'
import { applyBarrier } from './jobs/rules.ts'
import { JobId, SyncJob, TargetToken } from './jobs/schema.ts'
import { findJob, insertJob, type JobRow, listPlan, releaseJob } from './jobs/store.ts'
import { changesOf, titleOf } from './jobs/told.ts'

/** Rows of a plan that an approval shows; the rest is read by the job's id. */
const SHOWN = 200

export const jobsApply = write({
  id: 'config-sync.jobs.apply',
  tool: 'config_sync_jobs_apply',
  surface: 'configuration-hub',
  summary: 'Apply the plan of a dry run, or of a job that waits, exactly as it was reviewed.',
  boundaries: [
    'Named by its digest. A dry run is applied by a new job with the same plan; a job that waits goes on itself.',
    'What changed at the target since the plan was made fails as stale, with what needs it, and the rest goes on.',
    'For a target on another server the token is given here again, unless the job waits in the process that holds it.',
  ],
  http: { method: 'POST', path: '/v1/configs/sync-jobs/{id}/apply' },
  access: WRITES,
  status: 201,
  input: z.strictObject({
    id: JobId,
    plan_digest: z.string().length(64).describe('The digest of the plan that was reviewed'),
    target_auth_token: TargetToken.optional(),
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: SyncJob,
  errors: ['not-found', 'conflict', 'plan-changed', 'validation-failed', 'forbidden', 'unavailable'],
  confirmation: {
    kind: 'config-sync',
    reason: 'It writes configuration of another organisation, or overwrites and deletes one’s own.',
    contractId: 'configuration.sync',
    action: 'configuration.sync.apply',
    envelope: false,
  },
  audit: {
    event: 'configuration_sync_job_apply',
    record: 'config_jobs',
    attribution: 'The job with its plan’s digest; every write is in its journal.',
  },
  async preview(ctx, { id, plan_digest }) {
    const known = await requireJob(ctx, id, ALL_KINDS)
    // sessions are locked before jobs
    if (ctx.lock && known.approvalId !== null) await lockApproval(ctx, known.approvalId)
    const job = ctx.lock ? await requireJob(ctx, id, ALL_KINDS, true) : known
    const barrier = applyBarrier(job, plan_digest)
    const blockers: PlanBlocker[] = barrier ? [barrier] : []
    const rows = await listPlan(ctx.db, ctx.org, id, { size: SHOWN, acting: true })
    const title = titleOf(job)
    return {
      target: { kind: 'configuration-job', id, title },
      targetSummary: `Apply the plan of ${title}.`,
      observed: [{ kind: 'configuration-plan', id, version: 1, updatedAt: null }],
      arguments: { id, plan_digest },
      changes: changesOf(rows),
      affectedSurfaces: ['configuration-hub'],
      blockers,
      warnings: warningsOf(job, rows.length),
      confirmationText: `I confirm: apply ${title}, plan ${plan_digest.slice(0, 12)}.`,
      details: { job: presentJob(job) as never },
      redactions: ['secret members of configurations'],
      subject: job,
    }
  },
  async apply(ctx, _plan, { id, target_auth_token }, job) {
    const row = job.stage === 'waiting' ? await release(ctx, job) : await applied(ctx, job, target_auth_token)
    await startJob(ctx.db, ctx.org, row.id)
    const output = await wholeJob(ctx, row)
    return {
      output,
      previous: { id, stage: job.stage },
      next: { id: row.id, stage: row.stage, plan_digest: job.planDigest },
    }
  },
  async unapproved(ctx, { id }, { status, reason }) {
    const job = await findJob(ctx.db, ctx.org, id, true)
    if (job?.stage === 'waiting') await endCancelled(ctx, job, reason ? `${status}: ${reason}` : status)
  },
})

function warningsOf({ plan }: JobRow, shown: number): string[] {
  if (!plan) return []
  const { create, patch, delete: gone, refused } = plan.rows
  const more = create + patch + gone + refused - shown
  return [
    ...(refused > 0 ? [`${refused} configurations are refused and stay as they are.`] : []),
    ...(plan.mayDuplicate > 0
      ? [`${plan.mayDuplicate} creations may happen twice when an answer is lost.`]
      : []),
    ...(plan.warned > 0 ? [`${plan.warned} configurations have warnings of their own.`] : []),
    ...(more > 0 ? [`${more} more configurations are in the plan, which is read by the job’s id.`] : []),
  ]
}

/** Sets a job running that waits; an approval that nobody used is not needed any more. */
async function release(ctx: Context, { id, approvalId }: JobRow): Promise<JobRow> {
  const row = await releaseJob(ctx.db, ctx.org, id, ctx.now)
  if (!row) return fail('conflict', `The job ${id} does not wait any more.`)
  if (approvalId !== null && ctx.call.approval?.id !== approvalId)
    await withdrawApproval(ctx, approvalId, `The job was applied by ${ctx.principal.displayName}.`)
  return row
}

/** A new job with the plan of a dry run. */
async function applied(ctx: Context, former: JobRow, token: string | undefined): Promise<JobRow> {
  const id = newJobId()
  // its plan has all that the source had
  const written = former.targetOrg === ctx.org ? { ...former, sourceOrg: null } : former
  const use = await useAgain(ctx, id, written, { target_auth_token: token })
  const { kind, name, direction, sourceOrg, targetOrg, ofJob } = former
  const { authority: _, ...request } = former.request
  await insertJob(ctx.db, {
    ...{ org: ctx.org, id, kind, name, direction, sourceOrg, targetOrg, dryRun: false, stage: 'running' },
    request: { ...request, ...(use.authority ? { authority: use.authority } : {}) },
    requestedBy: requesterOf(ctx),
    // a rollback stays the one of the job that it takes back
    ofJob: kind === 'rollback' ? ofJob : former.id,
    sessionId: ctx.call.sessionId ?? null,
    holder: use.holder,
    createdAt: ctx.now,
  })
  await copyPlan(ctx.db, { org: ctx.org, id, dryRun: false }, former.id)
  return (await findJob(ctx.db, ctx.org, id)) as JobRow
}
