import { z } from 'zod'
import { type Context, write } from '../operation/define.ts'
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
import { requireItem } from './plan.ts'
import { AmountCents, CONTRACT_ID, Currency, Details, Key, Title, WRITES } from './schema.ts'

export const shopDetailsFields = {
  key: Key.describe('The store item'),
  title: Title.optional(),
  amountCents: AmountCents.optional(),
  currency: Currency.optional(),
  description: Details.shape.description,
  format: Details.shape.format,
  ...findingField,
}

export const shopDetailsConfirmedUpdate = write({
  id: 'catalog.shop-details.confirmed-update',
  tool: 'fanful_creator_shop_product_details_update',
  surface: 'creator-commerce',
  summary: 'Change the title, price, description or format of a store item: what is left out stays.',
  boundaries: [
    'A new price of a mapped item is also made at Stripe, and the old one archived.',
    'Without a Stripe account of the organisation only the catalog changes, and the plan says so.',
  ],
  http: { method: 'POST', path: COMMERCE },
  access: WRITES,
  input: z.strictObject({
    action: z.literal('confirm_shop_product_details_change'),
    ...shopDetailsFields,
    ...confirmFields,
  }),
  output: CommerceOutput,
  errors: CONFIRM_ERRORS,
  confirmation: {
    kind: 'catalog-change',
    reason: 'What an item is called and costs is what people decide by.',
    contractId: CONTRACT_ID,
    action: 'creator.commerce.shop-details.update',
    envelope: true,
  },
  audit: {
    event: 'shop_product_details_update',
    record: RECORD,
    attribution:
      'The redacted item before and after, with identity, client, idempotency key and correlation id.',
  },
  preview: (ctx, input) => planDetails(ctx, input),
  apply: (ctx, plan, _input, subject) => applyCommerce(ctx, plan, subject),
})

type Input = z.output<z.ZodObject<typeof shopDetailsFields>>

async function planDetails(ctx: Context, input: Input) {
  const { key, title, amountCents, currency, description, format, finding } = input
  const ref = { sourceKind: 'shop-product', key } as const
  const { details } = await requireItem(ctx, ref)
  const named = {
    ...(description === undefined ? {} : { description }),
    ...(format === undefined ? {} : { format }),
  }
  return planCommerce(
    ctx,
    ref,
    { title, amountCents, currency, details: { ...details, ...named } },
    asked(amountCents === undefined ? undefined : finding, finding),
  )
}
