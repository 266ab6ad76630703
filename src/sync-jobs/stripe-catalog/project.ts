import { itemsMappedTo } from '../../catalog/items.ts'
import type { Transaction } from '../../db/pool.ts'
import type { ChangedRecord, JsonObject, RunContext } from '../engine/definition.ts'
import { partsOf, recordsOf } from '../engine/records-store.ts'
import { isItem, itemIn } from './app-state.ts'
import { judge, type World } from './judge.ts'
import { MOST_PRICES_OF_OURS, speaks } from './rules.ts'
import {
  type Coverage,
  type ItemSide,
  itemSide,
  PRICE,
  PRODUCT,
  type PriceSide,
  type ProductSide,
  priceIn,
  refOf,
} from './sides.ts'

/**
 * Judges whatever a page's changes concern on either side, with six statements at most, however long the page is:
 * - an item that changed, the price that it is mapped to, and the one that it was mapped to before;
 * - a price that changed, and the items that are mapped to it;
 * - of a product that was archived or brought back all prices, and their items;
 * - the other prices of a product, since it may speak for them now, or not any more.
 */
export async function project(
  tx: Transaction,
  run: RunContext,
  changed: readonly ChangedRecord[],
  coverage: Coverage,
) {
  const items = changed.filter(({ sourceKind }) => isItem(sourceKind))
  const prices = changed.filter(({ sourceKind }) => sourceKind === PRICE)
  const products = changed.filter((each) => each.sourceKind === PRODUCT && activityChanged(each))
  const ofProducts = await partsOf(tx, run, PRICE, keysOf(products))
  const concerned = unique([
    ...keysOf(prices),
    ...keysOf(ofProducts),
    ...items.flatMap((each) => [mappingIn(each.before), mappingIn(afterOf(each))]),
  ])
  const world = await gather(tx, run, { concerned, prices, coverage })
  const changedItems = items.flatMap(({ sourceKind, key, content, deleted }) =>
    deleted ? [] : [itemIn(sourceKind, key, content)],
  )
  const removed = items.filter(({ deleted }) => deleted)
  const refs = new Set(items.map(refOf))
  const mates = concerned
    .flatMap((id) => world.itemsOf.get(id) ?? [])
    .filter((item) => !refs.has(refOf(item)))
  const { judged, findings } = judge(run.deps.sealing, world, {
    items: [...changedItems, ...mates],
    priceIds: unique([...concerned, ...world.prices.keys()]),
  })
  return { judged: [...judged, ...removed.map(({ sourceKind, key }) => ({ sourceKind, key }))], findings }
}

type Gathering = { concerned: readonly string[]; prices: readonly ChangedRecord[]; coverage: Coverage }

async function gather(
  tx: Transaction,
  run: RunContext,
  { concerned, prices, coverage }: Gathering,
): Promise<World> {
  const known = await pricesOf(tx, run, concerned, prices)
  const productIds = unique([
    ...[...known.values()].map(({ productId }) => productId),
    ...prices.map(({ before }) => productIn(before)),
  ])
  const [{ siblings, counts }, items, products] = await Promise.all([
    siblingsOf(tx, run, productIds, prices.length),
    itemsMappedTo(tx, run.org, concerned),
    recordsOf(tx, run, subjects(PRODUCT, productIds)),
  ])
  for (const price of siblings) known.set(price.id, price)
  const asked = new Set(concerned)
  const others = [...known.keys()].filter((id) => !asked.has(id))
  const itemsOf = byPrice([...items, ...(await itemsMappedTo(tx, run.org, others))])
  const mapped = new Set(siblings.filter(({ id }) => itemsOf.has(id)).map(({ productId }) => productId))
  return {
    prices: known,
    products: new Map(products.map(({ key, content }) => [key, { ...content, id: key } as ProductSide])),
    itemsOf,
    ours: new Set(productIds.filter((id) => speaks({ prices: counts.get(id) ?? 0, mapped: mapped.has(id) }))),
    coverage,
  }
}

/** Those that there are of these prices: the ones that changed as they are now, the others as they are kept. */
async function pricesOf(
  tx: Transaction,
  run: RunContext,
  ids: readonly string[],
  changed: readonly ChangedRecord[],
): Promise<Map<string, PriceSide>> {
  const told = new Set(keysOf(changed))
  const kept = await recordsOf(
    tx,
    run,
    subjects(
      PRICE,
      ids.filter((id) => !told.has(id)),
    ),
  )
  const there = changed.filter(({ deleted }) => !deleted)
  return new Map([...there, ...kept].map(({ key, content }) => [key, priceIn(key, content)]))
}

/**
 * All prices of these products, where the product may speak for them now or did so before the page. A page of `changes`
 * prices adds as many to a product at most: one that has more than that beyond the limit had too many before, too.
 */
async function siblingsOf(tx: Transaction, run: RunContext, productIds: readonly string[], changes: number) {
  const most = MOST_PRICES_OF_OURS + changes
  const found = await partsOf(tx, run, PRICE, productIds, most + 1)
  const counts = new Map<string, number>()
  const siblings = found.map(({ key, content }) => priceIn(key, content))
  for (const { productId } of siblings) counts.set(productId, (counts.get(productId) ?? 0) + 1)
  return { siblings: siblings.filter(({ productId }) => (counts.get(productId) as number) <= most), counts }
}

function byPrice(items: readonly ItemSide[]): Map<string, ItemSide[]> {
  const itemsOf = new Map<string, ItemSide[]>()
  for (const item of items) {
    const id = item.stripePriceId as string
    const list = itemsOf.get(id)
    if (list) list.push(itemSide(item))
    else itemsOf.set(id, [itemSide(item)])
  }
  return itemsOf
}

const mappingIn = (content: JsonObject | null) => content?.stripePriceId as string | null | undefined
const productIn = (content: JsonObject | null) => content?.partOf as string | undefined
const afterOf = ({ content, deleted }: ChangedRecord): JsonObject | null => (deleted ? null : content)
const activityChanged = (record: ChangedRecord): boolean =>
  (record.before?.active ?? null) !== (afterOf(record)?.active ?? null)
const subjects = (sourceKind: string, keys: readonly string[]) => keys.map((key) => ({ sourceKind, key }))
const keysOf = (records: readonly { key: string }[]): string[] => records.map(({ key }) => key)
const unique = (ids: readonly (string | null | undefined)[]): string[] => [
  ...new Set(ids.filter((id) => id !== null && id !== undefined)),
]
