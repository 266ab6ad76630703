import { z } from 'zod'
import { read } from '../operation/define.ts'
import { moderates, requireEntry, subscribes } from './room/entry.ts'
import { PositionSchema } from './room/schema.ts'
import { EventId } from './schema.ts'
import { PROTOCOL, SOCKET_PATH } from './socket/protocol.ts'
import { CONNECT_WITHIN_S, mintToken } from './socket/token.ts'

export const socketTokenCreate = read({
  id: 'live.socket-token.create',
  tool: 'live_socket_token_create',
  surface: 'live-controls',
  summary: 'Get a short-lived token that opens the room’s socket, for presence and notes as they come.',
  boundaries: [
    'The token is a bearer credential of one person in one room; keep it out of transcripts and urls.',
    'It opens a socket for a minute; a person who is removed cannot use it any more.',
  ],
  http: { method: 'POST', path: '/api/live/socket-token' },
  access: { auth: 'optional-session' },
  input: z.strictObject({
    eventId: EventId,
    viewerId: z
      .string()
      .regex(/^[\w.:-]{1,120}$/, 'must be 1 to 120 letters, digits or any of . : _ -')
      .describe('What the client calls this viewer; counts guests apart'),
  }),
  output: z.object({
    ok: z.literal(true),
    token: z.string(),
    expiresAt: z.string().describe('Connect before'),
    url: z.string().describe('The socket; the token goes into its first frame'),
    protocol: z.literal(PROTOCOL),
    position: PositionSchema.describe('Where the room’s log ends now'),
  }),
  errors: ['not-found', 'subscribers-only', 'removed-from-room'],
  audit: { none: 'Nothing changes; the token names the viewer and the person.' },
  async run(ctx, { eventId, viewerId }) {
    const { room, visitor } = await requireEntry(ctx, eventId)
    const { principal } = ctx
    const token = await mintToken(ctx.deps.sealing, ctx.now, {
      org: ctx.org,
      eventId,
      person: principal.userId ? `user:${principal.userId}` : `viewer:${viewerId}`,
      signedIn: principal.userId !== null,
      moderates: moderates(principal),
      sees: visitor.moderates,
      // of now, for a room that becomes one for subscribers later
      subscriber: await subscribes(ctx.db, principal),
      generation: room.generation,
    })
    return {
      ok: true as const,
      token,
      expiresAt: new Date(ctx.now.getTime() + CONNECT_WITHIN_S * 1000).toISOString(),
      url: `${ctx.call.origin.replace(/^http/, 'ws')}${SOCKET_PATH}`,
      protocol: PROTOCOL,
      position: { epoch: room.epoch, seq: room.seq },
    }
  },
})
