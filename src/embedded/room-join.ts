import { z } from 'zod'
import { record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { addressOf } from './entry.ts'
import { isOpen, newMediaParticipantId, type Way } from './rules.ts'
import { EntrySchema, ParticipantSchema, RoomId } from './schema.ts'
import { personOf, seenRoom } from './seen.ts'
import { joinParticipant } from './store.ts'
import { presentParticipant } from './view.ts'

export const roomJoin = record({
  id: 'embedded.room.join',
  tool: 'embedded_room_join',
  surface: 'embedded-rooms',
  summary: 'Come into an embedded room as oneself, where its access and the roster let one in.',
  boundaries: [
    'Joins the caller and nobody else; automation and agents are nobody who comes in.',
    'Who was removed stays out, whatever else would let in.',
    'Guests enter public rooms without joining: they are on no roster.',
  ],
  http: { method: 'POST', path: '/api/agent/embedded-rooms/join' },
  access: { auth: 'signed-in-listener' },
  input: z.strictObject({ roomId: RoomId }),
  output: z.object({ ok: z.literal(true), participant: ParticipantSchema, entry: EntrySchema }),
  errors: ['not-found', 'forbidden', 'conflict'],
  audit: { event: 'room_join', target: ({ roomId }) => ({ kind: 'embedded-room', id: roomId }) },
  async run(ctx, { roomId }) {
    // shared: a roster write waits until this has happened, and this until a roster write has
    const seen = await seenRoom(ctx, roomId, 'enter')
    const { room, participant } = seen
    const entry = requireEntry(seen.entry)
    if (!isOpen(room.status)) fail('conflict', `${room.title} is ${room.status}.`)
    if (participant?.status === 'joined')
      return { ok: true as const, participant: presentParticipant(participant, true), entry }
    const person = personOf(ctx.principal)
    const email = participant?.email ?? (person && (await addressOf(ctx.db, person)))
    if (!email) fail('forbidden', 'Only somebody with an e-mail address can be on a roster.')
    const { userId, displayName } = ctx.principal
    const joined = await joinParticipant(
      ctx.db,
      ctx.org,
      {
        roomId: room.id,
        email,
        userId,
        displayName,
        role: entry.role ?? 'attendee',
        way: participant?.way ?? wayOf(entry.reason),
        mediaParticipantId: newMediaParticipantId(),
      },
      ctx.now,
    )
    if (!joined) fail('forbidden', REFUSALS.removed as string)
    return { ok: true as const, participant: presentParticipant(joined, true), entry }
  },
})

const wayOf = (reason: z.infer<typeof EntrySchema>['reason']): Way =>
  reason === 'purchase' || reason === 'membership' || reason === 'administers' ? reason : 'public'

const REFUSALS: Record<string, string> = {
  removed: 'You were removed from this room.',
  'purchase-required': 'This room is for who bought it.',
  'membership-required': 'This room is for members.',
  'not-invited': 'This room is by invitation.',
}

/** The entry of whom the rules let in. Errors: `forbidden`, with the reason. */
export function requireEntry(entry: z.infer<typeof EntrySchema> | null): z.infer<typeof EntrySchema> {
  if (entry?.allowed) return entry
  const reason = entry?.reason ?? 'people-only'
  return fail('forbidden', {
    detail: REFUSALS[reason] ?? 'Only people come into a room.',
    extra: { reason },
  })
}
