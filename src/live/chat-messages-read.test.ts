import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'

let app: TestApp
let owner: Caller
let listener: Caller
let subscriber: Caller & { email: string }

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  listener = await app.person('laurel', 'member')
  subscriber = await app.person('laurel', 'member')
  await app.deps.db.query(sql`
    INSERT INTO subscribers (org, id, email, user_id, status, time_zone, audience_version, created_at, asked_at)
    SELECT 'laurel', 'the-subscriber', email, id, 'confirmed', 'UTC', 1, now(), now() FROM auth_user WHERE email = ${subscriber.email}`)
})
afterAll(() => app.close())

const post = (eventId: string, body: string, caller = owner) =>
  caller.call('POST', '/api/live/messages', { eventId, body })
const read = (eventId: string, query = '', caller: Caller = app.guest()) =>
  caller.call('GET', `/api/live/messages?eventId=${eventId}${query}`)
const bodies = (reply: Awaited<ReturnType<typeof read>>) => reply.body.messages.map(({ body }: any) => body)

test('[LR-9] notes are read after a place or a time, the newest without either, hidden ones never', async () => {
  const { id } = await app.event('laurel', { id: 'room', status: 'live' })
  for (const body of ['a', 'b', 'c', 'd']) await post(id, body)
  const all = await read(id)
  expect(bodies(all)).toEqual(['a', 'b', 'c', 'd'])
  const hidden = { id: all.body.messages[2].id, status: 'hidden' }
  await owner.call('PATCH', '/api/admin/live-events/messages', hidden)
  expect(bodies(await read(id, '&limit=2'))).toEqual(['b', 'd'])
  const first = await read(id, '&afterSeq=0&limit=2')
  expect(bodies(first)).toEqual(['a', 'b'])
  const second = await read(id, `&afterSeq=${first.body.nextAfterSeq}`)
  expect(bodies(second)).toEqual(['d'])
  expect((await read(id, `&afterSeq=${second.body.nextAfterSeq}`)).body).toMatchObject({
    messages: [],
    nextAfterSeq: 4,
  })
  const { createdAt } = all.body.messages[1]
  expect(bodies(await read(id, `&after=${encodeURIComponent(createdAt)}`))).toEqual(['d'])
  // not even to those who moderate: their place is the manifest
  expect(bodies(await read(id, '', owner))).toEqual(['a', 'b', 'd'])
  expect((await read(id, '&after=yesterday')).body.errors).toMatchObject([{ pointer: '/after' }])
  expect((await read('no-such-room')).body.code).toBe('not-found')
})

test('[LR-8] a room for subscribers is for them and for moderators alone', async () => {
  const { id } = await app.event('laurel', { id: 'for-subscribers', status: 'live', subscriberOnly: true })
  expect((await post(id, 'From the house')).status).toBe(201)
  expect((await post(id, 'From a subscriber', subscriber)).status).toBe(201)
  for (const caller of [listener, app.guest()]) {
    expect((await read(id, '', caller)).body).toMatchObject({ code: 'subscribers-only', status: 403 })
    expect((await caller.call('GET', `/api/live/log?eventId=${id}`)).body.code).toBe('subscribers-only')
    const manifest = await caller.call('GET', `/api/agent/live-controls?eventId=${id}`)
    expect(manifest.body.live.recentMessages).toEqual([])
  }
  expect((await post(id, 'From outside', listener)).body.code).toBe('subscribers-only')
  expect(bodies(await read(id, '', subscriber))).toEqual(['From the house', 'From a subscriber'])
})
