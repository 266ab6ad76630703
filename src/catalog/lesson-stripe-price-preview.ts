import { z } from 'zod'
import { PreviewOutput } from '../live/schema.ts'
import { preview } from '../operation/define.ts'
import { COMMERCE, PREVIEW_AUDIT, PREVIEW_ERRORS, present } from './commerce.ts'
import { lessonStripePriceConfirmedUpdate } from './lesson-stripe-price-confirmed-update.ts'
import { mappingFields } from './mapping.ts'
import { WRITES } from './schema.ts'

export const lessonStripePricePreview = preview({
  id: 'catalog.lesson-stripe-price.preview',
  tool: 'creator_lesson_stripe_price_preview',
  surface: 'creator-commerce',
  summary: 'Preview mapping a lesson to a price at Stripe: what changes, and what to confirm.',
  boundaries: ['Stores nothing, and does nothing at Stripe.'],
  http: { method: 'POST', path: COMMERCE },
  access: WRITES,
  input: z.strictObject({ action: z.literal('preview_lesson_stripe_price_change'), ...mappingFields }),
  output: PreviewOutput,
  errors: PREVIEW_ERRORS,
  audit: PREVIEW_AUDIT,
  of: ({ action: _action, ...input }) => ({ write: lessonStripePriceConfirmedUpdate, input }),
  present: (_ctx, plan) => present(plan, lessonStripePriceConfirmedUpdate, 'lesson_stripe_price_update'),
})
