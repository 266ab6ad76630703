import { withoutSecrets } from '../../config-store/secrets.ts'
import { naturalKeyOf } from '../index/derive.ts'
import type { ConfigType } from '../types/definition.ts'
import type { Connector, Item } from './connector.ts'

/** Everything of a type, page by page as it is taken. */
export async function* everyItem(
  connector: Pick<Connector, 'list'>,
  type: ConfigType,
  signal?: AbortSignal,
): AsyncGenerator<Item> {
  let cursor: string | null = null
  do {
    const page = await connector.list(type, { cursor, ...(signal ? { signal } : {}) })
    yield* page.items
    cursor = page.cursor
  } while (cursor !== null)
}

/** As the place says it, else as the type does. */
const keyOf = (type: ConfigType, { naturalKey, document }: Item): string | null =>
  naturalKey === undefined ? naturalKeyOf(type.natural_key, withoutSecrets(type, document)) : naturalKey

/** Those of a natural key, found by reading the list. */
export async function withNaturalKey(
  connector: Pick<Connector, 'list'>,
  type: ConfigType,
  naturalKey: string,
  signal?: AbortSignal,
): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of everyItem(connector, type, signal))
    if (keyOf(type, item) === naturalKey) found.push(item)
  return found
}
