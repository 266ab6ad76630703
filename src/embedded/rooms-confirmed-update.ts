import { z } from 'zod'
import { DateTime, Envelope } from '../live/schema.ts'
import { write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { planRoomUpdate } from './plan.ts'
import { Access, RoomId, RoomWriteOutput, roomFields, Title } from './schema.ts'
import { asAdministrator } from './seen.ts'
import { updateRoom } from './store.ts'
import { tellLink } from './tell.ts'
import { presentRoom } from './view.ts'

export const roomsConfirmedUpdate = write({
  id: 'embedded.rooms.confirmed-update',
  tool: 'fanful_creator_embedded_room_update',
  surface: 'embedded-rooms',
  summary: 'Apply a previewed change to an embedded room: setup, access, status, linked live event.',
  boundaries: [
    'Fields left out stay as they are, null clears.',
    'Needs the exact text of the fresh preview and its observed updated_at; a stale one gets a fresh preview back.',
    'ended is final.',
  ],
  http: { method: 'POST', path: '/api/agent/embedded-rooms' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    action: z.literal('confirm_embedded_room_change'),
    roomId: RoomId,
    observedUpdatedAt: DateTime,
    title: Title.optional(),
    access: Access.optional(),
    ...roomFields,
    envelope: Envelope,
  }),
  output: RoomWriteOutput,
  errors: ['not-found', 'stale', 'plan-blocked', 'status-forbidden', 'approval-required'],
  confirmation: {
    kind: 'live-schedule',
    reason: 'A change of a room alters who may enter it, when and by what.',
    contractId: 'creator.embedded-rooms.setup',
    action: 'creator.embedded-rooms.update',
    envelope: true,
  },
  audit: {
    event: (plan) =>
      plan.changes.some(({ pointer }) => pointer === '/status') ? 'room_status_change' : 'room_update',
    record: 'embedded_rooms + embedded_room_admin_actions + agent_write_idempotency_keys',
    attribution:
      'The redacted room before and after, with identity, client, idempotency key and correlation id.',
  },
  preview: (ctx, input) => planRoomUpdate(ctx, input.roomId, input),
  async apply(ctx, plan, _input, { before, next }) {
    const moved = await updateRoom(ctx.db, ctx.org, next, ctx.now)
    if (!moved) fail('stale', { detail: `${before.title} changed meanwhile.`, extra: { plan } })
    await tellLink(ctx, before, next)
    const looking = asAdministrator(ctx)
    const room = presentRoom({ ...next, ...moved }, looking)
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, room },
      previous: presentRoom(before, looking),
      next: room,
    }
  },
})
