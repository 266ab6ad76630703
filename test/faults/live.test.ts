import { setTimeout as sleep } from 'node:timers/promises'
import sql from 'sql-template-tag'
import { expect, test, vi } from 'vitest'
import { createKey } from '../../src/access/keys.ts'
import { createOrganisation } from '../../src/access/organisations.ts'
import { createUser } from '../../src/access/users.ts'
import { readConfig } from '../../src/config.ts'
import { DEFAULTS } from '../../src/live/rules.ts'
import { insertEvent } from '../../src/live/store.ts'
import { openDeps } from '../../src/server.ts'
import type { Caller } from '../harness/app.ts'
import { testDatabase } from '../harness/database.ts'
import { type Note, openRoom, type RoomClient, tokenFor } from '../harness/room-client.ts'
import { type Random, seeded, seedOf } from '../harness/seeded.ts'
import { callerAt, type Server, startServer } from './server.ts'

const SEED = seedOf(process.env)
const SECRET = 'a secret that only these servers know, long enough'
const SERVERS = 3
/** `npm run soak` makes it more. */
const KILLS = Number(process.env.LIVE_KILLS ?? 6)
const CLIENTS = Number(process.env.LIVE_CLIENTS ?? 300)
const ROOM = 'the-room'

/** Everything that was written and acknowledged, and what is hidden for good. */
type Ledger = { posted: Set<string>; hidden: Set<string>; writing: boolean }

type Cluster = { servers: (Server | undefined)[]; random: Random; bearer: string }

/** A server that lives, if one does at this moment. */
const living = ({ servers, random }: Cluster): Server | undefined => {
  const up = servers.filter((server) => server !== undefined)
  return up[random.below(Math.max(up.length, 1))]
}
const callerOf = (server: Server, bearer?: string): Caller =>
  callerAt(server.url, bearer ? { authorization: `Bearer ${bearer}` } : {})

/** Posts and moderates until it is told to stop; a request whose server dies is one whose outcome nobody knows. */
async function write(cluster: Cluster, ledger: Ledger, name: string): Promise<void> {
  for (let n = 0; ledger.writing; n++) {
    const server = living(cluster)
    if (!server) continue
    const caller = callerOf(server, cluster.bearer)
    try {
      const body = `${name}-${n} ${'x'.repeat(100)}`
      const posted = await caller.call('POST', '/api/live/messages', { eventId: ROOM, body })
      expect(posted.status).toBe(201)
      const { id } = posted.body.message
      ledger.posted.add(id)
      if (cluster.random.below(4) !== 0) continue
      const status = cluster.random.below(2) === 0 ? 'hidden' : 'flagged'
      const moderated = await caller.call('PATCH', '/api/admin/live-events/messages', { id, status })
      expect(moderated.status).toBe(200)
      if (status === 'hidden') ledger.hidden.add(id)
    } catch (error) {
      if ((error as Error).name === 'AssertionError') throw error
      await sleep(20)
    }
  }
}

/** One person with a bad network: the socket drops again and again, and opens at another process. */
type Listener = { client: RoomClient | undefined; sockets: RoomClient[] }

async function listen(cluster: Cluster, ledger: Ledger, listener: Listener, name: string): Promise<void> {
  while (ledger.writing || !isOpen(listener)) {
    if (!isOpen(listener)) await reconnect(cluster, ledger, listener, name)
    await sleep(200 + cluster.random.below(1_500))
    // at the end everybody stays
    if (ledger.writing && cluster.random.below(3) === 0) listener.client?.drop()
  }
}

const isOpen = ({ client }: Listener): boolean => client !== undefined && client.closed === undefined

async function reconnect(cluster: Cluster, ledger: Ledger, listener: Listener, name: string): Promise<void> {
  const server = living(cluster)
  if (!server) return
  try {
    const { token } = await tokenFor(callerOf(server), ROOM, name)
    // the token is of one process and the socket of another
    const other = living(cluster)
    if (!other) return
    const url = `${other.url.replace('http', 'ws')}/api/live/socket`
    listener.client = openRoom({ token, url }, listener.client, new Set(ledger.hidden))
    listener.sockets.push(listener.client)
    await Promise.race([listener.client.frame('subscribed'), sleep(3_000)])
  } catch {
    // the server died meanwhile
  }
}

/** kill -9 of one process after the other, each started again at once. */
async function killAll(cluster: Cluster, start: () => Promise<Server>): Promise<void> {
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(1_000 + cluster.random.below(1_000))
    const place = kill % SERVERS
    const server = cluster.servers[place] as Server
    cluster.servers[place] = undefined
    await server.kill()
    cluster.servers[place] = await start()
  }
}

