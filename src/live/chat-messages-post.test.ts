import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'

let app: TestApp
let owner: Caller
let listener: Caller
let events = 0

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  listener = await app.person('laurel', 'member')
})
afterAll(() => app.close())

/** Stops the clock of an app at a time, so that a slow machine gives nobody time to write more. */
function stop(at: Date, ...apps: TestApp[]): void {
  for (const each of apps) each.deps.clock = () => at
}

const room = (overrides = {}) => app.event('laurel', { id: `room-${++events}`, status: 'live', ...overrides })
const post = (caller: Caller, eventId: string, body = 'Hello', headers = {}) =>
  caller.call('POST', '/api/live/messages', { eventId, body }, headers)
const notesOf = async (eventId: string) =>
  (await listener.call('GET', `/api/live/messages?eventId=${eventId}&afterSeq=0`)).body.messages as any[]

test('[LR-1] a signed-in listener posts, guests read it, and nobody posts for a listener', async () => {
  const { id } = await room()
  const reply = await post(listener, id, '  Hello, Maya  ')
  expect(reply.status).toBe(201)
  expect(reply.body.message).toMatchObject({
    eventId: id,
    seq: 1,
    body: 'Hello, Maya',
    status: 'visible',
    pinned: false,
  })
  const read = await app.guest().call('GET', `/api/live/messages?eventId=${id}`)
  expect(read.body.messages).toEqual([reply.body.message])
  const others: [Caller, string][] = [
    [app.guest(), 'unauthenticated'],
    [await app.key({ org: 'laurel', role: 'automation' }), 'forbidden'],
    [await app.key({ org: 'laurel', role: 'agent' }), 'forbidden'],
  ]
  for (const [caller, code] of others) expect((await post(caller, id)).body.code).toBe(code)
  expect(await notesOf(id)).toHaveLength(1)
})

test('[LR-2] a chat that is off, and an event that is not scheduled or live, take no notes', async () => {
  for (const overrides of [{ chatEnabled: false }, { status: 'ended' as const }]) {
    const { id } = await room(overrides)
    expect((await post(owner, id)).body).toMatchObject({ code: 'chat-closed', status: 409 })
  }
  for (const status of ['draft', 'cancelled'] as const) {
    const { id } = await room({ status })
    expect((await post(listener, id)).body.code).toBe('not-found')
    expect((await post(owner, id)).body.code).toBe('chat-closed')
  }
  expect((await post(listener, (await room({ status: 'scheduled' })).id)).status).toBe(201)
  expect((await post(listener, 'no-such-room')).body.code).toBe('not-found')
})

test('[LR-3] five notes at once and then one every two seconds, told in milliseconds; moderators do not wait', async () => {
  const { id } = await room()
  const from = new Date()
  stop(from, app)
  const replies = await Promise.all(Array.from({ length: 8 }, (_, n) => post(listener, id, `note ${n}`)))
  expect(replies.filter(({ status }) => status === 201)).toHaveLength(5)
  const refused = replies.filter(({ status }) => status === 429)
  expect(refused).toHaveLength(3)
  for (const { body, headers } of refused) {
    expect(body).toMatchObject({ code: 'rate-limited', retryable: true })
    expect(body.retryAfterMs).toBeGreaterThan(0)
    expect(body.retryAfterMs).toBeLessThanOrEqual(2_000)
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  }
  stop(new Date(from.getTime() + 2_000), app)
  const later = await Promise.all([post(listener, id), post(listener, id)])
  expect(later.map(({ status }) => status).sort()).toEqual([201, 429])
  const own = await Promise.all(Array.from({ length: 12 }, () => post(owner, id)))
  expect(own.every(({ status }) => status === 201)).toBe(true)
})

test('[LR-3] the limit is one for all processes', async () => {
  const other = await testApp({ database: app.database })
  const { id } = await room()
  stop(new Date(Date.now() + 60_000), app, other)
  const elsewhere: Caller = {
    ...listener,
    call: async (method, path, body) => {
      const response = await fetch(other.url + path, {
        method,
        headers: { ...listener.headers, origin: other.url, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      return { status: response.status, body: (await response.json()) as any, headers: response.headers }
    },
  }
  const replies = await Promise.all(
    Array.from({ length: 10 }, (_, n) => post(n % 2 ? listener : elsewhere, id, `note ${n}`)),
  )
  expect(replies.filter(({ status }) => status === 201)).toHaveLength(5)
  await other.app.close()
  await other.deps.feed.close()
})

test('[LR-4] notes at once have places without gaps, in the order of their times, and none is lost', async () => {
  const { id } = await room()
  const people = await Promise.all(Array.from({ length: 6 }, () => app.person('laurel', 'member')))
  const replies = await Promise.all(
    people.flatMap((person, p) => [0, 1, 2, 3, 4].map((n) => post(person, id, `${p}/${n}`))),
  )
  expect(replies.every(({ status }) => status === 201)).toBe(true)
  const notes = await notesOf(id)
  expect(notes.map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1))
  expect(new Set(notes.map(({ body }) => body)).size).toBe(30)
  const times = notes.map(({ createdAt }) => Date.parse(createdAt))
  expect(times.every((time, n) => n === 0 || time > times[n - 1]!)).toBe(true)
})

test('[LR-5] the same request twice, under its key, is one note', async () => {
  const { id } = await room()
  const key = { 'idempotency-key': 'the-very-same-note' }
  const replies = await Promise.all([0, 1, 2].map(() => post(listener, id, 'Once', key)))
  expect(replies.map(({ status }) => status)).toEqual([201, 201, 201])
  expect(new Set(replies.map(({ body }) => body.message.id)).size).toBe(1)
  expect(await notesOf(id)).toHaveLength(1)
  expect((await post(listener, id, 'Twice', key)).body.code).toBe('idempotency-mismatch')
})

test.each([
  ['nothing', ''],
  ['only spaces', '   '],
  ['601 characters', 'x'.repeat(601)],
])('[LR-6] %s is refused by its field', async (_what, body) => {
  const { id } = await room()
  expect((await post(listener, id, body)).body).toMatchObject({
    code: 'validation-failed',
    errors: [{ pointer: '/body' }],
  })
})
