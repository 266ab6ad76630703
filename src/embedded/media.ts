import { SignJWT } from 'jose'
import { type EmbeddedRoom, ON_STAGE, type Role } from './rules.ts'

/** Where tokens for the media of embedded rooms come from, as configured. */
export type MediaConfig = { url: string; key: string; secret: string }

/** Whom a token lets in, and where. `room` is the provider's name of it, with the organisation in it. */
export type MediaGrant = {
  room: string
  preset: string | null
  identity: string
  displayName: string
  role: Role
  now: Date
}

/** A bearer credential: for that person alone, and kept nowhere. */
export type MediaToken = { url: string; token: string; expiresAt: Date }

export type MediaProvider = { name: string; createToken(grant: MediaGrant): Promise<MediaToken> }

/** Long enough to connect and to reconnect; the provider asks for a token only when somebody connects. */
export const MEDIA_TOKEN_SECONDS = 300

/** The provider that is configured, if any. */
export const mediaProvider = (config: MediaConfig | undefined): MediaProvider | undefined =>
  config && signedTokens(config)

/**
 * Access tokens as LiveKit reads them (https://docs.livekit.io/home/get-started/authentication/): HS256, the key as
 * issuer, the identity as subject, what is allowed in `video`.
 */
function signedTokens({ url, key, secret }: MediaConfig): MediaProvider {
  const signingKey = new TextEncoder().encode(secret)
  return {
    name: 'signed_token',
    async createToken(grant) {
      const issued = Math.floor(grant.now.getTime() / 1000)
      const expires = issued + MEDIA_TOKEN_SECONDS
      const token = await new SignJWT({
        name: grant.displayName,
        video: videoGrant(grant),
        ...(grant.preset === null ? {} : { roomPreset: grant.preset }),
      })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setIssuer(key)
        .setSubject(grant.identity)
        .setNotBefore(issued)
        .setExpirationTime(expires)
        .sign(signingKey)
      return { url, token, expiresAt: new Date(expires * 1000) }
    },
  }
}

/** Who is on stage is seen and heard; everybody else watches and listens. Hosts also run the room. */
const videoGrant = ({ room, role }: MediaGrant) => ({
  room,
  roomJoin: true,
  canSubscribe: true,
  canPublish: ON_STAGE.includes(role),
  canPublishData: ON_STAGE.includes(role),
  ...(role === 'host' || role === 'co_host' ? { roomAdmin: true } : {}),
})

/** The provider's name of a room: the organisation first, so that no setup leads into another organisation's media. */
export const mediaRoomName = (org: string, room: Pick<EmbeddedRoom, 'id' | 'mediaRoomId'>): string =>
  `${org}/${room.mediaRoomId ?? room.id}`

/** Whether people can meet in a room by what is set up for it and configured here. */
export function mediaConfigured(
  room: Pick<EmbeddedRoom, 'mediaProvider' | 'mediaJoinUrl'>,
  config: MediaConfig | undefined,
): boolean {
  if (room.mediaProvider === 'external_url') return room.mediaJoinUrl !== null
  return room.mediaProvider === 'signed_token' && config !== undefined
}
