import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { type Context, read } from '../operation/define.ts'
import { ON_STAGE } from './rules.ts'
import { RoomId, RosterSchema } from './schema.ts'
import { administers, seenRoom } from './seen.ts'
import { listParticipants } from './store.ts'
import { presentRoster } from './view.ts'

/** What a manifest carries of a roster, and a page when nothing else is asked for. */
export const ROSTER_PAGE = 100

export const roomRosterRead = read({
  id: 'embedded.room.roster.read',
  tool: 'embedded_room_roster_read',
  surface: 'embedded-rooms',
  summary: 'Read the roster of an embedded room, by e-mail address.',
  boundaries: [
    'Who does not administer sees who is on stage, without e-mail addresses.',
    'No account, provider id, preset or time of a media token is shown, to nobody.',
  ],
  http: { method: 'GET', path: '/api/agent/embedded-rooms/roster' },
  access: { auth: 'optional-session' },
  input: z.strictObject({
    roomId: RoomId,
    cursor: z.string().min(1).max(2000).optional(),
    limit: z.int().min(1).max(200).optional(),
  }),
  output: z.object({ ok: z.literal(true), roster: RosterSchema, nextCursor: z.string().nullable() }),
  errors: ['not-found', 'cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { roomId, cursor, limit = ROSTER_PAGE }) {
    await seenRoom(ctx, roomId)
    const listing = { list: 'embedded-room-roster', filters: { roomId, all: administers(ctx.principal) } }
    const [after = null] = readCursor(ctx, listing, cursor, z.tuple([z.string()])) ?? []
    const { participants, next } = await rosterPage(ctx, roomId, { after, limit })
    return {
      ok: true as const,
      roster: presentRoster(roomId, participants, administers(ctx.principal)),
      nextCursor: next === null ? null : signCursor(ctx, listing, [next]),
    }
  },
})

/** A page of the roster as far as the caller sees it, and the position of the next one, null after the last. */
export async function rosterPage(
  ctx: Context,
  roomId: string,
  { after, limit }: { after: string | null; limit: number },
) {
  const onStage = !administers(ctx.principal)
  const filter = { onStage, stageRoles: ON_STAGE, after, limit: limit + 1 }
  const rows = await listParticipants(ctx.db, ctx.org, roomId, filter)
  const participants = rows.slice(0, limit)
  return { participants, next: rows.length > limit ? (participants.at(-1)?.email ?? null) : null }
}
