import { z } from 'zod'
import { preview } from '../operation/define.ts'
import { eventsStatusConfirmedUpdate } from './events-status-confirmed-update.ts'
import { presentPreview } from './present-preview.ts'
import { NEXT_STATUSES } from './rules.ts'
import { EventId, PreviewOutput } from './schema.ts'

export const eventsStatusPreview = preview({
  id: 'live.events.status.preview',
  tool: 'live_events_status_preview',
  surface: 'live-controls',
  summary: 'Preview going live, ending, cancelling or restoring: readiness, blockers, what to confirm.',
  boundaries: ['Stores nothing, opens nothing, tells nobody.'],
  http: { method: 'POST', path: '/api/agent/live-controls' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    action: z.literal('preview_live_event_status_change'),
    eventId: EventId,
    nextStatus: z.enum(NEXT_STATUSES),
    reason: z.string().max(800).optional(),
  }),
  output: PreviewOutput,
  errors: ['not-found'],
  audit: {
    none: 'A preview changes nothing.',
    attribution: 'Not recorded; the write that follows is, with its preview’s digest.',
  },
  of: ({ eventId, nextStatus }) => ({ write: eventsStatusConfirmedUpdate, input: { eventId, nextStatus } }),
  present: (_ctx, plan) =>
    presentPreview(
      'agent-live-transition-preview.v1',
      plan,
      eventsStatusConfirmedUpdate,
      'status_transition',
    ),
})
