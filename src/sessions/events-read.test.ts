import sql from 'sql-template-tag'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { openSession } from '../../test/harness/loop.ts'
import { message, upTo, wholeLog } from '../../test/harness/moves.ts'
import { type EventStream, follow } from '../../test/harness/sse.ts'
import { authenticate } from '../access/authenticate.ts'
import { revokeGrant, revokeKey } from '../access/keys.ts'
import { context } from '../operation/context.ts'
import { eventsRead } from './events-read.ts'
import { dropEndedLogs } from './jobs.ts'
import { SAMPLE_IDS } from './samples.ts'

let app: TestApp
let agent: Caller
let automation: Caller
const streams: EventStream[] = []

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  await app.person('laurel', 'owner')
  agent = await app.key({ org: 'laurel', role: 'agent' })
  automation = await app.key({ org: 'laurel', role: 'automation' })
})
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close()
})
afterAll(() => app.close())

const pathOf = (sessionId: string, query = '') => `/api/agent/sessions/${sessionId}/events${query}`

async function stream(
  caller: Caller,
  sessionId: string,
  options: { query?: string; headers?: Record<string, string>; url?: string } = {},
) {
  const opened = await follow(
    options.url ?? app.url,
    caller,
    pathOf(sessionId, options.query),
    options.headers,
  )
  streams.push(opened)
  return opened
}

/** A session with so many events in all. */
async function sessionOf(events: number): Promise<string> {
  const sessionId = await openSession(agent)
  for (let n = 2; n <= events; n++) await message(agent, sessionId, `Event ${n}.`)
  return sessionId
}

/** Lets the loop turn until a condition holds: what waits while the timers stand still. */
async function turnUntil(condition: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 10_000; !condition(); await new Promise(setImmediate))
    if (performance.now() > deadline) throw new Error(`never: ${condition}`)
}

const finish = (sessionId: string) =>
  agent.call('POST', `/api/agent/sessions/${sessionId}/complete`, { outcome: 'completed', summary: 'Done.' })

describe('paging by cursor', () => {
  test('[S-6] pages of any size give the same log, each cursor going on after its event', async () => {
    const sessionId = await sessionOf(7)
    for (const limit of [1, 2, 3, 7, 500])
      expect((await wholeLog(agent, sessionId, limit)).map(({ sequence }) => sequence)).toEqual(upTo(7))
    const { body } = await agent.call('GET', pathOf(sessionId, `?cursor=${sessionId}:3&limit=2`))
    expect(body).toMatchObject({
      sample: false,
      nextCursor: `${sessionId}:5`,
      latestEventCursor: `${sessionId}:7`,
      earliestCursor: `${sessionId}:0`,
      terminal: false,
    })
    expect(body.events.map((event: { cursor: string }) => event.cursor)).toEqual([
      `${sessionId}:4`,
      `${sessionId}:5`,
    ])
  })

  test('[S-6] terminal is said only where the reader has reached the final event', async () => {
    const sessionId = await sessionOf(3)
    await finish(sessionId)
    const part = await agent.call('GET', pathOf(sessionId, '?limit=2'))
    const rest = await agent.call('GET', pathOf(sessionId, `?cursor=${part.body.nextCursor}`))
    expect([part.body.terminal, rest.body.terminal]).toEqual([false, true])
  })

  test.each([
    ['of another session', 'agent-session-0000000000000000:1'],
    ['without a sequence', ''],
    ['with a negative one', ':-1'],
    ['with words', ':one'],
    ['with a fraction', ':1.5'],
    ['beyond what numbers hold', ':99999999999999999999'],
  ])('[S-7] a cursor %s is refused with 400', async (_what, text) => {
    const sessionId = await sessionOf(1)
    const cursor = text.startsWith(':') || text === '' ? `${sessionId}${text}` : text
    const { status, body } = await agent.call(
      'GET',
      pathOf(sessionId, `?cursor=${encodeURIComponent(cursor)}`),
    )
    expect([status, body.code]).toEqual([400, 'cursor-invalid'])
    expect(body.errors[0].pointer).toBe('/cursor')
  })

  test('[S-7] a cursor ahead of the log is refused with 409 and the head', async () => {
    const sessionId = await sessionOf(2)
    const ahead = await agent.call('GET', pathOf(sessionId, `?cursor=${sessionId}:3`))
    expect([ahead.status, ahead.body.code]).toEqual([409, 'cursor-ahead'])
    expect(ahead.body.latestEventCursor).toBe(`${sessionId}:2`)
    const atHead = await agent.call('GET', pathOf(sessionId, `?cursor=${sessionId}:2`))
    expect(atHead.body).toMatchObject({ events: [], nextCursor: `${sessionId}:2` })
  })

  test('[S-8] below the retention floor 410 names where to restart, and the restart works', async () => {
    const [ended, open] = [await sessionOf(4), await sessionOf(4)]
    await finish(ended)
    await app.deps.db.query(sql`
      UPDATE agent_sessions SET ended_at = now() - interval '91 days' WHERE org = 'laurel' AND id = ${ended}`)
    await dropEndedLogs(app.deps)
    const gone = await agent.call('GET', pathOf(ended, `?cursor=${ended}:2`))
    expect([gone.status, gone.body.code]).toEqual([410, 'cursor-expired'])
    expect(gone.body.earliestCursor).toBe(`${ended}:5`)
    const restarted = await agent.call('GET', pathOf(ended, `?cursor=${gone.body.earliestCursor}`))
    expect(restarted.body).toMatchObject({ events: [], terminal: true })
    expect((await agent.call('GET', pathOf(ended))).body).toMatchObject({
      events: [],
      earliestCursor: `${ended}:5`,
    })
    expect(await wholeLog(agent, open)).toHaveLength(4)
  })

  test('[S-8] a log that ended 89 days ago is kept', async () => {
    const sessionId = await sessionOf(2)
    await finish(sessionId)
    await app.deps.db.query(sql`
      UPDATE agent_sessions SET ended_at = now() - interval '89 days' WHERE org = 'laurel' AND id = ${sessionId}`)
    await dropEndedLogs(app.deps)
    expect(await wholeLog(agent, sessionId)).toHaveLength(3)
  })
})

