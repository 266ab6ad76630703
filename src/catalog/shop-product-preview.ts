import { z } from 'zod'
import { PreviewOutput } from '../live/schema.ts'
import { preview } from '../operation/define.ts'
import { COMMERCE, PREVIEW_AUDIT, present } from './commerce.ts'
import { WRITES } from './schema.ts'
import { shopProductConfirmedCreate, shopProductFields } from './shop-product-confirmed-create.ts'

export const shopProductPreview = preview({
  id: 'catalog.shop-product.preview',
  tool: 'creator_shop_product_preview',
  surface: 'creator-commerce',
  summary: 'Preview a new store item: what would be offered, and what to confirm.',
  boundaries: ['Stores nothing, and does nothing at Stripe.'],
  http: { method: 'POST', path: COMMERCE },
  access: WRITES,
  input: z.strictObject({ action: z.literal('preview_shop_product_create'), ...shopProductFields }),
  output: PreviewOutput,
  errors: ['not-found', 'validation-failed'],
  audit: PREVIEW_AUDIT,
  of: ({ action: _action, ...input }) => ({ write: shopProductConfirmedCreate, input }),
  present: (_ctx, plan) => present(plan, shopProductConfirmedCreate, 'shop_product_create'),
})
