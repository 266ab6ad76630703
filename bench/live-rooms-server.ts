import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { WebSocketServer } from 'ws'
import { createPostbox, newNoteId } from '../src/live/room/post.ts'
import { DEFAULTS } from '../src/live/rules.ts'
import { insertEvent } from '../src/live/store.ts'
import { EVENT } from './live-rooms-room.ts'
import { ORG, openWorld } from './world.ts'

/**
 * One server of the bench, in a process of its own. It says {url, secret} once it listens, and does what it is asked:
 * `talk` sends notes at a rate for a time and answers the CPU that the process used; `memory` collects garbage and
 * answers what is resident.
 */
type Talk = { do: 'talk'; perSecond: number; ms: number }
type Ask = Talk | { do: 'memory' } | { do: 'end' }

/** With what surrounds it, a note of this many characters is a frame of about 230 bytes at the peers. */
const WORDS = 'x'.repeat(40)

/** A note as everybody is sent it; the time within it is what latency is measured by. */
const note = (n: number) => ({
  ...{ id: newNoteId(), eventId: EVENT, seq: n, displayName: 'Somebody', body: `${Date.now()} ${WORDS}` },
  ...{ status: 'visible', pinned: false, createdAt: new Date().toISOString() },
})

type Side = { url: string; secret?: string; say(n: number): void; end(): Promise<void> }

async function ours(): Promise<Side> {
  const world = await openWorld()
  const { deps } = world
  const made = new Date()
  await insertEvent(deps.db, ORG, {
    ...DEFAULTS,
    id: EVENT,
    title: 'Bench',
    status: 'live',
    createdAt: made,
    updatedAt: made,
  })
  const postbox = createPostbox(deps.db)
  return {
    url: `${world.url.replace('http', 'ws')}/api/live/socket`,
    secret: deps.config.secret,
    // the whole way: written to PostgreSQL, read back from the log, framed, sent
    say() {
      const body = `${Date.now()} ${WORDS}`
      const author = { userId: 'somebody', name: 'Somebody', moderates: true, subscriber: false }
      const room = { org: ORG, eventId: EVENT }
      void postbox
        .post(room, { id: newNoteId(), body, ...author }, new Date())
        .then(() => deps.feed.poke(ORG, `room/${EVENT}`))
    },
    end: () => world.end(),
  }
}

/** Plain ws: one frame per note, made once and written to every socket. */
async function plain(): Promise<Side> {
  const http = createServer()
  const server = new WebSocketServer({ server: http, perMessageDeflate: false })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const text = { binary: false, compress: false }
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`,
    say(n) {
      const frame = Buffer.from(JSON.stringify(note(n)))
      for (const client of server.clients) client.send(frame, text)
    },
    async end() {
      for (const client of server.clients) client.terminate()
      http.close()
    },
  }
}

async function socketIo(): Promise<Side> {
  const { Server } = await import('socket.io')
  const http = createServer()
  const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false, pingInterval: 600_000 })
  io.on('connection', (socket) => void socket.join(EVENT))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/socket.io/?EIO=4&transport=websocket`,
    say: (n) => void io.to(EVENT).emit('note', note(n)),
    async end() {
      await io.close()
    },
  }
}

/** Notes at an even rate; answers the microseconds of CPU used meanwhile, the last deliveries included. */
async function talk({ say }: Side, { perSecond, ms }: Talk): Promise<{ said: number; cpu: number }> {
  const before = process.cpuUsage()
  const from = performance.now()
  let said = 0
  while (performance.now() - from < ms) {
    const due = Math.floor(((performance.now() - from) * perSecond) / 1000)
    for (; said < due; said++) say(said)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await new Promise((resolve) => setTimeout(resolve, 300))
  const { user, system } = process.cpuUsage(before)
  return { said, cpu: user + system }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function memory(): Promise<{ rss: number }> {
  for (let round = 0; round < 3; round++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  return { rss: process.memoryUsage().rss }
}

const kind = process.argv[2]
const side = await { ours, plain, socketIo }[kind as 'ours' | 'plain' | 'socketIo']()
process.on('message', async (ask: Ask) => {
  if (ask.do === 'talk') process.send?.(await talk(side, ask))
  else if (ask.do === 'memory') process.send?.(await memory())
  else {
    await side.end()
    process.exit()
  }
})
process.send?.({ url: side.url, secret: side.secret })
