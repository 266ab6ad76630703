import type { StripePrice } from '../../stripe/objects.ts'
import { formatPrice } from '../money.ts'
import { redactPriceId } from '../redact.ts'
import type { CatalogItem, Interval, ItemRef, Written } from '../rules.ts'
import { type Field, PRICE_FIELDS } from '../wording.ts'

export const WRITE_STATUSES = ['pending', 'mapped', 'done', 'failed', 'superseded'] as const
export type WriteStatus = (typeof WRITE_STATUSES)[number]

/** A price that a confirmed write wants at Stripe, and how far that is. */
export type StripeWrite = ItemRef & {
  org: string
  id: string
  amountCents: number
  currency: string
  interval: Interval | null
  /** The price that was mapped when the write was confirmed. */
  replaces: string | null
  status: WriteStatus
  outcome: 'created' | 'kept' | null
  productId: string | null
  productName: string
  madePriceId: string | null
  archivePriceId: string | null
  idempotencyKey: string
  attempts: number
  firstAttemptAt: Date | null
  nextAt: Date
  errorKind: string | null
  operationId: string
  requestedBy: string
  sessionId: string | null
  createdAt: Date
  updatedAt: Date
  finishedAt: Date | null
}

/** What a confirmed write does at Stripe, decided before it is done. */
export type Effect =
  | { makesPrice: true; note: string }
  | { makesPrice: false; status: 'not-configured' | 'not-mapped' | 'not-affected'; note: string }

/**
 * A change of the price of what is mapped makes a new price, since those of Stripe are never changed. `anew`: the price is
 * to be made although the catalog has it already (it differs at Stripe), or although none is mapped.
 */
export function effectOf(
  before: CatalogItem,
  next: Written,
  fields: readonly Field[],
  { configured, anew }: { configured: boolean; anew: boolean },
): Effect {
  const pricing = anew || fields.some((field) => PRICE_FIELDS.includes(field))
  if (!pricing) return { makesPrice: false, status: 'not-affected', note: 'Nothing changes at Stripe.' }
  const mapped = before.stripePriceId
  if (mapped === null && !anew)
    return {
      makesPrice: false,
      status: 'not-mapped',
      note: 'Nothing changes at Stripe: no price is mapped.',
    }
  if (!configured)
    return {
      makesPrice: false,
      status: 'not-configured',
      note: 'Nothing changes at Stripe: this deployment has no Stripe account of the organisation.',
    }
  const price = formatPrice(next)
  return {
    makesPrice: true,
    note:
      mapped === null
        ? `At Stripe a price of ${price} is made, and ${before.title} is mapped to it.`
        : `At Stripe ${redactPriceId(mapped)} is replaced by a new price of ${price} and archived, unless it is that price already.`,
  }
}

/** Whether a price at Stripe is what a write wants. */
export const fits = (
  price: StripePrice,
  want: Pick<StripeWrite, 'amountCents' | 'currency' | 'interval'>,
): boolean =>
  price.active &&
  price.unitAmount === want.amountCents &&
  price.currency === want.currency &&
  price.interval === want.interval &&
  (price.interval === null || price.intervalCount === 1)

/** Whether the item is still what the write was confirmed for. */
export const stillWanted = (item: CatalogItem | undefined, write: StripeWrite): boolean =>
  write.status === 'pending' &&
  item !== undefined &&
  item.amountCents === write.amountCents &&
  item.currency === write.currency &&
  item.interval === write.interval &&
  item.stripePriceId === write.replaces

/** What the price is called at Stripe, by which it is found again when its idempotency key is forgotten there. */
export const nicknameOf = ({ id }: Pick<StripeWrite, 'id'>): string => `Countersign ${id}`

/** Stripe keeps idempotency keys for 24 hours at least; an hour less, for clocks that differ. */
export const KEYS_HOLD_MS = 23 * 3_600_000
