import { z } from 'zod'
import { PreviewOutput } from '../live/schema.ts'
import { preview } from '../operation/define.ts'
import { COMMERCE, PREVIEW_AUDIT, PREVIEW_ERRORS, present } from './commerce.ts'
import { WRITES } from './schema.ts'
import { shopDetailsConfirmedUpdate, shopDetailsFields } from './shop-details-confirmed-update.ts'

export const shopDetailsPreview = preview({
  id: 'catalog.shop-details.preview',
  tool: 'creator_shop_product_details_preview',
  surface: 'creator-commerce',
  summary: 'Preview a new title, price, description or format of a store item.',
  boundaries: ['Stores nothing, and does nothing at Stripe.'],
  http: { method: 'POST', path: COMMERCE },
  access: WRITES,
  input: z.strictObject({ action: z.literal('preview_shop_product_details_change'), ...shopDetailsFields }),
  output: PreviewOutput,
  errors: PREVIEW_ERRORS,
  audit: PREVIEW_AUDIT,
  of: ({ action: _action, ...input }) => ({ write: shopDetailsConfirmedUpdate, input }),
  present: (_ctx, plan) => present(plan, shopDetailsConfirmedUpdate, 'shop_product_details_update'),
})
