import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import sql from 'sql-template-tag'
import { personPrincipal } from '../src/access/principal.ts'
import { chatMessagesPost } from '../src/live/chat-messages-post.ts'
import { DEFAULTS } from '../src/live/rules.ts'
import { mintToken } from '../src/live/socket/token.ts'
import { insertEvent } from '../src/live/store.ts'
import type { Call } from '../src/operation/define.ts'
import { run } from '../src/operation/run.ts'
import { createSealing } from '../src/operation/sealing.ts'
import { EVENT } from './live-rooms-room.ts'
import { CONCURRENCY, compare, report } from './measure.ts'
import { ORG, openWorld } from './world.ts'

const SOCKETS = 1_000
/** Every how manyth socket looks at what it gets. */
const LOOKING = 50
const FIRST_SOCKETS = 2_000
const IDLE_SOCKETS = 4_000
const ROUNDS = 5
const ROUND_MS = 4_000
const KINDS = ['ours', 'plain', 'socketIo'] as const
type Kind = (typeof KINDS)[number]

const DELIVERY = `live-rooms (delivery): ${SOCKETS} sockets in one room, notes that are frames of about 230 bytes at the peers, sent at an even
rate for ${ROUND_MS / 1000} s; CPU of the server process (user and system) per note delivered to one socket. Each server is a process
of its own with sockets of its own, all connected throughout; ${ROUNDS} rounds alternate between them, and the ratio is the median of
the rounds' ratios. Ours writes each note to PostgreSQL (whose processes are not counted) and reads it back from the log; plain ws
and Socket.IO 4 get it from a timer and write one frame per note. Clients drain bytes; 20 of them read the time in each note.`

const IDLE = `live-rooms (memory): resident memory of the server process per idle socket, subscribed: what ${IDLE_SOCKETS} more sockets
add to a server that has ${FIRST_SOCKETS}, five seconds later and after collecting garbage. Beside it the same of plain ws.`

const POSTS = `live-rooms (posts): notes posted by the operation live.chat.messages.post, from its input to its answer, without HTTP,
against a plain single-row INSERT of the same note into a table with the log's key. ${CONCURRENCY} callers in one room, notes of 20,000 listeners
who are let in and paced, alternating rounds.`

type Process = { ask<T>(question: object): Promise<T>; child: ChildProcess }

function processOf(file: string, ...args: string[]): Process {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    stdio: 'inherit',
    // as the product is started
    execArgv: ['--max-semi-space-size=4'],
  })
  return {
    child,
    async ask<T>(question: object) {
      const answer = once(child, 'message')
      child.send(question)
      return (await answer)[0] as T
    },
  }
}

type Server = Process & { url: string; secret: string | undefined }

async function serverOf(kind: Kind): Promise<Server> {
  const process = processOf('live-rooms-server.ts', kind)
  const [ready] = (await once(process.child, 'message')) as [{ url: string; secret?: string }]
  return { ...process, url: ready.url, secret: ready.secret }
}

/** What each client sends first: a subscription, nothing, or Socket.IO's connect packet. */
async function firstFrames({ secret }: Server, kind: Kind, sockets: number): Promise<string[][]> {
  if (kind !== 'ours') return Array.from({ length: sockets }, () => (kind === 'socketIo' ? ['40'] : []))
  const sealing = createSealing(secret as string)
  const room = { org: ORG, eventId: EVENT, signedIn: false, moderates: false, sees: false, subscriber: false }
  const token = (n: number) =>
    mintToken(sealing, new Date(), { ...room, person: `viewer:${n}`, generation: 0 })
  return Promise.all(
    Array.from({ length: sockets }, async (_, n) => [
      JSON.stringify({ type: 'subscribe', token: await token(n) }),
    ]),
  )
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] as number
const two = (value: number): number => Math.round(value * 100) / 100

type Pair = { server: Server; clients: Process }

async function connected(kind: Kind, sockets: number): Promise<Pair> {
  const server = await serverOf(kind)
  const clients = processOf('live-rooms-clients.ts')
  await clients.ask({ do: 'open', url: server.url, first: await firstFrames(server, kind, sockets) })
  return { server, clients }
}

async function end({ server, clients }: Pair): Promise<void> {
  await clients.ask({ do: 'close' })
  clients.child.kill()
  const gone = once(server.child, 'exit')
  server.child.send({ do: 'end' })
  await gone
}

/** Microseconds of CPU per delivery, and the milliseconds that notes took. */
async function round(
  { server, clients }: Pair,
  perSecond: number,
): Promise<{ cpu: number; latencies: number[] }> {
  await clients.ask({ do: 'latencies' })
  const { said, cpu } = await server.ask<{ said: number; cpu: number }>({
    do: 'talk',
    perSecond,
    ms: ROUND_MS,
  })
  const { latencies } = await clients.ask<{ latencies: number[] }>({ do: 'latencies' })
  // every note has reached everybody who looks, or what is measured is not delivery
  if (latencies.length !== said * (SOCKETS / LOOKING))
    throw new Error(`${latencies.length} of ${said} notes seen`)
  return { cpu: cpu / (said * SOCKETS), latencies }
}

