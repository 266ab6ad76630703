import { z } from 'zod'
import type { Position, ResetReason } from '../room/rules.ts'
import type { Entry, Snapshot } from '../room/schema.ts'

/** The protocol of a room's socket; docs/live-rooms.md tells it to those who write clients. */
export const PROTOCOL = 'countersign.live.v1' as const
export const SOCKET_PATH = '/api/live/socket'

/** What a client sends, one JSON object in each text frame. */
export const ClientFrame = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('subscribe'),
    token: z.string().max(2_000),
    position: z.strictObject({ epoch: z.string().max(40), seq: z.int().min(0) }).optional(),
  }),
  z.strictObject({ type: z.literal('reauthorise'), token: z.string().max(2_000) }),
  z.strictObject({ type: z.literal('ping') }),
])
export type ClientFrame = z.output<typeof ClientFrame>

/** What the server sends. `entries` has every entry from `from` to `to`, without gaps. */
export type ServerFrame =
  | {
      type: 'subscribed'
      protocol: typeof PROTOCOL
      position: Position
      resumed: boolean
      reauthoriseBy: string
    }
  | { type: 'reset'; reason: ResetReason; position: Position; snapshot: Snapshot }
  | { type: 'entries'; from: number; to: number; entries: readonly Entry[] }
  | { type: 'presence'; listeners: number; signedIn: number }
  | { type: 'reauthorise'; by: string }
  | { type: 'reauthorised'; reauthoriseBy: string }
  | { type: 'ended'; reason: EndReason; nextAction: string }
  | { type: 'pong' }

/** Why a socket is ended by the server: its close code, and what the client can do next. */
export const ENDS = {
  'protocol-error': {
    code: 4000,
    nextAction: 'Send what the protocol documents, as JSON text of at most 8 KiB.',
  },
  unauthorised: { code: 4001, nextAction: 'Get a new token and subscribe with your last position.' },
  'removed-from-room': { code: 4003, nextAction: 'Ask the people who run the room to let you in again.' },
  'not-found': { code: 4004, nextAction: 'The room is not open; read the manifest.' },
  'subscribers-only': {
    code: 4005,
    nextAction: 'Subscribe and confirm the subscription, then get a new token.',
  },
  slow: { code: 4008, nextAction: 'Connect again with your last position; what you missed is sent.' },
  unresponsive: { code: 4009, nextAction: 'Answer pings; connect again with your last position.' },
  restarting: { code: 1012, nextAction: 'Connect again with your last position.' },
  unavailable: { code: 1013, nextAction: 'Connect again with your last position in a few seconds.' },
} as const satisfies Record<string, { code: number; nextAction: string }>
export type EndReason = keyof typeof ENDS

/** A client's frame, or undefined when it is none. */
export function parseFrame(text: string): ClientFrame | undefined {
  try {
    return ClientFrame.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
