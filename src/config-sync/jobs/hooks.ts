import type { Document } from '../../config-hub/index/entry.ts'
import type { Transaction } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import type { WriteOperation } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import { askInName } from '../../sessions/in-name.ts'
import type { SyncJob } from '../execution/job.ts'
import type { Hooks } from '../execution/run.ts'
import type { Sides } from '../execution/sides.ts'
import { moveJob } from '../execution/store.ts'
import type { SyncPlan } from '../planning/plan.ts'
import { planDeletion } from '../planning/plan-deletion.ts'
import { type PlanRequest, planJob } from '../planning/plan-job.ts'
import { planRestoration } from '../planning/plan-restoration.ts'
import { planReversal } from '../planning/plan-reversal.ts'
import { findSnapshot } from '../snapshots/store.ts'
import { findJob, holdForApproval, type JobRequest, type JobRow } from './store.ts'
import { titleOf } from './told.ts'

/** The write that policy decides on. */
const APPLY = 'config-sync.jobs.apply'

/** How jobs are planned, each in the way of its kind, and who decides on their plans. */
export const jobHooks: Hooks = { plan: planOf, decide }

async function planOf(deps: Deps, job: SyncJob, sides: Sides, signal: AbortSignal): Promise<SyncPlan> {
  const { target } = sides
  const { resources = [], checkDependencies = false, ...request } = job.request as JobRequest
  switch (job.kind) {
    case 'sync':
      return planJob(deps, syncOf(deps, job, sides, signal))
    case 'delete':
      return planDeletion(deps, { target, resources, checkDependencies, signal })
    case 'rollback':
      return planReversal(deps, { org: job.org, target, ofJob: job.ofJob as string, signal })
    case 'restore': {
      const snapshot = await findSnapshot(deps.db, job.org, request.snapshotId as string)
      if (!snapshot) return fail('not-found', `The snapshot ${request.snapshotId} is gone.`)
      return planRestoration(deps, { target, snapshot, signal })
    }
  }
}

/** What a sync job asks its planner for. */
export function syncOf(
  deps: Deps,
  job: SyncJob,
  { source, target }: Sides,
  signal: AbortSignal,
): PlanRequest {
  const request = job.request as JobRequest
  const { resources = [], includeDependencies = true, conflicts } = request
  if (!source) return fail('unavailable', 'A promotion needs its source.')
  return {
    ...{ org: job.org, source, target, resources, includeDependencies, now: deps.clock(), signal },
    ...(conflicts ? { conflicts } : {}),
    overrides: overridesOf(deps, request),
  }
}

function overridesOf(deps: Deps, { sealedOverrides }: JobRequest): Record<string, Document> {
  if (sealedOverrides === undefined) return {}
  return JSON.parse(deps.sealing.unseal(Buffer.from(sealedOverrides, 'base64')))
}

/**
 * Whether a job runs at once: where policy lets whoever made it, and where there is nothing to write. Else people are
 * asked to approve its plan, in the name of whoever made it, and the server applies it once they have.
 */
async function decide(deps: Deps, tx: Transaction, job: SyncJob): Promise<'run' | 'wait'> {
  const row = (await findJob(tx, job.org, job.id)) as JobRow
  if (row.plan?.requests === 0) return 'run'
  const operation = deps.operations.find(({ id }) => id === APPLY) as WriteOperation
  // what is applied is a job that waits
  await moveJob(tx, job, { stage: 'waiting', status: 'pending', phase: 'phase_0', now: deps.clock() })
  const asked = await askInName(deps, tx, {
    ...{ org: job.org, requester: row.requestedBy, operation, sessionId: row.sessionId },
    input: { id: job.id, plan_digest: row.planDigest },
    ...{ workflow: 'configuration.sync', title: titleOf(row), reason: `Asked for ${titleOf(row)}.` },
  })
  if (asked.mode === 'direct') return 'run'
  await holdForApproval(tx, job.org, job.id, asked)
  return 'wait'
}
