import { z } from 'zod'
import { write } from '../operation/define.ts'
import { EnvelopeSchema } from '../operation/envelope.ts'
import { createItem } from './apply.ts'
import { COMMERCE, CommerceOutput, RECORD } from './commerce.ts'
import { newFields, newItem } from './items-create.ts'
import { planCreate } from './plan.ts'
import { CONTRACT_ID, WRITES } from './schema.ts'

export const shopProductFields = newFields

export const shopProductConfirmedCreate = write({
  id: 'catalog.shop-product.confirmed-create',
  tool: 'fanful_creator_shop_product_create',
  surface: 'creator-commerce',
  summary: 'Create a store item.',
  boundaries: ['It is a draft unless told otherwise.', 'Nothing is made at Stripe.'],
  http: { method: 'POST', path: COMMERCE },
  access: WRITES,
  input: z.strictObject({
    action: z.literal('confirm_shop_product_create'),
    ...shopProductFields,
    envelope: EnvelopeSchema,
  }),
  output: CommerceOutput,
  errors: ['conflict', 'plan-blocked', 'validation-failed', 'approval-required'],
  status: 201,
  confirmation: {
    kind: 'catalog-change',
    reason: 'An active store item is offered to everybody.',
    contractId: CONTRACT_ID,
    action: 'creator.commerce.shop-product.create',
    envelope: true,
  },
  audit: {
    event: 'shop_product_create',
    record: RECORD,
    attribution: 'The redacted new item, with identity, client, idempotency key and correlation id.',
  },
  preview: (ctx, { action: _action, envelope: _envelope, ...input }) =>
    planCreate(ctx, newItem('shop-product', input)),
  async apply(ctx, plan, _input, subject) {
    const item = await createItem(ctx, subject)
    return { output: { ok: true as const, mode: 'applied' as const, plan, item }, previous: null, next: item }
  },
})
