import { z } from 'zod'
import { record } from '../operation/define.ts'
import { ParticipantSchema, RoomId } from './schema.ts'
import { seenRoom } from './seen.ts'
import { leaveParticipant } from './store.ts'
import { presentParticipant } from './view.ts'

export const roomLeave = record({
  id: 'embedded.room.leave',
  tool: 'embedded_room_leave',
  surface: 'embedded-rooms',
  summary: 'Leave an embedded room, or decline its invitation, as oneself.',
  boundaries: [
    'Changes the caller’s own entry and no other.',
    'Who is on no roster, has left or was removed leaves nothing: the answer says what is.',
  ],
  http: { method: 'POST', path: '/api/agent/embedded-rooms/leave' },
  access: { auth: 'signed-in-listener' },
  input: z.strictObject({ roomId: RoomId }),
  output: z.object({ ok: z.literal(true), participant: ParticipantSchema.nullable() }),
  errors: ['not-found'],
  audit: { event: 'room_leave', target: ({ roomId }) => ({ kind: 'embedded-room', id: roomId }) },
  async run(ctx, { roomId }) {
    const { participant } = await seenRoom(ctx, roomId, 'enter')
    if (!participant) return { ok: true as const, participant: null }
    const left = await leaveParticipant(ctx.db, ctx.org, participant, ctx.now)
    return { ok: true as const, participant: presentParticipant(left ?? participant, true) }
  },
})
