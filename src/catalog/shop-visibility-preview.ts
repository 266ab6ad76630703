import { z } from 'zod'
import { PreviewOutput } from '../live/schema.ts'
import { preview } from '../operation/define.ts'
import { COMMERCE, PREVIEW_AUDIT, PREVIEW_ERRORS, present } from './commerce.ts'
import { WRITES } from './schema.ts'
import { shopVisibilityConfirmedUpdate, shopVisibilityFields } from './shop-visibility-confirmed-update.ts'

export const shopVisibilityPreview = preview({
  id: 'catalog.shop-visibility.preview',
  tool: 'creator_shop_product_visibility_preview',
  surface: 'creator-commerce',
  summary: 'Preview showing a store item to guests, or hiding it.',
  boundaries: ['Stores nothing, and does nothing at Stripe.'],
  http: { method: 'POST', path: COMMERCE },
  access: WRITES,
  input: z.strictObject({
    action: z.literal('preview_shop_product_visibility_change'),
    ...shopVisibilityFields,
  }),
  output: PreviewOutput,
  errors: PREVIEW_ERRORS,
  audit: PREVIEW_AUDIT,
  of: ({ action: _action, ...input }) => ({ write: shopVisibilityConfirmedUpdate, input }),
  present: (_ctx, plan) => present(plan, shopVisibilityConfirmedUpdate, 'shop_product_visibility_update'),
})
