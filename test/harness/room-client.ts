import { vi } from 'vitest'
import { WebSocket } from 'ws'
import type { Caller } from './app.ts'

export type Position = { epoch: string; seq: number }
export type Note = { id: string; seq: number; body: string | null; status: string; pinned: boolean }
export type Frame = { type: string; [field: string]: any }

/** A client of a room’s socket as the protocol tells it: it keeps a view, its position, and what it was sent. */
export type RoomClient = {
  frames: Frame[]
  /** Notes by id, as the client would show them. */
  view: Map<string, Note>
  position: Position | undefined
  /** Places that came twice, and places that were left out. */
  duplicates: number
  gaps: number
  /** Words that came of a note that is hidden, or that was hidden before this socket was opened. */
  shownAfterHiding: number
  closed: { code: number; reason: string } | undefined
  /** Ends the socket as a network does. */
  drop(): void
  /** Stops to read from the network, and goes on. */
  pause(): void
  resume(): void
  send(frame: unknown): void
  /** Waits until a frame of this type is there. */
  frame(type: string, count?: number): Promise<Frame>
}

export async function tokenFor(
  caller: Pick<Caller, 'call'>,
  eventId: string,
  viewerId = 'viewer-1',
): Promise<{ token: string; url: string }> {
  const reply = await caller.call('POST', '/api/live/socket-token', { eventId, viewerId })
  if (reply.status !== 200) throw new Error(`socket token: ${JSON.stringify(reply.body)}`)
  return reply.body as { token: string; url: string }
}

/**
 * Opens a socket and subscribes, going on from another client’s view and position where there is one. `hidden` are notes
 * that were hidden for good before.
 */
export function openRoom(
  { token, url }: { token: string; url: string },
  before: Pick<RoomClient, 'view' | 'position'> = { view: new Map(), position: undefined },
  hidden: ReadonlySet<string> = new Set(),
): RoomClient {
  const ws = new WebSocket(url)
  const client: RoomClient = {
    frames: [],
    view: new Map(before.view),
    position: before.position,
    ...{ duplicates: 0, gaps: 0, shownAfterHiding: 0, closed: undefined },
    drop: () => ws.terminate(),
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    send: (frame) => ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    frame: (type, count = 1) =>
      vi.waitFor(
        () => {
          const found = client.frames.filter((frame) => frame.type === type)
          if (found.length < count) throw new Error(`${found.length} of ${count} ${type} frames`)
          return found[count - 1] as Frame
        },
        { timeout: 15_000, interval: 10 },
      ),
  }
  ws.on('error', () => {})
  ws.on('open', () => client.send({ type: 'subscribe', token, position: client.position }))
  ws.on('message', (data) => take(client, JSON.parse(String(data)) as Frame, hidden))
  ws.on('close', (code, reason) => {
    client.closed = { code, reason: String(reason) }
  })
  return client
}

function take(client: RoomClient, frame: Frame, hidden: ReadonlySet<string>): void {
  client.frames.push(frame)
  if (frame.type === 'reset') {
    client.view.clear()
    for (const note of [...frame.snapshot.pinned, ...frame.snapshot.messages]) show(client, note, hidden)
    client.position = frame.position
  }
  if (frame.type !== 'entries') return
  for (const entry of frame.entries) {
    const { epoch, seq } = client.position as Position
    if (entry.seq <= seq) client.duplicates++
    if (entry.seq > seq + 1) client.gaps += entry.seq - seq - 1
    for (const note of entry.message ? [entry.message] : (entry.messages ?? [])) show(client, note, hidden)
    client.position = { epoch, seq: entry.seq }
  }
}

function show(client: RoomClient, note: Note, hidden: ReadonlySet<string>): void {
  if (note.body !== null && (note.status === 'hidden' || hidden.has(note.id))) client.shownAfterHiding++
  client.view.set(note.id, note)
}
