import { z } from 'zod'
import { PreviewOutput } from '../live/schema.ts'
import { preview } from '../operation/define.ts'
import { COMMERCE, PREVIEW_AUDIT, PREVIEW_ERRORS, present } from './commerce.ts'
import {
  lifecycleFields,
  membershipLifecycleConfirmedUpdate,
} from './membership-lifecycle-confirmed-update.ts'
import { WRITES } from './schema.ts'

export const membershipLifecyclePreview = preview({
  id: 'catalog.membership-lifecycle.preview',
  tool: 'creator_membership_tier_lifecycle_preview',
  surface: 'creator-commerce',
  summary: 'Preview putting a membership tier on sale, retiring it or bringing it back.',
  boundaries: ['Stores nothing, and does nothing at Stripe.'],
  http: { method: 'POST', path: COMMERCE },
  access: WRITES,
  input: z.strictObject({
    action: z.literal('preview_membership_tier_lifecycle_change'),
    ...lifecycleFields,
  }),
  output: PreviewOutput,
  errors: PREVIEW_ERRORS,
  audit: PREVIEW_AUDIT,
  of: ({ action: _action, ...input }) => ({ write: membershipLifecycleConfirmedUpdate, input }),
  present: (_ctx, plan) =>
    present(plan, membershipLifecycleConfirmedUpdate, 'membership_tier_lifecycle_update'),
})
