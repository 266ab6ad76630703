import type { Deps } from '../../deps.ts'
import { entryRefusal, type Position, resumption } from '../room/rules.ts'
import { type EntryRow, findRoomFor, findRoomState, listEntries } from '../room/store.ts'
import { presentEntry, snapshotOf } from '../room/view.ts'
import { BUFFER_CAP, type Connection, end, send, sendText, sendWire, wireFrame } from './connection.ts'
import { PROTOCOL, type ServerFrame } from './protocol.ts'
import type { Claims } from './token.ts'

/**
 * The sockets of one room in this process. It is where its live connections are in the log: what comes after is read
 * once, written as one frame, and sent to all of them.
 */
export type Hub = {
  org: string
  eventId: string
  epoch: string
  /** The last entry that was sent to everybody who is live. */
  seq: number
  connections: Set<Connection>
  /** The reading under way. */
  reading: Promise<void> | undefined
  grew: boolean
  flushedAt: number
  timer: NodeJS.Timeout | undefined
  unfollow: () => void
  presence: { listeners: number; signedIn: number }
}

type HubDeps = Pick<Deps, 'db' | 'feed' | 'log'>

/**
 * At least 100 ms between two frames to one room: at 100 notes a second ten are in a frame, which costs little more than
 * a frame with one; and a note is still there within little more than a tenth of a second.
 */
const FLUSH_MS = 100
const PAGE = 500

/** A room's hub at the present end of the log, following it; undefined when there is no such room. */
export async function openHub(deps: HubDeps, org: string, eventId: string): Promise<Hub | undefined> {
  let hub: Hub | undefined
  // followed before the position is read, so that nothing grows unseen in between
  const unfollow = deps.feed.follow(org, `room/${eventId}`, () => hub && schedule(deps, hub))
  const state = await findRoomState(deps.db, org, eventId).catch((error: unknown) => {
    unfollow()
    throw error
  })
  if (!state) {
    unfollow()
    return undefined
  }
  const { epoch, seq } = state
  const connections = new Set<Connection>()
  const presence = { listeners: 0, signedIn: 0 }
  hub = {
    org,
    eventId,
    epoch,
    seq,
    connections,
    reading: undefined,
    grew: false,
    flushedAt: 0,
    timer: undefined,
    unfollow,
    presence,
  }
  schedule(deps, hub)
  return hub
}

export function closeHub(hub: Hub): void {
  hub.unfollow()
  clearTimeout(hub.timer)
}

/** At once where the last frame is some time ago, else when its time is over. */
function schedule(deps: HubDeps, hub: Hub): void {
  if (hub.reading) hub.grew = true
  hub.timer ??= setTimeout(
    () => {
      hub.timer = undefined
      void flush(deps, hub)
    },
    Math.max(0, hub.flushedAt + FLUSH_MS - performance.now()),
  )
}

/** Reads what came after the hub's position and sends it; one reading at a time. */
function flush(deps: HubDeps, hub: Hub): Promise<void> {
  if (hub.connections.size === 0) return Promise.resolve()
  hub.reading ??= read(deps, hub).finally(() => {
    hub.reading = undefined
    if (hub.grew) schedule(deps, hub)
  })
  return hub.reading
}

async function read(deps: HubDeps, hub: Hub): Promise<void> {
  hub.grew = false
  hub.flushedAt = performance.now()
  try {
    const rows = await listEntries({ query: deps.db.read }, hub.org, hub.eventId, hub.seq, PAGE)
    hub.grew ||= rows.length === PAGE
    if (rows.length > 0) tellAll(hub, rows)
  } catch (error) {
    // the periodic look at the heads tries again
    deps.log.warn({ err: error, eventId: hub.eventId }, 'room log not read')
  }
}

const frameOf = (rows: readonly EntryRow[]): Buffer => {
  const frame: ServerFrame = {
    type: 'entries',
    from: (rows[0] as EntryRow).seq,
    to: (rows.at(-1) as EntryRow).seq,
    entries: rows.map(presentEntry),
  }
  return Buffer.from(JSON.stringify(frame))
}

