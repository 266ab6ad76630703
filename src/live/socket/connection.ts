import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { ENDS, type EndReason, type ServerFrame } from './protocol.ts'
import type { Claims } from './token.ts'

/** One subscribed socket. Few fields and no closures of its own: there are thousands of them in a process. */
export type Connection = {
  id: string
  ws: WebSocket
  /** What the WebSocket speaks over. */
  socket: Duplex
  claims: Claims
  /** Live ones are where their room is; the others get what they missed from the log first. */
  state: 'catching-up' | 'live' | 'slow' | 'ended'
  /** The last entry sent, where it is not live. */
  seq: number
  /** When it stopped to take what it is sent, ms. */
  slowSince: number
  /** Until when it is authorised, ms. */
  until: number
  asked: boolean
  answered: boolean
}

/** 256 KiB waiting: 1,000 notes. Whoever is further behind than that gets the rest from the log when there is room again. */
export const BUFFER_CAP = 262_144

export const send = ({ ws }: Connection, frame: ServerFrame): void =>
  sendText(ws, Buffer.from(JSON.stringify(frame)))

/** As text, uncompressed; `frame` is shared by all who get it. */
export function sendText(ws: WebSocket, frame: Buffer): void {
  if (ws.readyState === ws.OPEN) ws.send(frame, TEXT)
}
const TEXT = { binary: false, compress: false }

/** A whole unmasked text frame (RFC 6455, 5.2), which is the same for everybody it is sent to. */
export function wireFrame(text: Buffer): Buffer {
  const { length } = text
  if (length < 126) return Buffer.concat([Buffer.from([0x81, length]), text])
  const header = Buffer.alloc(length < 65_536 ? 4 : 10)
  header[0] = 0x81
  header[1] = length < 65_536 ? 126 : 127
  if (length < 65_536) header.writeUInt16BE(length, 2)
  else header.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([header, text])
}

/**
 * Writes a whole frame in one piece: half of what a send costs that makes its header for each socket. Nothing is
 * compressed here, so `ws` writes its own frames at once too, and none gets into another.
 */
export function sendWire({ ws, socket }: Connection, wire: Buffer): void {
  if (ws.readyState === ws.OPEN) socket.write(wire)
}

/** Says why, closes, and lets go of a peer that does not answer. */
export function end(
  connection: Pick<Connection, 'ws'> & { state?: Connection['state'] },
  reason: EndReason,
): void {
  const { ws } = connection
  connection.state = 'ended'
  const { code, nextAction } = ENDS[reason]
  sendText(ws, Buffer.from(JSON.stringify({ type: 'ended', reason, nextAction } satisfies ServerFrame)))
  ws.close(code, reason)
  setTimeout(() => ws.terminate(), CLOSE_MS).unref()
}

/** 2 s for the closing handshake; whoever was too slow to read will not read that either. */
const CLOSE_MS = 2_000
