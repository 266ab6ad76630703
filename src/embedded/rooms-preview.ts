import { z } from 'zod'
import { presentPreview } from '../live/present-preview.ts'
import { PreviewOutput } from '../live/schema.ts'
import { preview } from '../operation/define.ts'
import { roomsConfirmedCreate } from './rooms-confirmed-create.ts'
import { roomsConfirmedUpdate } from './rooms-confirmed-update.ts'
import { Access, RoomId, roomFields, Title } from './schema.ts'

export const roomsPreview = preview({
  id: 'embedded.rooms.preview',
  tool: 'embedded_rooms_preview',
  surface: 'embedded-rooms',
  summary: 'Preview creating or changing an embedded room: what would change and what to confirm.',
  boundaries: [
    'Stores nothing, lets nobody in.',
    'Media setup is never shown, only whether it is there.',
    'Without roomId it previews a new room, which needs a title and its access.',
  ],
  http: { method: 'POST', path: '/api/agent/embedded-rooms' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z
    .strictObject({
      action: z.literal('preview_embedded_room_change'),
      roomId: RoomId.optional().describe('The room to change; leave out to preview a new one'),
      title: Title.optional(),
      access: Access.optional(),
      ...roomFields,
    })
    .refine(({ roomId, title }) => roomId !== undefined || title !== undefined, {
      path: ['title'],
      message: 'is needed for a new room',
    })
    .refine(({ roomId, access }) => roomId !== undefined || access !== undefined, {
      path: ['access'],
      message: 'is needed for a new room',
    }),
  output: PreviewOutput,
  errors: ['not-found'],
  audit: {
    none: 'A preview changes nothing.',
    attribution: 'Not recorded; the write that follows is, with its preview’s digest.',
  },
  of({ action: _action, roomId, ...fields }) {
    if (roomId !== undefined) return { write: roomsConfirmedUpdate, input: { roomId, ...fields } }
    return { write: roomsConfirmedCreate, input: fields }
  },
  present(_ctx, plan) {
    const creates = plan.target.id === null
    return presentPreview(
      'agent-embedded-room-preview.v1',
      plan,
      creates ? roomsConfirmedCreate : roomsConfirmedUpdate,
      creates ? 'room_create' : 'room_update',
    )
  },
})
