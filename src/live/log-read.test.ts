import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { envelopeFor } from '../../test/harness/loop.ts'
import { confirm } from '../../test/harness/moves.ts'
import { follow } from '../../test/harness/sse.ts'

let app: TestApp
let owner: Caller
let agent: Caller
let eventId: string
let rooms = 0

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  agent = await app.key({ org: 'laurel', role: 'agent' })
})
afterAll(() => app.close())
beforeEach(async () => {
  eventId = (await app.event('laurel', { id: `room-${++rooms}`, status: 'live' })).id
})

const post = async (body: string) =>
  (await owner.call('POST', '/api/live/messages', { eventId, body })).body.message.id as string
const read = (query = '', caller: Caller = agent) =>
  caller.call('GET', `/api/live/log?eventId=${eventId}${query}`)

test('[LR-15] an agent reads the log in pages by its cursor: everything once and in order', async () => {
  for (const body of ['a', 'b', 'c', 'd', 'e']) await post(body)
  const seen: string[] = []
  let cursor = ''
  for (let page = 0; page < 4; page++) {
    const { body } = await read(`&limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
    seen.push(...body.entries.map((entry: any) => entry.message.body))
    cursor = body.nextCursor
  }
  expect(seen).toEqual(['a', 'b', 'c', 'd', 'e'])
  await post('f')
  expect((await read(`&cursor=${encodeURIComponent(cursor)}`)).body.entries).toMatchObject([
    { seq: 6, message: { body: 'f' } },
  ])
})

test('[LR-16] a cursor of another room or epoch is refused, one ahead of the log as such', async () => {
  await post('a')
  const { body } = await read()
  const [id, epoch] = body.nextCursor.split(':') as [string, string]
  const at = (cursor: string) => read(`&cursor=${encodeURIComponent(cursor)}`)
  expect((await at(`other:${epoch}:1`)).body).toMatchObject({
    code: 'cursor-invalid',
    errors: [{ pointer: '/cursor' }],
  })
  expect((await at(`${id}:${'0'.repeat(16)}:1`)).body.code).toBe('cursor-invalid')
  expect((await at('nonsense')).body.code).toBe('cursor-invalid')
  expect((await at(`${id}:${epoch}:2`)).body.code).toBe('cursor-ahead')
})

test('[LR-17] followed as events, it tells what is committed, goes on after Last-Event-ID, and ends for who is shut out', async () => {
  await post('a')
  const stream = await follow(app.url, agent, `/api/live/log?eventId=${eventId}`)
  await stream.events(1)
  await post('b')
  const [, second] = await stream.events(2)
  expect(second).toMatchObject({ event: 'message', data: { seq: 2, message: { body: 'b' } } })
  stream.close()
  await post('c')
  const again = await follow(app.url, agent, `/api/live/log?eventId=${eventId}`, {
    'last-event-id': second?.id as string,
  })
  expect(await again.events(1)).toMatchObject([{ data: { seq: 3 } }])
  again.close()
  const guest = await follow(app.url, app.guest(), `/api/live/log?eventId=${eventId}`)
  await guest.events(3)
  const preview = await owner.call('POST', '/api/agent/live-controls', {
    action: 'preview_live_event_status_change',
    eventId,
    nextStatus: 'cancelled',
  })
  const { plan } = preview.body
  const cancelled = await confirm(owner, {
    ...{ action: 'confirm_live_event_status_change', eventId, nextStatus: 'cancelled' },
    observedUpdatedAt: preview.body.observedUpdatedAt,
    envelope: envelopeFor(plan, `cancel-${eventId}`),
  })
  expect(cancelled.status).toBe(200)
  await guest.ended
})

test('[LR-18] changes of status and of what a listener sees of the settings are entries', async () => {
  const update = { title: 'Another name', chatEnabled: false, description: 'Not told to the room' }
  const preview = await owner.call('POST', '/api/agent/live-controls', {
    ...{ action: 'preview_live_event_schedule_change', eventId, status: 'live', streamProvider: 'none' },
    ...{ subscriberOnly: false, ...update },
  })
  const confirmed = await confirm(owner, {
    ...{ action: 'confirm_live_event_schedule_change', eventId, ...update },
    observedUpdatedAt: preview.body.observedUpdatedAt,
    envelope: envelopeFor(preview.body.plan, `settings-${eventId}`),
  })
  expect(confirmed.status).toBe(200)
  const slow = { id: eventId, slowModeSeconds: 30 }
  expect((await owner.call('PATCH', '/api/admin/live-events/chat', slow)).status).toBe(200)
  expect((await read()).body.entries).toMatchObject([
    { seq: 1, kind: 'settings', title: 'Another name', chatEnabled: false },
    { seq: 2, kind: 'settings', slowModeSeconds: 30 },
  ])
  expect(JSON.stringify((await read()).body.entries)).not.toContain('Not told')
})
