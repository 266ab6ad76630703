import type { Coverage, ItemSide, PriceSide, ProductSide } from './sides.ts'

/**
 * Kinds of drift, as they are named everywhere. docs/catalog-drift.md says what each means and what fixes it.
 * - `missing-price`: an item that is sold has no price at Stripe: it is mapped to none, or to one that is not there.
 * - `amount`, `currency`, `interval`: what is charged is another amount, in another currency, or at other times.
 * - `archived`: Stripe does not charge the price any more: it, or its product, is archived.
 * - `orphaned`: a price at Stripe can be charged, is one of the catalog's, and no item is mapped to it.
 * - `duplicate-mapping`: several items that are sold are mapped to one price.
 */
export const CLASSES = [
  'missing-price',
  'amount',
  'currency',
  'interval',
  'archived',
  'orphaned',
  'duplicate-mapping',
] as const
export type DriftClass = (typeof CLASSES)[number]

/**
 * Which of them only a person can judge: whether customers pay in one currency or another, whether a price is still used
 * elsewhere, and which of several items a price belongs to. The others have one side that is plainly out of date.
 */
export const NEEDS_PERSON: ReadonlySet<DriftClass> = new Set(['currency', 'orphaned', 'duplicate-mapping'])

/** An item, and what it is mapped to at Stripe as far as that is known. */
export type MappedItem = {
  item: ItemSide
  /** The price that it is mapped to; null: mapped to none, or Stripe has no such price. */
  price: PriceSide | null
  /** The product of that price; null: not known. */
  product: ProductSide | null
  coverage: Coverage
}

/** What differs between an item and its price. An item that is not sold agrees with anything. */
export function judgeItem({ item, price, product, coverage }: MappedItem): DriftClass[] {
  if (!item.active) return []
  // what costs nothing needs no price
  if (item.stripePriceId === null) return item.amountCents > 0 ? ['missing-price'] : []
  if (!price) return coverage === 'both-sides' ? ['missing-price'] : []
  const sameCurrency = price.currency === item.currency
  return [
    // 7500 in one currency and 7500 in another are not the same amount, nor are they different ones
    ...(sameCurrency && price.unitAmount !== item.amountCents ? (['amount'] as const) : []),
    ...(sameCurrency ? [] : (['currency'] as const)),
    ...(sameInterval(item, price) ? [] : (['interval'] as const)),
    ...(price.active && product?.active !== false ? [] : (['archived'] as const)),
  ]
}

/** Every third month is another interval than every month. */
const sameInterval = (item: ItemSide, price: PriceSide): boolean =>
  price.interval === item.interval && (price.interval === null || price.intervalCount === 1)

/** A price, and the items on this side that it has to do with. */
export type MappedPrice = {
  /** null: only an id that items are mapped to, which Stripe does not have, or of which nothing is known. */
  price: PriceSide | null
  product: ProductSide | null
  /** All that are mapped to it, also those that are not sold. */
  items: readonly ItemSide[]
  /** Whether the product is one of the catalog's: see `speaks`. */
  productIsOurs: boolean
}

/** What is wrong with a price beside what is wrong with its items. */
export function judgePrice({ price, product, items, productIsOurs }: MappedPrice): DriftClass[] {
  if (items.filter(({ active }) => active).length > 1) return ['duplicate-mapping']
  // an item that is not sold (any more) still says whose the price is
  if (items.length > 0 || !price?.active || product?.active === false) return []
  return price.madeFor !== null || productIsOurs ? ['orphaned'] : []
}

/** A product with more prices is a drawer that everything is put into. */
export const MOST_PRICES_OF_OURS = 200

/**
 * Whether a product is one of the catalog's, so that its other prices are too: one of its prices is mapped, and there are
 * at most 200, archived ones among them.
 */
export const speaks = (product: { prices: number; mapped: boolean }): boolean =>
  product.mapped && product.prices <= MOST_PRICES_OF_OURS
