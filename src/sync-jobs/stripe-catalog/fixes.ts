import { lessonStripePriceConfirmedUpdate } from '../../catalog/lesson-stripe-price-confirmed-update.ts'
import { lessonStripePricePreview } from '../../catalog/lesson-stripe-price-preview.ts'
import { membershipStripePriceConfirmedUpdate } from '../../catalog/membership-stripe-price-confirmed-update.ts'
import { membershipStripePricePreview } from '../../catalog/membership-stripe-price-preview.ts'
import { shopDetailsConfirmedUpdate } from '../../catalog/shop-details-confirmed-update.ts'
import { shopDetailsPreview } from '../../catalog/shop-details-preview.ts'
import type { JsonObject } from '../engine/definition.ts'

type Named = { id: string; tool: string }

/** What would end a finding: the preview that an agent can ask for at once, and the write that it is of. */
export type Fix = {
  /** What it does, in words. */
  note: string
  preview: { operationId: string; tool: string; input: JsonObject }
  confirm: { operationId: string; tool: string }
}

/** What a finding is, as far as its fix follows from it. */
export type Fixable = { class: string; sourceKind: string; key: string; evidence: JsonObject }

const fixOf = (note: string, preview: Named, write: Named, input: JsonObject): Fix => ({
  note,
  preview: { operationId: preview.id, tool: preview.tool, input },
  confirm: { operationId: write.id, tool: write.tool },
})

const ANEW = 'Makes a price at Stripe as the catalog has it, and maps the item to it.'

/**
 * The operation that ends a finding, with its arguments; null where only a person at Stripe, or one who knows which of
 * several items is meant, can end it. A price at Stripe never changes, so lessons and tiers get a new one; a store item
 * takes the amount that Stripe charges, since no operation makes prices for what has stayed the same here.
 */
export function fixFor({ class: found, sourceKind, key, evidence }: Fixable): Fix | null {
  if (found === 'orphaned' || found === 'duplicate-mapping') return null
  switch (sourceKind) {
    case 'lesson-offering':
      return fixOf(ANEW, lessonStripePricePreview, lessonStripePriceConfirmedUpdate, {
        action: 'preview_lesson_stripe_price_change',
        key,
        createPrice: true,
      })
    case 'membership-tier':
      return fixOf(ANEW, membershipStripePricePreview, membershipStripePriceConfirmedUpdate, {
        action: 'preview_membership_stripe_price_change',
        key,
        createPrice: true,
      })
    case 'shop-product':
      return found === 'amount' ? takeAmount(key, evidence) : null
    default:
      return null
  }
}

function takeAmount(key: string, evidence: JsonObject): Fix | null {
  const stripe = evidence.stripe as JsonObject | null
  const amountCents = stripe?.amountCents
  if (typeof amountCents !== 'number') return null
  const input = { action: 'preview_shop_product_details_change', key, amountCents }
  return fixOf('Takes the amount that Stripe charges.', shopDetailsPreview, shopDetailsConfirmedUpdate, input)
}
