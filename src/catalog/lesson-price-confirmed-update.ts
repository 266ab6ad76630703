import { z } from 'zod'
import { write } from '../operation/define.ts'
import {
  applyCommerce,
  asked,
  COMMERCE,
  CONFIRM_ERRORS,
  CommerceOutput,
  confirmFields,
  findingField,
  planCommerce,
  RECORD,
} from './commerce.ts'
import { AmountCents, CONTRACT_ID, Currency, Key, WRITES } from './schema.ts'

export const lessonPriceFields = {
  key: Key.describe('The lesson'),
  amountCents: AmountCents,
  currency: Currency.optional().describe('As it is unless told'),
  ...findingField,
}

export const lessonPriceConfirmedUpdate = write({
  id: 'catalog.lesson-price.confirmed-update',
  tool: 'fanful_creator_lesson_price_update',
  surface: 'creator-commerce',
  summary: 'Change the price of a lesson, in the catalog and at Stripe.',
  boundaries: [
    'Prices at Stripe are never changed: a mapped lesson gets a new one, and the old one is archived.',
    'What is booked already stays as agreed.',
    'For a finding the price is made at Stripe even if the catalog has it already: the two differ.',
    'Without a Stripe account of the organisation only the catalog changes, and the plan says so.',
  ],
  http: { method: 'POST', path: COMMERCE },
  access: WRITES,
  input: z.strictObject({
    action: z.literal('confirm_lesson_price_change'),
    ...lessonPriceFields,
    ...confirmFields,
  }),
  output: CommerceOutput,
  errors: CONFIRM_ERRORS,
  confirmation: {
    kind: 'catalog-change',
    reason: 'Whoever books from now on pays the new price.',
    contractId: CONTRACT_ID,
    action: 'creator.commerce.lesson-price.update',
    envelope: true,
  },
  audit: {
    event: 'lesson_price_update',
    record: RECORD,
    attribution:
      'The redacted lesson before and after, with identity, client, idempotency key and correlation id.',
  },
  preview: (ctx, { key, amountCents, currency, finding }) =>
    planCommerce(ctx, { sourceKind: 'lesson-offering', key }, { amountCents, currency }, asked(finding)),
  apply: (ctx, plan, _input, subject) => applyCommerce(ctx, plan, subject),
})
