import { z } from 'zod'
import { verifiedHolder } from '../config-hub/connectors/open.ts'
import { WRITES } from '../config-hub/schema.ts'
import { type Context, record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { beginJob, newJobId } from './jobs/begin.ts'
import { type Use, useOf, useOfSource } from './jobs/other.ts'
import { wholeJob } from './jobs/present.ts'
import { directionOf } from './jobs/rules.ts'
import { Conflicts, Overrides, Resources, SourceToken, SyncJob, TargetToken } from './jobs/schema.ts'

const OrgId = z.string().min(1).max(200)

export const jobsCreate = record({
  id: 'config-sync.jobs.create',
  tool: 'config_sync_jobs_create',
  surface: 'configuration-hub',
  summary:
    'Promote configuration from one organisation to another: plan it, and apply the plan as policy says.',
  boundaries: [
    'Answers at once; the plan is made in the background. With dry_run that is all, and the plan can be applied as it was reviewed.',
    'Else the plan is applied at once where policy lets the caller; where it does not, as for agents unless told otherwise, the job waits, asks for approval by itself and goes on once that is given.',
    'Each configuration is checked against the live one just before it is written: what changed since the plan fails as stale, with what needs it, and the rest goes on.',
    'A pull reads its source by source_auth_token, or without one where the caller administers both organisations.',
    'Nothing is guessed: several possible counterparts, changes on both sides, circles that cannot be created and what would be missing refuse the rows that they concern.',
  ],
  http: { method: 'POST', path: '/v1/configs/sync-jobs' },
  access: WRITES,
  status: 201,
  input: z.strictObject({
    source_org_id: OrgId.describe('Organisation that configurations come from'),
    target_org_id: OrgId.describe('Organisation that they are written to; the caller’s is one of the two'),
    target_auth_token: TargetToken,
    source_auth_token: SourceToken.optional(),
    name: z.string().trim().min(1).max(200).optional(),
    dry_run: z.boolean().default(false).describe('Make the plan and write nothing'),
    include_dependencies: z.boolean().default(true).describe('Also what the selection refers to'),
    resources: Resources.describe('Configurations of the source organisation'),
    conflicts: Conflicts.optional(),
    payload_overrides: Overrides.optional(),
  }),
  output: SyncJob,
  errors: ['validation-failed', 'forbidden', 'unavailable', 'idempotency-mismatch', 'idempotency-in-flight'],
  audit: {
    event: 'configuration_sync_job_create',
    target: (_input, { id }) => ({ kind: 'configuration-job', id }),
  },
  async before(ctx, input) {
    const { source_org_id: source, target_org_id: target } = input
    const direction = directionOf(ctx.org, source, target) ?? refuseSides(ctx.org, source, target)
    const id = newJobId()
    const use =
      direction === 'push'
        ? await useOf(ctx, id, { org: target, side: 'target' }, input.target_auth_token)
        : await useToPull(ctx, id, input)
    return { id, direction, use }
  },
  async run(ctx, input, { id, direction, use }) {
    const { source_org_id: sourceOrg, target_org_id: targetOrg } = input
    const row = await beginJob(ctx, {
      ...{ id, kind: 'sync', name: input.name ?? null, direction, sourceOrg, targetOrg },
      ...{ dryRun: input.dry_run, use, overrides: input.payload_overrides },
      request: {
        resources: input.resources,
        includeDependencies: input.include_dependencies,
        ...(input.conflicts ? { conflicts: input.conflicts } : {}),
      },
    })
    return wholeJob(ctx, row)
  },
})

/** Who pulls shows a token of the target, as the contract has it, and how the source may be read. */
async function useToPull(
  ctx: Context,
  id: string,
  input: { source_org_id: string; target_auth_token: string; source_auth_token?: string | undefined },
): Promise<Use> {
  await verifiedHolder(ctx, ctx.org, input.target_auth_token, WRITES)
  return useOfSource(ctx, id, input.source_org_id, input.source_auth_token)
}

function refuseSides(org: string, source: string, target: string): never {
  const same = source === target
  return fail('validation-failed', {
    detail: same
      ? 'Source and target are the same organisation.'
      : `Neither source nor target is ${org}, the caller’s organisation.`,
    errors: same
      ? [{ pointer: '/target_org_id', message: 'must be another organisation than the source' }]
      : [
          { pointer: '/source_org_id', message: `must be ${org} to push` },
          { pointer: '/target_org_id', message: `must be ${org} to pull` },
        ],
  })
}
