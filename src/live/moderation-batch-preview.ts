import { z } from 'zod'
import { preview } from '../operation/define.ts'
import { moderationBatchConfirmedUpdate } from './moderation-batch-confirmed-update.ts'
import { presentPreview } from './present-preview.ts'
import { RuleSchema } from './room/batch.ts'
import { MESSAGE_STATUSES } from './room/rules.ts'
import { EventId, PreviewOutput } from './schema.ts'

export const moderationBatchPreview = preview({
  id: 'live.moderation.batch.preview',
  tool: 'live_moderation_batch_preview',
  surface: 'live-controls',
  summary: 'Try a rule on a room’s log: which notes it would hit, and what to confirm.',
  boundaries: ['Stores nothing and tells nobody.'],
  http: { method: 'POST', path: '/api/agent/live-controls' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    action: z.literal('preview_live_note_moderation_batch'),
    eventId: EventId,
    rule: RuleSchema,
    status: z.enum(MESSAGE_STATUSES),
  }),
  output: PreviewOutput,
  errors: ['not-found'],
  audit: {
    none: 'A preview changes nothing.',
    attribution: 'Not recorded; the write that follows is, with its preview’s digest.',
  },
  of: ({ eventId, rule, status }) => ({
    write: moderationBatchConfirmedUpdate,
    input: { eventId, rule, status },
  }),
  present: (_ctx, plan) =>
    presentPreview(
      'agent-live-moderation-preview.v1',
      plan,
      moderationBatchConfirmedUpdate,
      'live_note_moderate',
    ),
})
