import type { StripeAccess } from '../../stripe/client.ts'
import { StripeFailure } from '../../stripe/failures.ts'
import type { StripePrice, StripeProduct } from '../../stripe/objects.ts'
import { PAGE_LIMIT, type Page, readEvents, readPrice, readPrices, readProducts } from '../../stripe/pages.ts'
import type { Source, SourceRecord } from '../engine/definition.ts'
import { PRICE, PRODUCT, priceContent, productSide } from './sides.ts'

/** Stripe keeps events 30 days; a walk that begins with less than a day left may be too late by its end. */
export const EVENTS_REACH_MS = 29 * 24 * 3_600_000
/** An event may be listed after one that is younger, and our clock is not Stripe's. */
export const EVENTS_OVERLAP_MS = 5 * 60_000

/**
 * When Stripe last said that anything changed. Lists say of a price when it was made and not when it changed, but what a
 * list shows is at least as new as every event that there was before it was asked for.
 */
export type AsOf = (signal: AbortSignal) => Promise<Date | null>

/** Asked for once, before the first list. */
export function asOfNow(access: StripeAccess, now: () => Date): AsOf {
  let asked: Promise<Date | null> | undefined
  return async (signal) => {
    asked ??= readEvents(
      access,
      { since: new Date(now().getTime() - EVENTS_REACH_MS), limit: 1 },
      signal,
    ).then(({ items }) => items[0]?.createdAt ?? null)
    try {
      return await asked
    } catch (error) {
      asked = undefined
      throw error
    }
  }
}

const later = (left: Date, right: Date | null): Date => (right && right > left ? right : left)

export function priceRecord(price: StripePrice, updatedAt: Date): SourceRecord {
  return { sourceKind: PRICE, key: price.id, updatedAt, content: priceContent(price) }
}

export function productRecord(product: StripeProduct, updatedAt: Date): SourceRecord {
  const { id, ...content } = productSide(product)
  return { sourceKind: PRODUCT, key: id, updatedAt, content }
}

/** A list from its newest member to its oldest. Where the member to go on behind is gone, it begins again. */
async function listed<T>(
  read: (startingAfter: string | null) => Promise<Page<T>>,
  cursor: string | null,
): Promise<Page<T>> {
  try {
    return await read(cursor)
  } catch (error) {
    if (cursor !== null && error instanceof StripeFailure && error.kind === 'not-found') return read(null)
    throw error
  }
}

export const pricesSource = (access: StripeAccess, active: boolean, asOf: AsOf): Source => ({
  id: active ? 'stripe-prices-active' : 'stripe-prices-archived',
  complete: true,
  sourceKinds: [PRICE],
  async read(cursor, limit, signal) {
    const at = await asOf(signal)
    const read = (startingAfter: string | null) =>
      readPrices(access, { active, startingAfter, limit: Math.min(limit, PAGE_LIMIT) }, signal)
    const { items, next } = await listed(read, cursor)
    return { records: items.map((price) => priceRecord(price, later(price.createdAt, at))), next }
  },
})

export const productsSource = (access: StripeAccess, asOf: AsOf): Source => ({
  id: 'stripe-products',
  complete: true,
  sourceKinds: [PRODUCT],
  async read(cursor, limit, signal) {
    const at = await asOf(signal)
    const read = (startingAfter: string | null) =>
      readProducts(access, { startingAfter, limit: Math.min(limit, PAGE_LIMIT) }, signal)
    const { items, next } = await listed(read, cursor)
    return { records: items.map((product) => productRecord(product, later(product.updatedAt, at))), next }
  },
})

/** Prices that lists have not shown (yet), by their ids; those that Stripe does not have are left out. */
export async function readMissing(
  access: StripeAccess,
  ids: readonly string[],
  asOf: AsOf,
  signal: AbortSignal,
): Promise<SourceRecord[]> {
  const records: SourceRecord[] = []
  if (ids.length === 0) return records
  const at = await asOf(signal)
  for (const id of ids)
    try {
      const price = await readPrice(access, id, signal)
      records.push(priceRecord(price, later(price.createdAt, at)))
    } catch (error) {
      if (!(error instanceof StripeFailure) || error.kind !== 'not-found') throw error
    }
  return records
}
