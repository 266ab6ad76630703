import { z } from 'zod'
import { Envelope } from '../live/schema.ts'
import { write } from '../operation/define.ts'
import { planRoomCreate } from './plan.ts'
import { newRoomId } from './rules.ts'
import { Access, RoomWriteOutput, roomFields, Title } from './schema.ts'
import { asAdministrator } from './seen.ts'
import { insertRoom } from './store.ts'
import { NOBODY, presentRoom } from './view.ts'

export const roomsConfirmedCreate = write({
  id: 'embedded.rooms.confirmed-create',
  tool: 'fanful_creator_embedded_room_create',
  surface: 'embedded-rooms',
  summary: 'Create an embedded room as previewed: its access, its time, its media setup.',
  boundaries: [
    'Needs the exact text of a create preview, an idempotency key, a correlation id and a reason.',
    'Creates the room only; people come onto its roster by the roster write.',
    'Media setup is accepted and stored, never shown.',
  ],
  http: { method: 'POST', path: '/api/agent/embedded-rooms' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    action: z.literal('confirm_embedded_room_create'),
    title: Title,
    access: Access,
    ...roomFields,
    envelope: Envelope,
  }),
  output: RoomWriteOutput,
  errors: ['not-found', 'plan-blocked', 'status-forbidden', 'approval-required'],
  status: 201,
  confirmation: {
    kind: 'live-schedule',
    reason: 'A new room decides who may enter by what, and can be shown in the calendar.',
    contractId: 'creator.embedded-rooms.setup',
    action: 'creator.embedded-rooms.create',
    envelope: true,
  },
  audit: {
    event: 'room_create',
    record: 'embedded_rooms + embedded_room_admin_actions + agent_write_idempotency_keys',
    attribution: 'The redacted new room, with identity, client, idempotency key and correlation id.',
  },
  preview: planRoomCreate,
  async apply(ctx, plan, _input, subject) {
    const made = { ...subject, id: newRoomId(subject.title), createdAt: ctx.now }
    await insertRoom(ctx.db, ctx.org, made)
    const room = presentRoom({ ...made, version: 1, updatedAt: ctx.now, stats: NOBODY }, asAdministrator(ctx))
    return { output: { ok: true as const, mode: 'applied' as const, plan, room }, previous: null, next: room }
  },
})
