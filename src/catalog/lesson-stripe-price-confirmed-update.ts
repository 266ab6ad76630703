import { z } from 'zod'
import { write } from '../operation/define.ts'
import { applyCommerce, COMMERCE, CONFIRM_ERRORS, CommerceOutput, confirmFields, RECORD } from './commerce.ts'
import { mappingFields, planMapping } from './mapping.ts'
import { CONTRACT_ID, WRITES } from './schema.ts'

export const lessonStripePriceConfirmedUpdate = write({
  id: 'catalog.lesson-stripe-price.confirmed-update',
  tool: 'fanful_creator_lesson_stripe_price_update',
  surface: 'creator-commerce',
  summary: 'Map a lesson to a price at Stripe, have one made for it, or remove its mapping.',
  boundaries: [
    'The id of a price is taken and stored, and shown by its last four characters only; createPrice needs none.',
    'Whether a given price is what the catalog says is found by the sync job, not here.',
    'A mapping alone changes nothing at Stripe.',
  ],
  http: { method: 'POST', path: COMMERCE },
  access: WRITES,
  input: z.strictObject({
    action: z.literal('confirm_lesson_stripe_price_change'),
    ...mappingFields,
    ...confirmFields,
  }),
  output: CommerceOutput,
  errors: CONFIRM_ERRORS,
  confirmation: {
    kind: 'catalog-change',
    reason: 'The mapped price is what people are charged.',
    contractId: CONTRACT_ID,
    action: 'creator.commerce.lesson-stripe-price.update',
    envelope: true,
  },
  audit: {
    event: 'lesson_stripe_price_update',
    record: RECORD,
    attribution:
      'The redacted lesson before and after, with identity, client, idempotency key and correlation id.',
  },
  preview: (ctx, input) => planMapping(ctx, 'lesson-offering', input),
  apply: (ctx, plan, _input, subject) => applyCommerce(ctx, plan, subject),
})
