import { z } from 'zod'
import { write } from '../operation/define.ts'
import {
  applyCommerce,
  COMMERCE,
  CONFIRM_ERRORS,
  CommerceOutput,
  confirmFields,
  findingField,
  planCommerce,
  RECORD,
} from './commerce.ts'
import type { CatalogItem } from './rules.ts'
import { CONTRACT_ID, Key, WRITES } from './schema.ts'

export const shopVisibilityFields = {
  key: Key.describe('The store item'),
  visible: z.boolean().describe('Whether guests see it while it is active'),
  ...findingField,
}

export const shopVisibilityConfirmedUpdate = write({
  id: 'catalog.shop-visibility.confirmed-update',
  tool: 'fanful_creator_shop_product_visibility_update',
  surface: 'creator-commerce',
  summary: 'Show a store item to guests, or hide it.',
  boundaries: ['Its status stays: a draft is not shown, however visible it is.'],
  http: { method: 'POST', path: COMMERCE },
  access: WRITES,
  input: z.strictObject({
    action: z.literal('confirm_shop_product_visibility_change'),
    ...shopVisibilityFields,
    ...confirmFields,
  }),
  output: CommerceOutput,
  errors: CONFIRM_ERRORS,
  confirmation: {
    kind: 'catalog-change',
    reason: 'What guests see is what they can buy.',
    contractId: CONTRACT_ID,
    action: 'creator.commerce.shop-visibility.update',
    envelope: true,
  },
  audit: {
    event: 'shop_product_visibility_update',
    record: RECORD,
    attribution:
      'The redacted item before and after, with identity, client, idempotency key and correlation id.',
  },
  preview: (ctx, { key, visible, finding }) =>
    planCommerce(ctx, { sourceKind: 'shop-product', key }, { visible }, { finding, warnings: notOnSale }),
  apply: (ctx, plan, _input, subject) => applyCommerce(ctx, plan, subject),
})

const notOnSale = ({ active, status }: CatalogItem): string[] =>
  active ? [] : [`It is ${status === 'draft' ? 'a draft' : 'retired'}, and so not shown either way.`]