describe('following as server-sent events', () => {
  test('[S-20] replay, then live, then the final event, then the end', async () => {
    const sessionId = await sessionOf(3)
    const opened = await stream(agent, sessionId)
    expect(opened.status).toBe(200)
    await opened.events(3)
    await message(agent, sessionId, 'While you listen.')
    const four = await opened.events(4)
    expect(four.at(-1)?.data).toMatchObject({ sequence: 4, summary: 'While you listen.' })
    await finish(sessionId)
    await opened.ended
    const events = await opened.events(5)
    expect(events.map(({ id }) => id)).toEqual(upTo(5).map((n) => `${sessionId}:${n}`))
    expect(events.at(-1)?.event).toBe('session.completed')
    expect(events.map(({ data }) => data)).toEqual(await wholeLog(agent, sessionId))
  })

  test('[S-21] Last-Event-ID goes on after that event and wins over the cursor', async () => {
    const sessionId = await sessionOf(4)
    await finish(sessionId)
    const opened = await stream(agent, sessionId, {
      query: `?cursor=${sessionId}:1`,
      headers: { 'last-event-id': `${sessionId}:3` },
    })
    await opened.ended
    expect(opened.frames.map(({ id }) => id)).toEqual([`${sessionId}:4`, `${sessionId}:5`])
  })

  test('[S-21] a cursor that cannot be followed is refused with its status, not streamed', async () => {
    const sessionId = await sessionOf(1)
    const foreign = await follow(app.url, agent, pathOf(sessionId, '?cursor=x:1'))
    const ahead = await follow(app.url, agent, pathOf(sessionId), { 'last-event-id': `${sessionId}:9` })
    const unseen = await follow(app.url, app.guest(), pathOf(sessionId))
    expect([foreign.status, ahead.status, unseen.status]).toEqual([400, 409, 404])
  })

  test('[S-22] an idle stream gets a comment every 15 s', async () => {
    const sessionId = await sessionOf(1)
    const { feed } = app.deps
    // nothing wakes this reader, so only the timer does
    app.deps.feed = { ...feed, follow: () => () => {} }
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const timers = vi.spyOn(globalThis, 'setTimeout')
      const waits = () => timers.mock.calls.filter(([, ms]) => ms === 15_000).length
      const opened = await stream(agent, sessionId, { query: `?cursor=${sessionId}:1` })
      const beats = () => opened.frames.filter(({ comment }) => comment === 'heartbeat').length
      await turnUntil(() => waits() === 1)
      await vi.advanceTimersByTimeAsync(14_900)
      expect([waits(), beats()]).toEqual([1, 0])
      await vi.advanceTimersByTimeAsync(200)
      await turnUntil(() => waits() === 2 && beats() === 1)
      await vi.advanceTimersByTimeAsync(15_100)
      await turnUntil(() => beats() === 2)
    } finally {
      vi.restoreAllMocks()
      vi.useRealTimers()
      app.deps.feed = feed
    }
  })

  test.each([
    [
      'a revoked agent key',
      async () => app.key({ org: 'laurel', role: 'agent' }),
      (id: string) => revokeKey(app.deps.access, { org: 'laurel', id }),
    ],
    [
      'a revoked automation key',
      async () => app.key({ org: 'laurel', role: 'automation' }),
      (id: string) => revokeKey(app.deps.access, { org: 'laurel', id }),
    ],
  ])('[S-23] %s ends its stream before the next event', async (_what, make, revoke) => {
    const caller = await make()
    const sessionId = await openSession(caller)
    const opened = await stream(caller, sessionId)
    await opened.events(1)
    await revoke(caller.id)
    expect((await message(automation, sessionId, 'Not for the revoked.')).status).toBe(201)
    await opened.ended
    expect(opened.frames).toHaveLength(1)
  })

  test('[S-23] a revoked grant ends its stream', async () => {
    const caller = await app.key({ org: 'laurel', role: 'agent' })
    const sessionId = await openSession(caller)
    const opened = await stream(caller, sessionId)
    await opened.events(1)
    const [grant] = await app.deps.db.query<{ id: string }>(
      sql`SELECT principal_id AS id FROM agent_sessions WHERE org = 'laurel' AND id = ${sessionId}`,
    )
    await revokeGrant(app.deps.access, { org: 'laurel', id: grant!.id.replace('grant:', '') })
    await message(automation, sessionId, 'Not for the revoked.')
    await opened.ended
    expect(opened.frames).toHaveLength(1)
  })

  test('[S-24] an event appended by another process arrives', async () => {
    const elsewhere = await testApp({ database: { ...app.database, drop: async () => {} } })
    try {
      const sessionId = await sessionOf(1)
      const opened = await stream(agent, sessionId, { url: elsewhere.url })
      await opened.events(1)
      await message(agent, sessionId, 'From afar.')
      expect((await opened.events(2)).at(-1)?.data.summary).toBe('From afar.')
      opened.close()
    } finally {
      await elsewhere.close()
    }
  })

  test('[S-25] a client that leaves frees its stream', async () => {
    const sessionId = await sessionOf(1)
    const opened = await stream(agent, sessionId)
    await opened.events(1)
    const open = async () => (await app.deps.metrics.streams.get()).values[0]?.value
    expect(await open()).toBeGreaterThan(0)
    opened.close()
    await vi.waitFor(async () => expect(await open()).toBe(0), { timeout: 10_000 })
  })

  test('[S-25] so does one that leaves while the server reads for it', async () => {
    const sessionId = await sessionOf(1)
    const principal = await authenticate(app.deps.access, { headers: agent.headers })
    const gone = new AbortController()
    const reauthenticate = async () => {
      gone.abort()
      return principal
    }
    const call = { principal, requestId: 'test', origin: app.url, signal: gone.signal, reauthenticate }
    const ctx = context(app.deps, call, new Date())
    const items = eventsRead.stream!(ctx, { sessionId, cursor: `${sessionId}:1` })[Symbol.asyncIterator]()
    expect(await items.next()).toEqual({ done: true, value: undefined })
  })
})

