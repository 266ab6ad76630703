import type Stripe from 'stripe'
import type { StripeAccess } from './client.ts'
import { priceOf, productOf, type StripePrice, type StripeProduct } from './objects.ts'

export type NewPrice = {
  /** A product that is there, or the name of one that is made with the price. */
  product: { id: string } | { name: string }
  /** Smallest unit of the currency. */
  unitAmount: number
  /** ISO 4217. */
  currency: string
  /** null: paid once. */
  interval: 'month' | 'year' | null
  nickname?: string
  metadata?: Record<string, string>
}

/**
 * Makes a price. `key` is the same for every attempt of the same creation: Stripe makes it once, however often it is
 * asked within 24 hours. Errors of all of these: `StripeLimited` (nothing was done), `StripeFailure`, the signal's reason;
 * after `unavailable` and after the signal ask again with the same key.
 */
export async function createPrice(
  access: StripeAccess,
  price: NewPrice,
  key: string,
  signal?: AbortSignal,
): Promise<StripePrice> {
  const params: Stripe.PriceCreateParams = {
    ...('id' in price.product
      ? { product: price.product.id }
      : { product_data: { name: price.product.name } }),
    unit_amount: price.unitAmount,
    currency: price.currency.toLowerCase(),
    ...(price.interval ? { recurring: { interval: price.interval } } : {}),
    ...(price.nickname === undefined ? {} : { nickname: price.nickname }),
    ...(price.metadata ? { metadata: price.metadata } : {}),
  }
  return priceOf(await access.call((stripe) => stripe.prices.create(params, { idempotencyKey: key }), signal))
}

/** Archives a price, or brings it back: Stripe deletes none. */
export async function archivePrice(
  access: StripeAccess,
  id: string,
  key: string,
  { active = false }: { active?: boolean } = {},
  signal?: AbortSignal,
): Promise<StripePrice> {
  return priceOf(
    await access.call((stripe) => stripe.prices.update(id, { active }, { idempotencyKey: key }), signal),
  )
}

export async function createProduct(
  access: StripeAccess,
  product: { name: string; metadata?: Record<string, string> },
  key: string,
  signal?: AbortSignal,
): Promise<StripeProduct> {
  return productOf(
    await access.call((stripe) => stripe.products.create(product, { idempotencyKey: key }), signal),
  )
}