test('[LR-40] sockets that drop and come back anywhere, with processes killed under them, miss nothing and get nothing twice', async () => {
  console.log(`seed ${SEED}`)
  const database = await testDatabase()
  const { deps, stop } = await openDeps({
    ...readConfig({ COUNTERSIGN_SECRET: SECRET, DATABASE_URL: database.url }),
    logLevel: 'fatal',
  })
  await createOrganisation(deps.access, { slug: 'laurel' })
  const email = 'maya@laurel.example'
  const password = 'correct horse battery staple'
  await createUser(deps.access, { org: 'laurel', role: 'owner', email, password, name: 'Maya' })
  const { key } = await createKey(deps.access, { org: 'laurel', role: 'artist-admin', user: email } as never)
  const made = new Date('2026-05-14T09:00:00.000Z')
  const event = {
    ...DEFAULTS,
    id: ROOM,
    title: 'The room',
    status: 'live' as const,
    createdAt: made,
    updatedAt: made,
  }
  await insertEvent(deps.db, 'laurel', event)
  const env = {
    DATABASE_URL: database.url,
    COUNTERSIGN_SECRET: SECRET,
    COUNTERSIGN_DEFAULT_ORG: 'laurel',
    LOG_LEVEL: 'fatal',
  }
  const start = () => startServer(env)
  const servers = await Promise.all(Array.from({ length: SERVERS }, start))
  const cluster: Cluster = { servers, random: seeded(SEED), bearer: key }
  const ledger: Ledger = { posted: new Set(), hidden: new Set(), writing: true }
  const listeners: Listener[] = Array.from({ length: CLIENTS }, () => ({ client: undefined, sockets: [] }))
  try {
    // everybody is there from the beginning, so that what each has at the end is the whole log
    for (const [n, listener] of listeners.entries())
      while (!isOpen(listener)) await reconnect(cluster, ledger, listener, `viewer-${n}`)
    const writers = ['a', 'b', 'c', 'd'].map((name) => write(cluster, ledger, name))
    const listening = listeners.map((listener, n) => listen(cluster, ledger, listener, `viewer-${n}`))
    await killAll(cluster, start)
    ledger.writing = false
    await Promise.all(writers)
    await Promise.all(listening)
    await checkViews(listeners, ledger, deps.db)
  } finally {
    ledger.writing = false
    for (const { client } of listeners) client?.drop()
    for (const server of cluster.servers) await server?.kill()
    await stop()
    await database.drop()
  }
}, 180_000)

async function checkViews(
  listeners: readonly Listener[],
  ledger: Ledger,
  db: Awaited<ReturnType<typeof testDatabase>>['db'],
): Promise<void> {
  const rows = await db.query<Note>(sql`
    SELECT id, seq, CASE WHEN status <> 'hidden' THEN body END AS body, status, pinned FROM live_chat_messages
     WHERE org = 'laurel' AND event_id = ${ROOM} ORDER BY seq`)
  const [{ last } = { last: 0 }] = await db.query<{ last: number }>(
    sql`SELECT last_seq AS last FROM live_rooms WHERE org = 'laurel' AND event_id = ${ROOM}`,
  )
  // what was acknowledged is there, once
  expect(rows.length).toBeGreaterThan(100)
  for (const id of ledger.posted) expect(rows.some((row) => row.id === id)).toBe(true)
  for (const { client, sockets } of listeners) {
    await vi.waitFor(() => expect(client?.position?.seq).toBe(last), { timeout: 30_000, interval: 50 })
    const sum = (count: (socket: RoomClient) => number) =>
      sockets.reduce((total, each) => total + count(each), 0)
    const seen = {
      gaps: sum((socket) => socket.gaps),
      duplicates: sum((socket) => socket.duplicates),
      shownAfterHiding: sum((socket) => socket.shownAfterHiding),
      resets: sum((socket) => socket.frames.filter(({ type }) => type === 'reset').length),
    }
    expect(seen).toEqual({ gaps: 0, duplicates: 0, shownAfterHiding: 0, resets: 1 })
    const view = [...(client?.view.values() ?? [])].sort((a, b) => a.seq - b.seq)
    expect(view.map(({ id, seq, body, status, pinned }) => ({ id, seq, body, status, pinned }))).toEqual(rows)
  }
  const sockets = listeners.reduce((total, each) => total + each.sockets.length, 0)
  console.log(
    JSON.stringify({
      notes: rows.length,
      entries: last,
      hidden: ledger.hidden.size,
      clients: listeners.length,
      sockets,
    }),
  )
}