/** One frame for everybody who is live, then what the entries mean for those who are here. */
function tellAll(hub: Hub, rows: readonly EntryRow[]): void {
  const before = hub.seq
  hub.seq = (rows.at(-1) as EntryRow).seq
  broadcast(hub, frameOf(rows), before)
  for (const row of rows) expel(hub, row)
}

/** Those whose buffer is full are left behind and catch up from the log. */
export function broadcast(hub: Hub, frame: Buffer, before: number = hub.seq): void {
  const wire = wireFrame(frame)
  for (const connection of hub.connections) {
    if (connection.state !== 'live') continue
    if (connection.ws.bufferedAmount > BUFFER_CAP) leaveBehind(connection, before)
    else sendWire(connection, wire)
  }
}

function leaveBehind(connection: Connection, seq: number): void {
  connection.state = 'slow'
  connection.seq = seq
  connection.slowSince = Date.now()
}

/** Ends the sockets of those whom an entry shuts out: removed people, and everybody a changed room is not for. */
function expel(hub: Hub, { kind, detail }: EntryRow): void {
  if (kind === 'roster' && detail.status === 'removed') {
    for (const each of hub.connections)
      if (each.claims.person === detail.person) end(each, 'removed-from-room')
    return
  }
  if (kind !== 'status' && kind !== 'settings') return
  const room = { status: String(detail.status ?? 'live'), subscriberOnly: detail.subscriberOnly === true }
  for (const each of hub.connections) {
    const { sees, subscriber } = each.claims
    const refused = entryRefusal(room, { moderates: sees, subscriber, removed: false })
    if (refused) end(each, refused)
  }
}

/**
 * Lets a connection into the room and brings it to where the room is. It is in the hub before its right to be here is
 * looked at: what shuts it out later finds it, and what shut it out before is seen here.
 */
export async function enter(
  deps: HubDeps,
  hub: Hub,
  connection: Connection,
  position: Position | undefined,
): Promise<void> {
  const { claims } = connection
  const state = await findRoomFor(deps.db, hub.org, hub.eventId, userOf(claims))
  if (!state) return end(connection, 'not-found')
  const refused = entryRefusal(state, {
    moderates: claims.sees,
    subscriber: claims.subscriber,
    // removed, or removed and let in again, since the token was made
    removed: state.removed || (claims.signedIn && state.generation !== claims.generation),
  })
  if (refused) return end(connection, refused)
  const reason = resumption(position, state)
  const head = { epoch: state.epoch, seq: state.seq }
  send(connection, {
    type: 'subscribed',
    protocol: PROTOCOL,
    position: head,
    resumed: reason === undefined,
    reauthoriseBy: new Date(connection.until).toISOString(),
  })
  if (reason) {
    const snapshot = await snapshotOf(deps.db, hub.org, state)
    send(connection, { type: 'reset', reason, position: head, snapshot })
    connection.seq = head.seq
  } else connection.seq = (position as Position).seq
  send(connection, { type: 'presence', ...hub.presence })
  await catchUp(deps, hub, connection)
}

const userOf = ({ signedIn, person }: Claims): string | null =>
  signedIn ? person.slice('user:'.length) : null

/**
 * Sends what a connection misses, from the log, until it is where the room is; then it is live. Where it is ahead of the
 * room, which has not read yet what its position says, the room is made to read; the connection takes no part in that.
 */
export async function catchUp(deps: HubDeps, hub: Hub, connection: Connection): Promise<void> {
  connection.state = 'catching-up'
  while (connection.seq !== hub.seq) {
    if (connection.ws.bufferedAmount > BUFFER_CAP) return leaveBehind(connection, connection.seq)
    const before = { room: hub.seq, own: connection.seq }
    if (connection.seq > hub.seq) await flush(deps, hub)
    else await sendMissed(deps, hub, connection)
    if ((connection.state as Connection['state']) === 'ended') return
    if (before.room === hub.seq && before.own === connection.seq) return end(connection, 'unavailable')
  }
  connection.state = 'live'
}

async function sendMissed(deps: HubDeps, hub: Hub, connection: Connection): Promise<void> {
  const rows = await listEntries(deps.db, hub.org, hub.eventId, connection.seq, PAGE)
  const last = rows.at(-1)
  if (!last || connection.state === 'ended') return
  sendText(connection.ws, frameOf(rows))
  connection.seq = last.seq
}
