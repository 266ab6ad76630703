import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import type { Deps } from '../../deps.ts'
import { type Connection, end, send } from './connection.ts'
import { broadcast, catchUp, closeHub, enter, type Hub, openHub } from './hub.ts'
import { createPresence } from './presence.ts'
import { type ClientFrame, type EndReason, parseFrame, type ServerFrame, SOCKET_PATH } from './protocol.ts'
import { type Claims, verifyToken } from './token.ts'

/** 8 KiB: a token has 500 bytes, and nothing longer is ever sent by a client. */
const MAX_FRAME = 8_192
/** 10 s from connecting to the first frame. */
const SUBSCRIBE_MS = 10_000
/** A quarter of an hour: whoever may not be here any more for a reason that no log tells is out by then. */
const AUTHORISED_MS = 900_000
/** A minute to bring a new token. */
const ASK_MS = 60_000
/** 15 s without taking anything: no network that a talk could be followed over. */
const SLOW_MS = 15_000
const BEAT_MS = 1_000
/** Every 25th beat: below the 30 to 60 s after which proxies close a silent connection. */
const PING_BEATS = 25

/** Serves rooms' sockets on the server of an app. */
export function serveSockets(app: FastifyInstance, deps: Deps): void {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME,
    perMessageDeflate: false,
    clientTracking: false,
  })
  const node: Node = {
    deps,
    hubs: new Map(),
    connections: new Map(),
    open: new Set(),
    presence: createPresence(deps),
  }
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = request.url?.split('?')[0]
    if (path !== SOCKET_PATH) return void socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
    server.handleUpgrade(request, socket, head, (ws) => accept(node, ws, socket))
  }
  app.server.on('upgrade', onUpgrade)
  let beats = 0
  let beating: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    beats++
    beating = beat(node, beats).catch((error: unknown) => deps.log.warn({ err: error }, 'live sockets'))
  }, BEAT_MS).unref()
  app.addHook('preClose', async () => {
    clearInterval(timer)
    app.server.off('upgrade', onUpgrade)
    await beating
    for (const ws of node.open) end({ ws }, 'restarting')
    // a peer that closes does so at once; the others are not waited for
    const until = Date.now() + DRAIN_MS
    while (node.open.size > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 10))
    for (const ws of node.open) ws.terminate()
    for (const connection of node.connections.values()) forget(node, connection)
    await node.presence
      .close()
      .catch((error: unknown) => deps.log.warn({ err: error }, 'presence not written'))
  })
}

/** 500 ms for closing handshakes when the process goes. */
const DRAIN_MS = 500

/** What one process knows of its sockets. */
type Node = {
  deps: Deps
  hubs: Map<string, Promise<Hub | undefined>>
  connections: Map<WebSocket, Connection>
  open: Set<WebSocket>
  presence: ReturnType<typeof createPresence>
}

function accept(node: Node, ws: WebSocket, socket: Duplex): void {
  node.open.add(ws)
  const late = setTimeout(() => end({ ws }, 'unauthorised'), SUBSCRIBE_MS).unref()
  ws.on('error', () => {})
  ws.once('message', () => clearTimeout(late))
  ws.on('message', (data, isBinary) => void received(node, { ws, socket }, data, isBinary))
  ws.once('close', () => {
    clearTimeout(late)
    node.open.delete(ws)
    const connection = node.connections.get(ws)
    if (connection) forget(node, connection)
  })
}

type Open = Pick<Connection, 'ws' | 'socket'>

async function received(node: Node, open: Open, data: RawData, isBinary: boolean): Promise<void> {
  const { ws } = open
  const frame = isBinary ? undefined : parseFrame(String(data))
  if (!frame) return end({ ws }, 'protocol-error')
  try {
    const connection = node.connections.get(ws)
    if (frame.type === 'subscribe') await subscribe(node, open, frame)
    else if (!connection) end({ ws }, 'protocol-error')
    else if (frame.type === 'ping') send(connection, { type: 'pong' })
    else await reauthorise(node, connection, frame.token)
  } catch (error) {
    node.deps.log.warn({ err: error }, 'live socket')
    end(node.connections.get(ws) ?? { ws }, 'unavailable')
  }
}

const claimsOf = ({ deps }: Node, token: string): Promise<Claims | undefined> =>
  verifyToken(deps.sealing, deps.clock(), token)

type Subscribe = Extract<ClientFrame, { type: 'subscribe' }>

