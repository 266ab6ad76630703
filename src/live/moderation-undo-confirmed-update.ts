import { z } from 'zod'
import { write } from '../operation/define.ts'
import { planUndo, RangeSchema } from './room/batch.ts'
import { applyModeration } from './room/moderation.ts'
import { ModerationOutput, moderationApplied } from './room/moderation-output.ts'
import { Envelope, EventId } from './schema.ts'

export const moderationUndoConfirmedUpdate = write({
  id: 'live.moderation.undo.confirmed-update',
  tool: 'fanful_creator_live_moderation_undo_update',
  surface: 'live-controls',
  summary: 'Take back the moderation between two places of a room’s log, as previewed.',
  boundaries: [
    'Notes that somebody changed again since stay as they are, and the plan says how many.',
    'Taking back is an entry itself and can be taken back.',
  ],
  http: { method: 'POST', path: '/api/agent/live-controls' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    action: z.literal('confirm_live_note_moderation_undo'),
    eventId: EventId,
    ...RangeSchema,
    envelope: Envelope,
  }),
  output: ModerationOutput,
  errors: ['not-found', 'stale', 'plan-blocked', 'plan-changed', 'approval-required'],
  confirmation: {
    kind: 'moderation',
    reason: 'What was hidden may be seen again.',
    contractId: 'creator.live.moderation',
    action: 'creator.live.notes.restore',
    envelope: true,
  },
  audit: {
    event: 'live_note_moderate',
    record: 'live_chat_messages + live_event_admin_actions',
    attribution: 'Which notes became what, with identity and client; never their words.',
  },
  preview: (ctx, { eventId, fromSeq, toSeq }) => planUndo(ctx, eventId, { fromSeq, toSeq }),
  async apply(ctx, plan, _input, subject) {
    const seq = await applyModeration(ctx, plan, subject)
    return moderationApplied(plan, subject, seq)
  },
})
