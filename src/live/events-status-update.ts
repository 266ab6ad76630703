import { z } from 'zod'
import { write } from '../operation/define.ts'
import { applyChange } from './apply.ts'
import { planStatus } from './plan.ts'
import { NEXT_STATUSES } from './rules.ts'
import { DryRun, EventId, ObservedUpdatedAt, WriteOutput } from './schema.ts'

export const eventsStatusUpdate = write({
  id: 'live.events.status.update',
  tool: 'live_events_status_update',
  surface: 'live-controls',
  summary: 'Take a live event live, end it, cancel it or restore it directly.',
  boundaries: [
    'Changes the status only; schedule, stream, chat and channel stay.',
    'Needs confirmed: true. Agents use the confirmed status write; a grant writes here only by an approval.',
  ],
  http: { method: 'PATCH', path: '/api/admin/live-events/status' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    id: EventId,
    status: z.enum(NEXT_STATUSES),
    confirmed: z.literal(true),
    reason: z.string().max(500).optional(),
    observedUpdatedAt: ObservedUpdatedAt,
    dryRun: DryRun,
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
    action: 'creator.live.status.update-directly',
    envelope: false,
  },
  audit: {
    event: 'status_transition',
    record: 'live_event_admin_actions',
    attribution: 'The redacted event before and after, with the identity of the admin or the automation.',
  },
  preview: (ctx, { id, status }) => planStatus(ctx, id, status),
  async apply(ctx, plan, _input, subject) {
    const { previous, event } = await applyChange(ctx, plan, subject)
    return { output: { ok: true as const, mode: 'applied' as const, plan, event }, previous, next: event }
  },
})
