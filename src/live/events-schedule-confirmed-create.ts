import { z } from 'zod'
import { write } from '../operation/define.ts'
import { createRoom } from './apply.ts'
import { notify } from './notification.ts'
import { planCreate } from './plan.ts'
import { createActions } from './rules.ts'
import { ConfirmNotification, confirmFields, Envelope, WriteOutput } from './schema.ts'

export const eventsScheduleConfirmedCreate = write({
  id: 'live.events.schedule.confirmed-create',
  tool: 'fanful_creator_live_schedule_create',
  surface: 'live-controls',
  summary: 'Create a live event as previewed.',
  boundaries: [
    'Needs the exact text of a create preview, an idempotency key, a correlation id and a reason.',
    'Creates the event only; stream providers are set up elsewhere, later status changes have their own write.',
  ],
  http: { method: 'POST', path: '/api/agent/live-controls' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    action: z.literal('confirm_live_event_schedule_create'),
    ...confirmFields,
    fanNotification: ConfirmNotification.optional(),
    envelope: Envelope,
  }),
  output: WriteOutput,
  errors: ['plan-blocked', 'status-forbidden', 'status-not-ready', 'approval-required', 'conflict'],
  status: 201,
  confirmation: {
    kind: 'live-schedule',
    reason: 'A new event can show listeners a new room, its time and its rules.',
    contractId: 'creator.live.schedule-and-status',
    action: 'creator.live.schedule.create',
    envelope: true,
  },
  audit: {
    event: ({ changes }) => createActions(changes),
    record: 'live_events + live_event_admin_actions + agent_write_idempotency_keys',
    attribution: 'The redacted new event, with identity, client, idempotency key and correlation id.',
  },
  preview: planCreate,
  async apply(ctx, plan, _input, subject) {
    const event = await createRoom(ctx, subject.room)
    const fanNotification = await notify(ctx, subject.notification, {
      eventId: event.id,
      operationId: plan.operationId,
    })
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, event, fanNotification },
      previous: null,
      next: event,
    }
  },
})
