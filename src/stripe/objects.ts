import type Stripe from 'stripe'

/** A price as far as a catalog compares it. */
export type StripePrice = {
  id: string
  productId: string
  active: boolean
  /** Lower case ISO 4217. */
  currency: string
  /** Smallest unit of the currency; null: not a whole amount, tiers, or chosen by the customer. */
  unitAmount: number | null
  /** `one_time`, `recurring`, or what Stripe thinks of next. */
  type: string
  /** `day`, `week`, `month`, `year`, likewise; null: paid once. */
  interval: string | null
  /** Intervals between two payments; null: paid once. */
  intervalCount: number | null
  nickname: string | null
  lookupKey: string | null
  /** The item of a catalog that it was made for, `membership-tier:studio-circle`; null: its metadata do not say. */
  madeFor: string | null
  livemode: boolean
  createdAt: Date
}

export type StripeProduct = {
  id: string
  active: boolean
  name: string
  defaultPriceId: string | null
  livemode: boolean
  createdAt: Date
  updatedAt: Date
}

/** A change at Stripe, with its object as it was then. */
export type StripeEvent = {
  id: string
  type: string
  livemode: boolean
  createdAt: Date
  /** null: of a kind that no catalog has. */
  object: { kind: 'price'; price: StripePrice } | { kind: 'product'; product: StripeProduct } | null
  /** The object is gone: `price.deleted`, `product.deleted`. */
  deleted: boolean
}

/** The member of a price's metadata that names the item it was made for. The rest of the metadata is not read. */
export const CATALOG_ITEM = 'countersign_item'

/** Whoever writes to the account can write anything there. */
const itemIn = (metadata: Record<string, string> | null | undefined): string | null => {
  const text = metadata?.[CATALOG_ITEM]
  return text !== undefined && /^[a-z][a-z-]{0,40}:[a-z0-9-]{1,80}$/.test(text) ? text : null
}

const instant = (seconds: number): Date => new Date(seconds * 1000)
const idOf = (value: string | { id: string }): string => (typeof value === 'string' ? value : value.id)

export const priceOf = (price: Stripe.Price): StripePrice => ({
  id: price.id,
  productId: idOf(price.product),
  active: price.active,
  currency: price.currency.toLowerCase(),
  unitAmount: price.unit_amount,
  type: price.type,
  interval: price.recurring?.interval ?? null,
  intervalCount: price.recurring?.interval_count ?? null,
  nickname: price.nickname,
  lookupKey: price.lookup_key ?? null,
  madeFor: itemIn(price.metadata),
  livemode: price.livemode,
  createdAt: instant(price.created),
})

export const productOf = (product: Stripe.Product): StripeProduct => ({
  id: product.id,
  active: product.active,
  name: product.name,
  defaultPriceId: product.default_price ? idOf(product.default_price) : null,
  livemode: product.livemode,
  createdAt: instant(product.created),
  updatedAt: instant(product.updated),
})

export const eventOf = (event: Stripe.Event): StripeEvent => {
  const object = event.data.object as { object?: string }
  return {
    id: event.id,
    type: event.type,
    livemode: event.livemode,
    createdAt: instant(event.created),
    object:
      object.object === 'price'
        ? { kind: 'price', price: priceOf(event.data.object as Stripe.Price) }
        : object.object === 'product'
          ? { kind: 'product', product: productOf(event.data.object as Stripe.Product) }
          : null,
    deleted: event.type.endsWith('.deleted'),
  }
}
