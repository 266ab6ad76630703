import { z } from 'zod'
import { presentPreview } from '../live/present-preview.ts'
import { PreviewOutput } from '../live/schema.ts'
import { preview } from '../operation/define.ts'
import { roomStageManage } from './room-stage-manage.ts'
import { rosterFields } from './schema.ts'

export const roomRosterPreview = preview({
  id: 'embedded.room.roster.preview',
  tool: 'embedded_room_roster_preview',
  surface: 'embedded-rooms',
  summary: 'Preview inviting, promoting, moving, removing or restoring one participant.',
  boundaries: ['Stores nothing, lets nobody in or out.'],
  http: { method: 'POST', path: '/api/agent/embedded-rooms' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({ action: z.literal('preview_embedded_room_roster_change'), ...rosterFields }),
  output: PreviewOutput,
  errors: ['not-found'],
  audit: {
    none: 'A preview changes nothing.',
    attribution: 'Not recorded; the write that follows is, with its preview’s digest.',
  },
  of: ({ action: _action, ...input }) => ({ write: roomStageManage, input }),
  present: (_ctx, plan) =>
    presentPreview(
      'agent-embedded-room-roster-preview.v1',
      plan,
      roomStageManage,
      String(plan.details.change),
    ),
})
