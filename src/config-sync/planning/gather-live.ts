import type { NodeKey } from '../../config-hub/index/entry.ts'
import { hashesOf, type Secrets, split } from '../../config-store/secrets.ts'
import type { Deps } from '../../deps.ts'
import { canonical } from '../../operation/plan.ts'
import { joinSecrets } from '../../operation/redact.ts'
import type { LiveNow } from './plan-rollback.ts'
import { itemsOf, type StoredItem } from './read-store.ts'
import { AT_ONCE, allOf, type Fetched, isStore, readerOf, type Side } from './reader.ts'

type Needs = Pick<Deps, 'db' | 'sealing'>

/**
 * Configurations as they are at a side now, those that are there: of the built-in store all at once, one by one of what
 * lives elsewhere. Errors: what connectors throw.
 */
export async function liveOf(
  deps: Needs,
  side: Side,
  keys: readonly NodeKey[],
  signal?: AbortSignal,
): Promise<LiveNow[]> {
  const reader = readerOf(side, signal)
  const inStore = keys.filter(({ type }) => isStore(side, type))
  const elsewhere = keys.filter(({ type }) => !isStore(side, type) && side.registry.has(type))
  const [rows, fetched] = await Promise.all([
    inStore.length > 0 ? itemsOf(deps.db, side.org, inStore) : [],
    allOf(elsewhere, AT_ONCE, (key) => reader.get(key)),
  ])
  return [
    ...rows.flatMap((row) => storedLive(deps, side, row)),
    ...fetched.flatMap((each) => (each ? [fetchedLive(deps, each)] : [])),
  ]
}

function storedLive({ sealing }: Needs, side: Side, row: StoredItem): LiveNow[] {
  const type = side.registry.get(row.type)
  if (!row.document || !type) return []
  const { visible, given } = split(type, row.document)
  const sealed = row.sealedSecrets ? (JSON.parse(sealing.unseal(row.sealedSecrets)) as Secrets) : {}
  return [
    {
      ...{ type: row.type, id: row.id, title: row.title, revision: String(row.version), document: visible },
      secretHashes: { ...row.secretHashes, ...hashesOf(sealing, given) },
      contentHash: sealing.hash(canonical(joinSecrets(visible, { ...sealed, ...given }))),
    },
  ]
}

const fetchedLive = ({ sealing }: Needs, { entry, item, document }: Fetched): LiveNow => ({
  ...{ type: entry.type, id: entry.id, title: entry.title, revision: item.revision, document },
  ...{ secretHashes: null, contentHash: sealing.hash(canonical(item.document)) },
})
