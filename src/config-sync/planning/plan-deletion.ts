import type { NodeKey } from '../../config-hub/index/entry.ts'
import type { Deps } from '../../deps.ts'
import { liveOf } from './gather-live.ts'
import type { SyncPlan } from './plan.ts'
import { planDelete } from './plan-delete.ts'
import { placesOf } from './plan-job.ts'
import { dependantsOf } from './read-store.ts'
import type { Side } from './reader.ts'

export type DeletionRequest = {
  target: Side
  resources: readonly (NodeKey & { title?: string | undefined })[]
  /** Whether what others still need is refused. */
  checkDependencies: boolean
  signal?: AbortSignal
}

/** Plans a deletion in an organisation of this server: gathers what there is and who refers to it, and decides. */
export async function planDeletion(
  deps: Pick<Deps, 'db' | 'sealing'>,
  { target, resources, checkDependencies, signal }: DeletionRequest,
): Promise<SyncPlan> {
  const [live, dependants] = await Promise.all([
    liveOf(deps, target, resources, signal),
    dependantsOf(deps.db, target.org, resources),
  ])
  return planDelete({
    ...{ types: target.registry, places: placesOf(target, resources), resources, live, dependants },
    ...{ checkDependencies, hash: deps.sealing.hash },
  })
}
