import { z } from 'zod'
import { write } from '../operation/define.ts'
import { planBatch, RuleSchema } from './room/batch.ts'
import { applyModeration } from './room/moderation.ts'
import { ModerationOutput, moderationApplied } from './room/moderation-output.ts'
import { MESSAGE_STATUSES } from './room/rules.ts'
import { Envelope, EventId } from './schema.ts'

export const moderationBatchConfirmedUpdate = write({
  id: 'live.moderation.batch.confirmed-update',
  tool: 'fanful_creator_live_moderation_batch_update',
  surface: 'live-controls',
  summary: 'Hide, flag or show every note of a room that a rule matches, at once and as previewed.',
  boundaries: [
    'At most 1,000 notes; one entry in the log, so that everybody sees the change at once and it can be taken back at once.',
    'The confirmed plan is exact: another note that matches, or a note that changed, makes another plan.',
  ],
  http: { method: 'POST', path: '/api/agent/live-controls' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    action: z.literal('confirm_live_note_moderation_batch'),
    eventId: EventId,
    rule: RuleSchema,
    status: z.enum(MESSAGE_STATUSES),
    envelope: Envelope,
  }),
  output: ModerationOutput,
  errors: ['not-found', 'stale', 'plan-blocked', 'plan-changed', 'approval-required'],
  confirmation: {
    kind: 'moderation',
    reason: 'A rule can hit many notes at once.',
    contractId: 'creator.live.moderation',
    action: 'creator.live.notes.moderate',
    envelope: true,
  },
  audit: {
    event: 'live_note_moderate',
    record: 'live_chat_messages + live_event_admin_actions',
    attribution: 'Which notes became what, with identity and client; never their words.',
  },
  preview: (ctx, { eventId, rule, status }) => planBatch(ctx, eventId, rule, status),
  async apply(ctx, plan, _input, subject) {
    const seq = await applyModeration(ctx, plan, subject)
    return moderationApplied(plan, subject, seq)
  },
})
