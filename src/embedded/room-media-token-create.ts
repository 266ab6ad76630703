import { z } from 'zod'
import { type Context, record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { mediaProvider, mediaRoomName } from './media.ts'
import { requireEntry } from './room-join.ts'
import { hasMedia, newMediaParticipantId, type Role } from './rules.ts'
import { RoomId } from './schema.ts'
import { type Seen, seenRoom } from './seen.ts'
import { noteMediaToken } from './store.ts'

const Answer = z.object({
  ok: z.literal(true),
  status: z
    .enum(['issued', 'external-link', 'provider-not-configured', 'room-not-live'])
    .describe('Only issued carries a token, only external-link a link'),
  provider: z.enum(['none', 'signed_token', 'external_url']),
  url: z.string().nullable(),
  token: z.string().nullable(),
  expiresAt: z.string().nullable(),
  detail: z.string(),
})

export const roomMediaTokenCreate = record({
  id: 'embedded.room.media-token.create',
  tool: 'embedded_room_media_token_create',
  surface: 'embedded-rooms',
  summary: 'Mint a short-lived token for the media of an embedded room, for oneself.',
  boundaries: [
    'The token is a bearer credential: it is for the caller, is never stored or logged, and stays out of transcripts.',
    'Signed-in people join first; guests get one where the room is public.',
    'Before the room is live only who is on stage gets one. Without a provider the status says so.',
  ],
  http: { method: 'POST', path: '/api/agent/embedded-rooms/media-token' },
  access: { auth: 'optional-session' },
  input: z.strictObject({ roomId: RoomId }),
  output: Answer,
  errors: ['not-found', 'forbidden', 'conflict'],
  unstored: true,
  audit: { none: 'Notes when the participant last got a token; the token itself is nowhere.' },
  async run(ctx, { roomId }) {
    const seen = await seenRoom(ctx, roomId)
    const { role } = requireEntry(seen.entry)
    return { ok: true as const, provider: seen.room.mediaProvider, ...(await mediaOf(ctx, seen, role)) }
  },
})

const none = { url: null, token: null, expiresAt: null }

async function mediaOf(
  ctx: Context,
  { room, participant }: Seen,
  entered: Role | null,
): Promise<Omit<z.infer<typeof Answer>, 'ok' | 'provider'>> {
  const role = entered ?? 'attendee'
  const provider = mediaProvider(ctx.deps.config.media)
  const link = room.mediaProvider === 'external_url' ? room.mediaJoinUrl : null
  if (link === null && (room.mediaProvider !== 'signed_token' || !provider))
    return {
      status: 'provider-not-configured',
      ...none,
      detail: 'No media provider is set up for this room.',
    }
  if (!hasMedia(room.status, role))
    return { status: 'room-not-live', ...none, detail: `${room.title} is ${room.status}.` }
  if (ctx.principal.kind !== 'guest' && !(participant && (await isIn(ctx, participant))))
    fail('conflict', {
      detail: 'You are not in this room.',
      nextAction: 'Join the room, then ask for the token.',
    })
  if (link !== null || !provider)
    return { status: 'external-link', ...none, url: link, detail: 'Meet at this link.' }
  const { url, token, expiresAt } = await provider.createToken({
    room: mediaRoomName(ctx.org, room),
    preset: room.mediaPresetName,
    identity: participant?.mediaParticipantId ?? newMediaParticipantId(),
    displayName: participant?.displayName ?? ctx.principal.displayName,
    role,
    now: ctx.now,
  })
  const until = expiresAt.toISOString()
  return { status: 'issued', url, token, expiresAt: until, detail: `Connect before ${until}.` }
}

/** Asked of the row and in the statement that notes the token: a removal before it counts. */
const isIn = (ctx: Context, participant: NonNullable<Seen['participant']>): Promise<boolean> =>
  noteMediaToken(ctx.db, ctx.org, participant, ctx.now)