describe('samples', () => {
  test.each(SAMPLE_IDS)(
    '[S-9] %s is readable by guests, as log and as stream, and says that it is a sample',
    async (id) => {
      const [session, log] = [
        await app.guest().call('GET', `/api/agent/sessions/${id}`),
        await app.guest().call('GET', pathOf(id)),
      ]
      expect([session.body.sample, log.body.sample]).toEqual([true, true])
      expect(log.body.events.map((event: { sequence: number }) => event.sequence)).toEqual(
        upTo(log.body.events.length),
      )
      const opened = await stream(app.guest(), id)
      await opened.ended
      expect(opened.frames.map(({ data }) => data)).toEqual(log.body.events)
      const rest = await app.guest().call('GET', pathOf(id, `?cursor=${id}:1`))
      expect(rest.body.events).toEqual(log.body.events.slice(1))
    },
  )

  test('[S-9] nothing is appended to a sample, and lists of real sessions leave them out', async () => {
    expect((await message(agent, SAMPLE_IDS[0], 'Hello.')).status).toBe(404)
    const { body } = await automation.call('GET', '/api/sessions?limit=100')
    expect(
      body.sessions.filter(({ id }: { id: string }) => (SAMPLE_IDS as readonly string[]).includes(id)),
    ).toEqual([])
  })

  test('[S-9] a guest reads no real log', async () => {
    const sessionId = await sessionOf(1)
    expect((await app.guest().call('GET', pathOf(sessionId))).status).toBe(404)
  })
})
