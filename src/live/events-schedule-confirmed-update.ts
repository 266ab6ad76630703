import { z } from 'zod'
import { write } from '../operation/define.ts'
import { applyChange } from './apply.ts'
import { notify } from './notification.ts'
import { planUpdate } from './plan.ts'
import { updateActions } from './rules.ts'
import { ConfirmNotification, confirmFields, DateTime, Envelope, EventId, WriteOutput } from './schema.ts'

export const eventsScheduleConfirmedUpdate = write({
  id: 'live.events.schedule.confirmed-update',
  tool: 'fanful_creator_live_schedule_update',
  surface: 'live-controls',
  summary: 'Apply a previewed schedule change to an existing live event.',
  boundaries: [
    'Changes existing events only; fields left out stay as they are, null clears.',
    'Needs the exact text of the fresh preview and its observed updated_at; a stale one gets a fresh preview back.',
    'The status stays; going live, ending and cancelling have their own write.',
  ],
  http: { method: 'POST', path: '/api/agent/live-controls' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    action: z.literal('confirm_live_event_schedule_change'),
    eventId: EventId,
    observedUpdatedAt: DateTime,
    ...confirmFields,
    fanNotification: ConfirmNotification.optional(),
    envelope: Envelope,
  }),
  output: WriteOutput,
  errors: ['not-found', 'stale', 'plan-blocked', 'status-forbidden', 'approval-required', 'conflict'],
  confirmation: {
    kind: 'live-schedule',
    reason: 'A schedule change alters what listeners see, when, and who may enter.',
    contractId: 'creator.live.schedule-and-status',
    action: 'creator.live.schedule.update',
    envelope: true,
  },
  audit: {
    event: ({ changes }) => updateActions(changes),
    record: 'live_events + live_event_admin_actions + agent_write_idempotency_keys',
    attribution:
      'The redacted event before and after, with identity, client, idempotency key and correlation id.',
  },
  preview: (ctx, input) => planUpdate(ctx, input.eventId, input),
  async apply(ctx, plan, _input, subject) {
    const { previous, event } = await applyChange(ctx, plan, subject)
    const fanNotification = await notify(ctx, subject.notification, {
      eventId: event.id,
      operationId: plan.operationId,
    })
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, event, fanNotification },
      previous,
      next: event,
    }
  },
})
