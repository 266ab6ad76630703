import type { Document } from '../../config-hub/index/entry.ts'
import type { Queryable } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import { fail } from '../../operation/errors.ts'
import { effectivePolicy, type PolicyKind, readPolicies } from '../../operation/policy.ts'
import type { SyncJob } from '../execution/job.ts'
import type { Hooks } from '../execution/run.ts'
import type { Sides } from '../execution/sides.ts'
import { jobsApply } from '../jobs-apply.ts'
import type { SyncPlan } from '../planning/plan.ts'
import { planJob } from '../planning/plan-job.ts'
import type { JobRequest, Requester } from './store.ts'

/** How jobs are planned, each in the way of its kind, and who decides on their plans. */
export const jobHooks: Hooks = { plan: planOf, decide }

async function planOf(deps: Deps, job: SyncJob, sides: Sides, signal: AbortSignal): Promise<SyncPlan> {
  const request = job.request as JobRequest
  const { org } = job
  const { source, target } = sides
  const now = deps.clock()
  if (!source) return fail('unavailable', 'A promotion needs its source.')
  const { resources = [], includeDependencies = true, conflicts } = request
  return planJob(deps, {
    ...{ org, source, target, resources, includeDependencies, now, signal },
    ...(conflicts ? { conflicts } : {}),
    overrides: overridesOf(deps, request),
  })
}

function overridesOf(deps: Deps, { sealedOverrides }: JobRequest): Record<string, Document> {
  if (sealedOverrides === undefined) return {}
  return JSON.parse(deps.sealing.unseal(Buffer.from(sealedOverrides, 'base64')))
}

const kindOf = ({ source }: Requester): PolicyKind =>
  source === 'scoped-agent-grant' ? 'agent' : source === 'approved-automation' ? 'automation' : 'person'

/** What policy asks of whoever made the job: to run, or that people approve its plan first. */
async function decide(_deps: Deps, tx: Queryable, job: SyncJob): Promise<'run' | 'wait'> {
  const { rows, version } = await readPolicies(tx, job.org)
  const { mode } = effectivePolicy(rows, version, kindOf(job.requestedBy as Requester), jobsApply)
  return mode === 'direct' ? 'run' : 'wait'
}
