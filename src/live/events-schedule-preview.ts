import { z } from 'zod'
import { preview } from '../operation/define.ts'
import { eventsScheduleConfirmedCreate } from './events-schedule-confirmed-create.ts'
import { eventsScheduleConfirmedUpdate } from './events-schedule-confirmed-update.ts'
import { presentPreview } from './present-preview.ts'
import { updateActions } from './rules.ts'
import { EventId, PreviewNotification, PreviewOutput, previewFields } from './schema.ts'

export const eventsSchedulePreview = preview({
  id: 'live.events.schedule.preview',
  tool: 'live_events_schedule_preview',
  surface: 'live-controls',
  summary:
    'Preview creating or changing a live event: what would change, what stands against it, what to confirm.',
  boundaries: [
    'Stores nothing and notifies nobody.',
    'Stream values, provider ids and replay links are never shown, only whether they are set.',
  ],
  http: { method: 'POST', path: '/api/agent/live-controls' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z
    .strictObject({
      action: z.literal('preview_live_event_schedule_change'),
      id: EventId.optional().describe('The event to change; leave out to preview a new one'),
      eventId: EventId.optional().describe('Alias of id'),
      ...previewFields,
      fanNotification: PreviewNotification.optional(),
      reason: z.string().max(800).optional(),
    })
    .refine((input) => !input.id || !input.eventId || input.id === input.eventId, {
      path: ['eventId'],
      message: 'must equal id when both are given',
    }),
  output: PreviewOutput,
  errors: ['not-found'],
  audit: {
    none: 'A preview changes nothing.',
    attribution: 'Not recorded; the write that follows is, with its preview’s digest.',
  },
  of(input) {
    const { action: _action, id, eventId = id, reason: _reason, ...fields } = input
    if (eventId) return { write: eventsScheduleConfirmedUpdate, input: { eventId, ...fields } }
    return { write: eventsScheduleConfirmedCreate, input: fields }
  },
  present(_ctx, plan) {
    const creates = plan.target.id === null
    const write = creates ? eventsScheduleConfirmedCreate : eventsScheduleConfirmedUpdate
    return presentPreview(
      'agent-live-schedule-preview.v1',
      plan,
      write,
      creates ? 'event_create' : updateActions(plan.changes)[0],
    )
  },
})
