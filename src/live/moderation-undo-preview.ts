import { z } from 'zod'
import { preview } from '../operation/define.ts'
import { moderationUndoConfirmedUpdate } from './moderation-undo-confirmed-update.ts'
import { presentPreview } from './present-preview.ts'
import { RangeSchema } from './room/batch.ts'
import { EventId, PreviewOutput } from './schema.ts'

export const moderationUndoPreview = preview({
  id: 'live.moderation.undo.preview',
  tool: 'live_moderation_undo_preview',
  surface: 'live-controls',
  summary: 'Preview taking back the moderation between two places of a room’s log.',
  boundaries: ['Stores nothing and tells nobody.'],
  http: { method: 'POST', path: '/api/agent/live-controls' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    action: z.literal('preview_live_note_moderation_undo'),
    eventId: EventId,
    ...RangeSchema,
  }),
  output: PreviewOutput,
  errors: ['not-found'],
  audit: {
    none: 'A preview changes nothing.',
    attribution: 'Not recorded; the write that follows is, with its preview’s digest.',
  },
  of: ({ eventId, fromSeq, toSeq }) => ({
    write: moderationUndoConfirmedUpdate,
    input: { eventId, fromSeq, toSeq },
  }),
  present: (_ctx, plan) =>
    presentPreview(
      'agent-live-moderation-preview.v1',
      plan,
      moderationUndoConfirmedUpdate,
      'live_note_moderate',
    ),
})
