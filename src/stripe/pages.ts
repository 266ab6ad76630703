import type Stripe from 'stripe'
import type { StripeAccess } from './client.ts'
import {
  eventOf,
  priceOf,
  productOf,
  type StripeEvent,
  type StripePrice,
  type StripeProduct,
} from './objects.ts'

/** Newest first. `next`: where the following page starts; null after the last. */
export type Page<T> = { items: T[]; next: string | null }

/** The most that Stripe gives in one page. */
export const PAGE_LIMIT = 100

export type PageAfter = { startingAfter?: string | null | undefined; limit?: number | undefined }

/**
 * Prices that are active, or those that are archived: Stripe has no list of both. Errors of all of these: `StripeLimited`,
 * `StripeFailure` (`not-found`: what `startingAfter` names is gone), the signal's reason.
 */
export async function readPrices(
  access: StripeAccess,
  { active, ...after }: PageAfter & { active: boolean },
  signal?: AbortSignal,
): Promise<Page<StripePrice>> {
  const params = { ...paging(after), active }
  return paged(await access.call((stripe) => stripe.prices.list(params), signal), priceOf)
}

/** Products, archived ones among them unless `active` chooses. */
export async function readProducts(
  access: StripeAccess,
  { active, ...after }: PageAfter & { active?: boolean | undefined },
  signal?: AbortSignal,
): Promise<Page<StripeProduct>> {
  const params = { ...paging(after), ...(active === undefined ? {} : { active }) }
  return paged(await access.call((stripe) => stripe.products.list(params), signal), productOf)
}

/** Changes of prices and products; Stripe keeps them 30 days. */
export const CATALOG_EVENTS = [
  'price.created',
  'price.updated',
  'price.deleted',
  'product.created',
  'product.updated',
  'product.deleted',
] as const

export async function readEvents(
  access: StripeAccess,
  { since, types = CATALOG_EVENTS, ...after }: PageAfter & { since: Date; types?: readonly string[] },
  signal?: AbortSignal,
): Promise<Page<StripeEvent>> {
  const params: Stripe.EventListParams = {
    ...paging(after),
    types: [...types],
    // whole seconds, those of `since` among them
    created: { gte: Math.floor(since.getTime() / 1000) },
  }
  return paged(await access.call((stripe) => stripe.events.list(params), signal), eventOf)
}

/** One price as it is now, archived or not. */
export async function readPrice(
  access: StripeAccess,
  id: string,
  signal?: AbortSignal,
): Promise<StripePrice> {
  return priceOf(await access.call((stripe) => stripe.prices.retrieve(id), signal))
}

const paging = ({ startingAfter, limit = PAGE_LIMIT }: PageAfter) => ({
  limit,
  ...(startingAfter ? { starting_after: startingAfter } : {}),
})

function paged<T extends { id: string }, U>(list: Stripe.ApiList<T>, read: (item: T) => U): Page<U> {
  return { items: list.data.map(read), next: list.has_more ? (list.data.at(-1)?.id ?? null) : null }
}
