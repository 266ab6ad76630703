import type { CatalogItem } from '../../catalog/items.ts'
import type { StripePrice, StripeProduct } from '../../stripe/objects.ts'
import type { JsonObject } from '../engine/definition.ts'

export type { Coverage } from '../engine/definition.ts'

/** What of an item is compared; titles and descriptions are nobody's drift. */
export type ItemSide = Pick<
  CatalogItem,
  'sourceKind' | 'key' | 'title' | 'active' | 'amountCents' | 'currency' | 'interval' | 'stripePriceId'
>

/** What of a price at Stripe is compared. */
export type PriceSide = Pick<
  StripePrice,
  'id' | 'productId' | 'active' | 'currency' | 'unitAmount' | 'interval' | 'intervalCount'
> & {
  /** The item that it was made for, as its metadata say: `membership-tier:studio-circle`. */
  madeFor: string | null
}

export type ProductSide = Pick<StripeProduct, 'id' | 'active'>

export const PRICE = 'stripe-price'
export const PRODUCT = 'stripe-product'

export const refOf = ({ sourceKind, key }: { sourceKind: string; key: string }): string =>
  `${sourceKind}:${key}`

export const itemSide = (item: ItemSide): ItemSide => {
  const { sourceKind, key, title, active, amountCents, currency, interval, stripePriceId } = item
  return { sourceKind, key, title, active, amountCents, currency, interval, stripePriceId }
}

const priceSide = (price: StripePrice): PriceSide => {
  const { id, productId, active, currency, unitAmount, interval, intervalCount, madeFor } = price
  return { id, productId, active, currency, unitAmount, interval, intervalCount, madeFor }
}

/** A price as a record keeps it: without its id, which is the record's key. */
export const priceContent = (price: StripePrice): JsonObject => {
  const { id: _id, productId, ...content } = priceSide(price)
  return { ...content, partOf: productId }
}

export const priceIn = (id: string, { partOf, ...content }: JsonObject): PriceSide =>
  ({ ...content, id, productId: partOf }) as PriceSide

export const productSide = ({ id, active }: StripeProduct): ProductSide => ({ id, active })
