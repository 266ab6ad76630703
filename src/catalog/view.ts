import type { z } from 'zod'
import { formatPrice } from './money.ts'
import { redactPriceId } from './redact.ts'
import { type CatalogItem, refOf } from './rules.ts'
import type { ItemSchema } from './schema.ts'

export type ItemView = z.input<typeof ItemSchema>

const redacted = (id: string | null): string | null => (id === null ? null : redactPriceId(id))

/** An item as those see it who administer. */
export function presentItem(item: CatalogItem): ItemView {
  const { stripePriceId, createdAt, updatedAt, ...shown } = item
  return {
    id: refOf(item),
    ...shown,
    price: formatPrice(item),
    hasStripePrice: stripePriceId !== null,
    redactedStripePriceId: redacted(stripePriceId),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}

/** An item as a record of the sync contract: what it is called, costs and is mapped to, for whoever compares. */
export const presentReference = (item: CatalogItem) => ({
  key: refOf(item),
  sourceKind: item.sourceKind,
  title: item.title,
  updatedAt: item.updatedAt.toISOString(),
  active: item.active,
  amountCents: item.amountCents,
  currency: item.currency,
  modelVisibleReference: `catalog-ref:${refOf(item)}:${item.updatedAt.toISOString()}`,
  hasStripePrice: item.stripePriceId !== null,
  redactedStripePriceId: redacted(item.stripePriceId),
})
