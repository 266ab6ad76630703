import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'

let app: TestApp
let owner: Caller
let listener: Caller

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  listener = await app.person('laurel', 'member')
  await app.event('laurel', { id: 'room', status: 'live' })
})
afterAll(() => app.close())

const post = (caller: Caller) => caller.call('POST', '/api/live/messages', { eventId: 'room', body: 'Hello' })
const slow = (slowModeSeconds: number, more = {}) =>
  owner.call('PATCH', '/api/admin/live-events/chat', { id: 'room', slowModeSeconds, ...more })

test('[LR-7] in slow mode a listener waits that long between two notes; moderators do not', async () => {
  expect((await slow(30, { dryRun: true })).body).toMatchObject({ mode: 'preview' })
  expect((await post(listener)).status).toBe(201)
  expect((await slow(30)).body).toMatchObject({ mode: 'applied', slowModeSeconds: 30 })
  const refused = await post(listener)
  expect(refused.body.code).toBe('rate-limited')
  expect(refused.body.retryAfterMs).toBeGreaterThan(25_000)
  expect(refused.body.retryAfterMs).toBeLessThanOrEqual(30_000)
  expect([(await post(owner)).status, (await post(owner)).status]).toEqual([201, 201])
  app.advance(30_000)
  expect((await post(listener)).status).toBe(201)
  expect((await slow(30)).body.code).toBe('plan-blocked')
  await slow(0)
  expect((await post(listener)).status).toBe(201)
  const unknown = { id: 'no-such-room', slowModeSeconds: 1 }
  expect((await owner.call('PATCH', '/api/admin/live-events/chat', unknown)).body.code).toBe('not-found')
})

test('[LR-7] of two changes at once each is told with what it changed from', async () => {
  const replies = await Promise.all([10, 20, 30, 40].map((seconds) => slow(seconds)))
  const steps = replies.map(({ body }) => body.plan.changes[0])
  const last = steps.filter(({ after }: any) => !steps.some(({ before }: any) => before === after))
  expect(last).toHaveLength(1)
  expect(new Set(steps.map(({ before }: any) => before)).size).toBe(4)
})