async function delivery(): Promise<void> {
  console.log(DELIVERY)
  const pairs = new Map<Kind, Pair>()
  for (const kind of KINDS) pairs.set(kind, await connected(kind, SOCKETS))
  const goals = { 40: { plain: 1.1, socketIo: 0.6 }, 100: { plain: 0.2 }, 200: { plain: 0.2 } }
  for (const [rate, goal] of Object.entries(goals)) {
    const rounds: Record<Kind, number>[] = []
    const latencies: number[] = []
    for (let n = -1; n < ROUNDS; n++) {
      const measured = {} as Record<Kind, number>
      for (const kind of n % 2 === 0 ? KINDS : [...KINDS].reverse()) {
        const done = await round(pairs.get(kind) as Pair, Number(rate))
        measured[kind] = done.cpu
        if (kind === 'ours' && n >= 0) latencies.push(...done.latencies)
      }
      // the first round of each warms up
      if (n >= 0) rounds.push(measured)
    }
    const to = (kind: Kind) => two(median(rounds.map((each) => each.ours / each[kind])))
    const cpu = Object.fromEntries(KINDS.map((kind) => [kind, two(median(rounds.map((each) => each[kind])))]))
    const p99 = percentile(latencies, 0.99)
    const shared = { unit: 'CPU per delivery', notesPerSecond: Number(rate), microseconds: cpu, p99Ms: p99 }
    const seen = latencies.length
    report(
      { bench: `live-rooms-${rate}-to-ws`, ratio: to('plain'), goal: goal.plain, ...shared, seen },
      to('plain') <= goal.plain,
    )
    if ('socketIo' in goal)
      report(
        { bench: `live-rooms-${rate}-to-socket.io`, ratio: to('socketIo'), goal: goal.socketIo, ...shared },
        to('socketIo') <= goal.socketIo,
      )
    report({ bench: `live-rooms-${rate}-p99`, ratio: p99, goal: 150, unit: 'ms' }, p99 <= 150)
  }
  for (const pair of pairs.values()) await end(pair)
}

async function idle(): Promise<void> {
  console.log(IDLE)
  const perSocket = {} as Record<string, number>
  for (const kind of ['ours', 'plain'] as const) {
    const server = await serverOf(kind)
    const clients = processOf('live-rooms-clients.ts')
    const settled = async (sockets: number) => {
      await clients.ask({ do: 'open', url: server.url, first: await firstFrames(server, kind, sockets) })
      await new Promise((resolve) => setTimeout(resolve, 5_000))
      return (await server.ask<{ rss: number }>({ do: 'memory' })).rss
    }
    // what a process needs once, for its first sockets, is not of a socket
    const before = await settled(FIRST_SOCKETS)
    const after = await settled(IDLE_SOCKETS)
    perSocket[kind] = two((after - before) / IDLE_SOCKETS / 1024)
    await end({ server, clients })
  }
  report(
    {
      bench: 'live-rooms-memory',
      ratio: perSocket.ours as number,
      goal: 12,
      unit: 'KB per idle socket',
      plain: perSocket.plain,
    },
    (perSocket.ours as number) <= 12,
  )
}

async function posts(): Promise<void> {
  console.log(POSTS)
  const world = await openWorld()
  try {
    const { deps } = world
    const made = new Date()
    await insertEvent(deps.db, ORG, {
      ...DEFAULTS,
      id: 'room',
      title: 'Room',
      status: 'live',
      createdAt: made,
      updatedAt: made,
    })
    // each note by the next of 20,000 listeners, none of whom has to wait
    const calls = Array.from({ length: 20_000 }, (_, n) => {
      const person = { id: `person-${n}`, name: 'Somebody', email: 'somebody@bench.example' }
      return world.call({ principal: personPrincipal(person, { org: ORG, role: 'member' }) })
    })
    let turn = 0
    await deps.db.query(sql`CREATE TABLE bare_log (org text, event_id text, seq bigint, id text NOT NULL, name text NOT NULL, body text NOT NULL,
                             status text NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (org, event_id, seq))`)
    const body = 'x'.repeat(100)
    let seq = 0
    const compared = await compare(
      async () =>
        void (await run(
          deps,
          chatMessagesPost,
          { eventId: 'room', body },
          calls[turn++ % calls.length] as Call,
        )),
      async () => {
        const at = new Date()
        await deps.db.query(
          sql`INSERT INTO bare_log VALUES (${ORG}, 'room', ${++seq}, ${`note-${seq}`}, 'Somebody', ${body}, 'visible', ${at})`,
        )
      },
    )
    report({ bench: 'live-rooms-posts', goal: 0.5, ...compared })
  } finally {
    await world.end()
  }
}

export async function liveRooms(): Promise<void> {
  await posts()
  await delivery()
  await idle()
}
