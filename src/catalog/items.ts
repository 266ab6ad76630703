import type { Queryable } from '../db/pool.ts'
import type { CatalogItem, ItemRef } from './rules.ts'
import { selectAfter, selectItems, selectMappedTo } from './store.ts'

export type { CatalogItem, ItemRef, SourceKind } from './rules.ts'
export { SOURCE_KINDS } from './rules.ts'

/** A place in the order of changes: everything that changes later stands behind it. */
export type ItemPlace = { updatedAt: Date; sourceKind: string; key: string }

/**
 * Items in the order of their last change, then kind and key (byte by byte), behind a place. Changes take their times
 * in the order in which they commit, so paging on misses none; what was removed is no longer there.
 */
export const listItemsAfter = (
  db: Queryable,
  org: string,
  after: ItemPlace | null,
  limit: number,
): Promise<CatalogItem[]> => selectAfter(db, org, after, limit)

/** Those of these items that there are, in no order. */
export const findItems = (db: Queryable, org: string, refs: readonly ItemRef[]): Promise<CatalogItem[]> =>
  refs.length === 0 ? Promise.resolve([]) : selectItems(db, org, refs)

/** Every item, whatever its status, that is mapped to one of these prices. */
export const itemsMappedTo = (
  db: Queryable,
  org: string,
  priceIds: readonly string[],
): Promise<CatalogItem[]> => (priceIds.length === 0 ? Promise.resolve([]) : selectMappedTo(db, org, priceIds))
