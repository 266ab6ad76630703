import { derive } from '../../config-hub/index/derive.ts'
import type { Secrets } from '../../config-store/secrets.ts'
import type { Deps } from '../../deps.ts'
import type { SnapshotRow } from '../snapshots/store.ts'
import { liveOf } from './gather-live.ts'
import { byKey, keyText } from './input.ts'
import type { SyncPlan } from './plan.ts'
import { placesOf } from './plan-job.ts'
import { planRestore, type SnapshotItem } from './plan-restore.ts'
import { dependantsOf, type KeptItem, keptOf, liveKeysOf } from './read-store.ts'
import type { Side } from './reader.ts'

export type RestorationRequest = {
  target: Side
  snapshot: Pick<SnapshotRow, 'id' | 'selection' | 'failedTypes'>
  signal?: AbortSignal
}

/**
 * Plans to make an organisation of this server, or what a snapshot selected of it, what it was. Types that the snapshot
 * could not read are left alone: nothing is known of what they had.
 */
export async function planRestoration(
  deps: Pick<Deps, 'db' | 'sealing'>,
  { target, snapshot, signal }: RestorationRequest,
): Promise<SyncPlan> {
  const { org, registry } = target
  const [kept, there] = await Promise.all([
    keptOf(deps.db, org, snapshot.id),
    liveKeysOf(deps.db, org, snapshot.selection, snapshot.failedTypes),
  ])
  const items = kept.map((row) => itemOf(deps, target, row))
  const keys = [
    ...new Map([...items, ...there].map(({ type, id }) => [`${type}/${id}`, { type, id }])).values(),
  ]
  const was = new Set(items.map(keyText))
  const added = there.filter((key) => !was.has(keyText(key)))
  const [live, dependants] = await Promise.all([
    liveOf(deps, target, keys.sort(byKey), signal),
    dependantsOf(deps.db, org, added),
  ])
  return planRestore({
    ...{ types: registry, places: placesOf(target, keys), items, live, dependants },
    hash: deps.sealing.hash,
  })
}

function itemOf(
  { sealing }: Pick<Deps, 'sealing'>,
  { registry }: Side,
  { type, id, document, sealedSecrets }: KeptItem,
): SnapshotItem {
  const of = registry.get(type)
  const origin = { id, connector: 'store', version: 0, updatedAt: new Date(0), updatedBy: null }
  const secrets = sealedSecrets ? (JSON.parse(sealing.unseal(sealedSecrets)) as Secrets) : {}
  return { type, id, document, secrets, title: of ? derive(of, document, origin).title : id }
}
