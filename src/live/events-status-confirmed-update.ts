import { z } from 'zod'
import { write } from '../operation/define.ts'
import { applyChange } from './apply.ts'
import { planStatus } from './plan.ts'
import { NEXT_STATUSES } from './rules.ts'
import { DateTime, Envelope, EventId, WriteOutput } from './schema.ts'

export const eventsStatusConfirmedUpdate = write({
  id: 'live.events.status.confirmed-update',
  tool: 'fanful_creator_live_status_update',
  surface: 'live-controls',
  summary: 'Take a live event live, end it, cancel it or restore it, as previewed.',
  boundaries: [
    'Changes the status only; schedule, stream and chat settings stay.',
    'Redundant, forbidden and not-ready transitions are refused with different codes that list what is allowed.',
    'ended is final.',
  ],
  http: { method: 'POST', path: '/api/agent/live-controls' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    action: z.literal('confirm_live_event_status_change'),
    eventId: EventId,
    nextStatus: z.enum(NEXT_STATUSES),
    observedUpdatedAt: DateTime,
    envelope: Envelope,
  }),
  output: WriteOutput,
  errors: [
    'not-found',
    'stale',
    'status-redundant',
    'status-forbidden',
    'status-not-ready',
    'approval-required',
  ],
  confirmation: {
    kind: 'go-live',
    reason: 'Going live, ending and cancelling change what every listener sees.',
    contractId: 'creator.live.schedule-and-status',
    action: 'creator.live.status.update',
    envelope: true,
  },
  audit: {
    event: 'status_transition',
    record: 'live_event_admin_actions + agent_write_idempotency_keys',
    attribution:
      'The redacted event before and after, with identity, client, idempotency key and correlation id.',
  },
  preview: (ctx, input) => planStatus(ctx, input.eventId, input.nextStatus),
  async apply(ctx, plan, _input, subject) {
    const { previous, event } = await applyChange(ctx, plan, subject)
    return { output: { ok: true as const, mode: 'applied' as const, plan, event }, previous, next: event }
  },
})
