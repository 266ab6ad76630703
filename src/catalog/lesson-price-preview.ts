import { z } from 'zod'
import { PreviewOutput } from '../live/schema.ts'
import { preview } from '../operation/define.ts'
import { COMMERCE, PREVIEW_AUDIT, PREVIEW_ERRORS, present } from './commerce.ts'
import { lessonPriceConfirmedUpdate, lessonPriceFields } from './lesson-price-confirmed-update.ts'
import { WRITES } from './schema.ts'

export const lessonPricePreview = preview({
  id: 'catalog.lesson-price.preview',
  tool: 'creator_lesson_price_preview',
  surface: 'creator-commerce',
  summary: 'Preview a new price of a lesson: what changes in the catalog and at Stripe, and what to confirm.',
  boundaries: ['Stores nothing, and does nothing at Stripe.'],
  http: { method: 'POST', path: COMMERCE },
  access: WRITES,
  input: z.strictObject({ action: z.literal('preview_lesson_price_change'), ...lessonPriceFields }),
  output: PreviewOutput,
  errors: PREVIEW_ERRORS,
  audit: PREVIEW_AUDIT,
  of: ({ action: _action, ...input }) => ({ write: lessonPriceConfirmedUpdate, input }),
  present: (_ctx, plan) => present(plan, lessonPriceConfirmedUpdate, 'lesson_price_update'),
})
