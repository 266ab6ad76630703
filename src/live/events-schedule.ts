import { z } from 'zod'
import { write } from '../operation/define.ts'
import { createRoom } from './apply.ts'
import { planCreate } from './plan.ts'
import { createActions } from './rules.ts'
import { DryRun, previewFields, WriteOutput } from './schema.ts'

export const eventsSchedule = write({
  id: 'live.events.schedule',
  tool: 'live_events_schedule',
  surface: 'live-controls',
  summary: 'Create a live event directly, as an admin or approved automation.',
  boundaries: [
    'Agents use the preview and the confirmed create; a grant writes here only by an approval of the same plan.',
    'Stream values are stored, and shown only as set or not set.',
    'Nobody is notified; the confirmed create does that.',
  ],
  http: { method: 'POST', path: '/api/admin/live-events' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({ ...previewFields, dryRun: DryRun }),
  output: WriteOutput,
  errors: ['plan-blocked', 'status-forbidden', 'status-not-ready', 'approval-required'],
  status: 201,
  confirmation: {
    kind: 'live-schedule',
    reason: 'A new event can show listeners a new room, its time and its rules.',
    contractId: 'creator.live.schedule-and-status',
    action: 'creator.live.schedule.create-directly',
    envelope: false,
  },
  audit: {
    event: ({ changes }) => createActions(changes),
    record: 'live_events + live_event_admin_actions',
    attribution: 'The redacted new event, with the identity of the admin or the automation.',
  },
  preview: planCreate,
  async apply(ctx, plan, _input, subject) {
    const event = await createRoom(ctx, subject.room)
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, event },
      previous: null,
      next: event,
    }
  },
})
