import { formatMoney, formatPrice, isCurrency } from '../../catalog/money.ts'
import { pseudonym, redactPriceId } from '../../catalog/redact.ts'
import { canonical } from '../../operation/plan.ts'
import type { Sealing } from '../../operation/sealing.ts'
import type { DriftClass, MappedItem, MappedPrice } from './rules.ts'
import { type ItemSide, type PriceSide, type ProductSide, refOf } from './sides.ts'

type Hash = Pick<Sealing, 'hash'>

/** An item as evidence shows it, with the contract's own names and its form of a price's id. */
const itemShown = (item: ItemSide) => ({
  reference: refOf(item),
  active: item.active,
  amountCents: item.amountCents,
  currency: item.currency,
  interval: item.interval,
  hasStripePrice: item.stripePriceId !== null,
  redactedStripePriceId: item.stripePriceId === null ? null : redactPriceId(item.stripePriceId),
})

/** Ids of Stripe as keyed pseudonyms: the same price is the same name in every finding, and says nothing elsewhere. */
const priceShown = (sealing: Hash, price: PriceSide, product: ProductSide | null) => ({
  price: pseudonym(sealing, price.id),
  product: pseudonym(sealing, price.productId),
  active: price.active,
  productActive: product?.active ?? null,
  amountCents: price.unitAmount,
  currency: price.currency,
  interval: price.interval,
  intervalCount: price.intervalCount,
  madeFor: price.madeFor,
})

export type ItemEvidence = {
  catalog: ReturnType<typeof itemShown> & { mappedTo: string | null }
  stripe: ReturnType<typeof priceShown> | null
}
export type PriceEvidence = {
  price: string
  /** How many items are mapped to it; at most 20 of them are shown. */
  items: number
  catalog: (ReturnType<typeof itemShown> & { mappedTo: string | null })[]
  stripe: ReturnType<typeof priceShown> | null
}

const mappedItemShown = (sealing: Hash, item: ItemSide) => ({
  ...itemShown(item),
  mappedTo: item.stripePriceId === null ? null : pseudonym(sealing, item.stripePriceId),
})

export const itemEvidence = (sealing: Hash, { item, price, product }: MappedItem): ItemEvidence => ({
  catalog: mappedItemShown(sealing, item),
  stripe: price ? priceShown(sealing, price, product) : null,
})

export const priceEvidence = (
  sealing: Hash,
  id: string,
  { price, product, items }: MappedPrice,
): PriceEvidence => ({
  price: pseudonym(sealing, id),
  items: items.length,
  catalog: items
    .map((item) => mappedItemShown(sealing, item))
    .sort((left, right) => (left.reference < right.reference ? -1 : 1)),
  stripe: price ? priceShown(sealing, price, product) : null,
})

/** Another one as soon as anything that is compared changes on either side. Pseudonyms stand for the ids. */
export const evidenceHash = (
  sealing: Hash,
  found: DriftClass,
  evidence: ItemEvidence | PriceEvidence,
): string => `sha256-${sealing.hash(`catalog drift ${found} ${canonical(evidence)}`)}`

const SHOWN = 20

/** Evidence as it is kept; its hash is over the whole. */
export const shortenedEvidence = <E extends ItemEvidence | PriceEvidence>(evidence: E): E =>
  'items' in evidence ? { ...evidence, catalog: evidence.catalog.slice(0, SHOWN) } : evidence

/** Stripe also knows currencies that are not ISO 4217. */
const atStripe = (price: PriceSide): string =>
  price.unitAmount === null
    ? 'no fixed amount'
    : isCurrency(price.currency)
      ? formatMoney(price.unitAmount, price.currency)
      : `${price.unitAmount} ${price.currency.toUpperCase()}`

const every = (interval: string | null, count: number | null): string =>
  interval === null ? 'once' : (count ?? 1) === 1 ? `every ${interval}` : `every ${count} ${interval}s`

/** One sentence that a person understands without knowing the classes. */
export function itemSummary(found: DriftClass, { item, price }: MappedItem): string {
  const { title } = item
  if (!price || found === 'missing-price')
    return item.stripePriceId === null
      ? `${title} is sold at ${formatPrice(item)} and has no price at Stripe.`
      : `${title} is mapped to the price ${redactPriceId(item.stripePriceId)}, which Stripe does not have.`
  switch (found) {
    case 'amount':
      return `${title} costs ${formatMoney(item.amountCents, item.currency)} here and ${atStripe(price)} at Stripe.`
    case 'currency':
      return `${title} is sold in ${item.currency.toUpperCase()} here and in ${price.currency.toUpperCase()} at Stripe.`
    case 'interval':
      return `${title} is paid ${every(item.interval, 1)} here and ${every(price.interval, price.intervalCount)} at Stripe.`
    default:
      return `${title} is sold here, and its ${price.active ? 'product' : 'price'} at Stripe is archived.`
  }
}

export function priceSummary(found: DriftClass, id: string, { price, items }: MappedPrice): string {
  const name = redactPriceId(id)
  if (found === 'orphaned' && price) {
    return `The price ${name} (${atStripe(price)}) can be charged at Stripe, and nothing in the catalog is mapped to it.`
  }
  const titles = items
    .filter(({ active }) => active)
    .map(({ title }) => title)
    .sort()
  return `${titles.length} items that are sold are mapped to the price ${name}: ${shortened(titles)}.`
}

const NAMED = 5
const shortened = (titles: readonly string[]): string =>
  titles.length > NAMED
    ? `${titles.slice(0, NAMED).join(', ')} and ${titles.length - NAMED} more`
    : titles.join(', ')
