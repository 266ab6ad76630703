import type { Connector, Item } from '../../config-hub/connectors/connector.ts'
import type { Source } from '../../config-hub/connectors/open.ts'
import { everyItem } from '../../config-hub/connectors/pages.ts'
import { derive } from '../../config-hub/index/derive.ts'
import type { Document, Entry, NodeKey } from '../../config-hub/index/entry.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import { withoutSecrets } from '../../config-store/secrets.ts'

/** One side of a sync: an organisation and how its configuration is reached. */
export type Side = Source

/** A configuration that was fetched, without secrets, and what derives from it. */
export type Fetched = { item: Item; document: Document; entry: Entry }

/** Reads single configurations of a place, and whole types once. */
export type Reader = {
  get(key: NodeKey): Promise<Fetched | undefined>
  /** All of a type, by id; undefined where the place cannot list. */
  all(type: string): Promise<ReadonlyMap<string, Fetched> | undefined>
}

/** Reads through the connectors of a side, each thing once. Errors: what connectors throw. */
export function readerOf(side: Side, signal?: AbortSignal): Reader {
  const single = new Map<string, Promise<Fetched | undefined>>()
  const lists = new Map<string, Promise<ReadonlyMap<string, Fetched> | undefined>>()
  const reader: Reader = {
    get({ type, id }) {
      const key = `${type}/${id}`
      const known = single.get(key) ?? getOne(side, type, id, signal)
      single.set(key, known)
      return known
    },
    all(type) {
      const known = lists.get(type) ?? listAll(side, type, signal)
      lists.set(type, known)
      return known
    },
  }
  return reader
}

async function getOne(
  side: Side,
  name: string,
  id: string,
  signal?: AbortSignal,
): Promise<Fetched | undefined> {
  const type = side.registry.get(name)
  if (!type) return undefined
  const connector = side.connectorOf(type)
  if (!connector.capabilities(name).has('get')) return (await listAll(side, name, signal))?.get(id)
  const item = await connector.get(type, id, signal)
  return item && fetched(type, connector, item)
}

async function listAll(
  side: Side,
  name: string,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Fetched> | undefined> {
  const type = side.registry.get(name)
  if (!type) return undefined
  const connector = side.connectorOf(type)
  if (!connector.capabilities(name).has('list')) return undefined
  const found = new Map<string, Fetched>()
  for await (const item of everyItem(connector, type, signal))
    found.set(item.id, fetched(type, connector, item))
  return found
}

export function fetched(type: ConfigType, connector: Pick<Connector, 'id'>, item: Item): Fetched {
  const document = withoutSecrets(type, item.document)
  const { id, version, updatedAt, updatedBy, title, naturalKey } = item
  const origin = { id, version, updatedAt, updatedBy, title, naturalKey, connector: connector.id }
  return { item, document, entry: derive(type, document, origin) }
}

/** Does as many at once as a place bears; answers are in the order of the keys. */
export async function allOf<K, R>(
  keys: readonly K[],
  atOnce: number,
  work: (key: K) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async () => {
    for (let at = next++; at < keys.length; at = next++) results[at] = await work(keys[at] as K)
  }
  await Promise.all(Array.from({ length: Math.max(1, Math.min(atOnce, keys.length)) }, worker))
  return results
}
/** Requests at once where nobody says how many a place bears; connectors hold back what is too much. */
export const AT_ONCE = 8

export const namesOf = ({ names }: Entry): string[] =>
  names.filter(({ kind }) => kind !== 'id').map(({ name }) => name)

export const isStore = (side: Side, type: string): boolean =>
  side.kind === 'local' && side.registry.get(type)?.connector === 'store'
