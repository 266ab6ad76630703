import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { ADMIN, liveAudit } from '../../test/harness/live.ts'

let app: TestApp
let owner: Caller
let automation: Caller
let agent: Caller

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  automation = await app.key({ org: 'laurel', role: 'automation' })
  agent = await app.key({ org: 'laurel', role: 'agent' })
})
afterAll(() => app.close())

const ROOM = {
  title: 'Tape night',
  status: 'scheduled',
  startsAt: '2026-09-01T18:00:00.000Z',
  streamProvider: 'none',
  chatEnabled: true,
  subscriberOnly: false,
}
const create = (caller: Caller, more: Record<string, unknown> = {}, headers?: Record<string, string>) =>
  caller.call('POST', ADMIN, { ...ROOM, ...more }, headers)
const eventsOf = async (): Promise<any[]> =>
  (await owner.call('GET', '/api/agent/live-controls')).body.live.events

describe('creating an event over the admin route', () => {
  test('[LA-1] a person creates one directly, and it is audited with who did it', async () => {
    const { status, body } = await create(owner, { description: 'Side B' })
    expect([status, body.mode]).toEqual([201, 'applied'])
    expect(body.event).toMatchObject({ title: 'Tape night', description: 'Side B', status: 'scheduled' })
    expect(await liveAudit(owner, `?eventId=${body.event.id}`)).toMatchObject([
      {
        action: 'event_create',
        actions: ['event_create'],
        operationId: 'live.events.schedule',
        principal: { source: 'first-party-session', role: 'creator' },
        previous: null,
        next: { id: body.event.id },
      },
    ])
  })

  test('[LA-1] automation does so too, and one key creates one event', async () => {
    const key = { 'idempotency-key': 'tape-night-0001' }
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => create(automation, { title: 'Once' }, key)),
    )
    expect(new Set(replies.map(({ body }) => body.event.id)).size).toBe(1)
    expect((await eventsOf()).filter(({ title }) => title === 'Once')).toHaveLength(1)
  })

  test('[LA-2] a grant is told to preview and to ask for approval, and creates nothing', async () => {
    const refused = await create(agent, { title: 'By an agent' })
    expect([refused.status, refused.body.code]).toEqual([403, 'approval-required'])
    expect(refused.body.nextAction).toMatch(/dryRun: true.*\/api\/agent\/sessions\/\{sessionId\}\/approvals/)
    expect(refused.body.plan.planDigest).toHaveLength(64)
    expect((await eventsOf()).filter(({ title }) => title === 'By an agent')).toEqual([])
  })

  test('[LA-3] what is linked and streamed from at once is found under each of the three actions', async () => {
    const { body } = await create(owner, {
      communityChannelId: 'general',
      streamProvider: 'external_url',
      streamUrl: 'https://stream.example/secret-path',
    })
    for (const action of ['event_create', 'community_channel_link', 'stream_setup_update'])
      expect(await liveAudit(owner, `?eventId=${body.event.id}&action=${action}`), action).toHaveLength(1)
    expect(JSON.stringify(await liveAudit(owner))).not.toContain('secret-path')
  })

  test.each([
    ['cancelled', { status: 'cancelled' }, 'status-forbidden'],
    ['live without its stream', { status: 'live', streamProvider: 'cloudflare_stream' }, 'status-not-ready'],
    ['scheduled without a start', { startsAt: undefined }, 'plan-blocked'],
    ['linked to a channel that is none', { communityChannelId: 'nowhere' }, 'plan-blocked'],
  ])('[LA-1] an event %s is not created', async (_, more, code) => {
    const before = (await eventsOf()).length
    expect((await create(owner, more)).body.code).toBe(code)
    expect(await eventsOf()).toHaveLength(before)
  })

  test('[LA-4] dryRun answers the plan and creates nothing', async () => {
    const before = (await eventsOf()).length
    const { status, body } = await create(owner, { dryRun: true })
    expect([status, body.mode, body.plan.target.id]).toEqual([200, 'preview', null])
    expect(await eventsOf()).toHaveLength(before)
  })
})