async function subscribe(node: Node, { ws, socket }: Open, { token, position }: Subscribe): Promise<void> {
  if (node.connections.has(ws)) return end({ ws }, 'protocol-error')
  const claims = await claimsOf(node, token)
  if (!claims) return end({ ws }, 'unauthorised')
  if (node.connections.has(ws) || ws.readyState !== ws.OPEN) return
  const until = node.deps.clock().getTime() + AUTHORISED_MS
  const connection: Connection = {
    ...{ id: randomUUID(), ws, socket, claims, state: 'catching-up', seq: 0, slowSince: 0, until },
    ...{ asked: false, answered: true },
  }
  node.connections.set(ws, connection)
  node.deps.metrics.sockets.inc()
  node.presence.joined(connection)
  ws.on('pong', () => {
    connection.answered = true
  })
  const hub = await joinHub(node, connection)
  if (!hub) return end(connection, 'not-found')
  await enter(node.deps, hub, connection, position)
}

const keyOf = ({ org, eventId }: Claims): string => `${org}/${eventId}`

/** Puts a connection into its room's hub, which the first one opens; undefined when there is no such room. */
async function joinHub(node: Node, connection: Connection): Promise<Hub | undefined> {
  const key = keyOf(connection.claims)
  for (;;) {
    const opening = node.hubs.get(key) ?? openAt(node, key, connection.claims)
    const hub = await opening
    // dropped meanwhile because nobody was in it
    if (node.hubs.get(key) !== opening) continue
    if (connection.state !== 'ended') hub?.connections.add(connection)
    return hub
  }
}

function openAt(node: Node, key: string, { org, eventId }: Claims): Promise<Hub | undefined> {
  const opening = openHub(node.deps, org, eventId)
  node.hubs.set(key, opening)
  opening.catch(() => node.hubs.delete(key))
  return opening
}

function forget(node: Node, connection: Connection): void {
  if (!node.connections.delete(connection.ws)) return
  connection.state = 'ended'
  node.deps.metrics.sockets.dec()
  node.presence.left(connection)
  const key = keyOf(connection.claims)
  void node.hubs.get(key)?.then(
    (hub) => hub?.connections.delete(connection),
    () => {},
  )
}

/** A new token of the same person for the same room goes on where the old one ends. */
async function reauthorise(node: Node, connection: Connection, token: string): Promise<void> {
  const claims = await claimsOf(node, token)
  const same =
    claims && keyOf(claims) === keyOf(connection.claims) && claims.person === connection.claims.person
  if (!same || claims.generation !== connection.claims.generation) return end(connection, 'unauthorised')
  connection.claims = claims
  connection.asked = false
  connection.until = node.deps.clock().getTime() + AUTHORISED_MS
  send(connection, { type: 'reauthorised', reauthoriseBy: new Date(connection.until).toISOString() })
}

/** What is done once a second for all: authorisations, slow and silent sockets, presence, rooms nobody is in. */
async function beat(node: Node, beats: number): Promise<void> {
  const now = node.deps.clock().getTime()
  for (const connection of node.connections.values()) {
    const reason = overdue(connection, now, beats % PING_BEATS === 0)
    if (!reason) continue
    end(connection, reason)
    node.deps.metrics.socketsEnded.inc({ reason })
  }
  const opened = (await Promise.all([...node.hubs.values()].map((hub) => hub.catch(() => undefined)))).filter(
    (hub) => hub !== undefined,
  )
  for (const hub of opened) {
    if (hub.connections.size === 0) drop(node, hub)
    for (const each of hub.connections)
      if (each.state === 'slow' && each.ws.bufferedAmount === 0) await catchUp(node.deps, hub, each)
  }
  await node.presence.beat()
  if (beats % 2 === 0) await tellPresence(node, opened)
}

/** Why a socket is to be ended, if it is. Those who are to bring a new token, or to show that they are there, are asked. */
function overdue(connection: Connection, now: number, pings: boolean): EndReason | undefined {
  if (connection.state === 'ended') return undefined
  if (now > connection.until) return 'unauthorised'
  if (connection.state === 'slow' && Date.now() - connection.slowSince > SLOW_MS) return 'slow'
  if (pings && !connection.answered) return 'unresponsive'
  if (pings) {
    connection.answered = false
    connection.ws.ping()
  }
  if (!connection.asked && now > connection.until - ASK_MS) {
    connection.asked = true
    send(connection, { type: 'reauthorise', by: new Date(connection.until).toISOString() })
  }
  return undefined
}

function drop(node: Node, hub: Hub): void {
  closeHub(hub)
  node.hubs.delete(`${hub.org}/${hub.eventId}`)
}

async function tellPresence(node: Node, hubs: readonly Hub[]): Promise<void> {
  const peopled = hubs.filter(({ connections }) => connections.size > 0)
  if (peopled.length === 0) return
  for (const { org, eventId, listeners, signedIn } of await node.presence.count(peopled)) {
    const hub = peopled.find((each) => each.org === org && each.eventId === eventId)
    if (!hub || (hub.presence.listeners === listeners && hub.presence.signedIn === signedIn)) continue
    hub.presence = { listeners, signedIn }
    broadcast(
      hub,
      Buffer.from(JSON.stringify({ type: 'presence', listeners, signedIn } satisfies ServerFrame)),
    )
  }
}
