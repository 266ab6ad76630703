import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'

let app: TestApp
let owner: Caller
beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
})
afterAll(() => app.close())

const entry = (title: string, more: object = {}) => ({ title, summary: 'What was done.', ...more })
const put = (id: string, body: object, headers: Record<string, string> = {}, who = owner) =>
  who.call('PUT', `/api/admin/work-log/${id}`, body, headers)
let cursor = ''
/** What came since it was last asked, once something did: other databases of the server hold back too. */
const news = (atLeast = 1): Promise<any[]> =>
  vi.waitFor(
    async () => {
      const { body } = await app.guest().call('GET', `/api/agent/sync-feeds/work-log?wait=5${cursor}`)
      expect(body.records.length).toBeGreaterThanOrEqual(atLeast)
      cursor = `&cursor=${body.nextCursor}`
      return body.records
    },
    { timeout: 20_000 },
  )

describe('[FD-17] people', () => {
  test('publish an entry once, however often the same request comes', async () => {
    const key = { 'idempotency-key': 'work-log-key-0001' }
    const replies = await Promise.all([1, 2, 3].map(() => put('launch', entry('Launch'), key)))
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(new Set(replies.map(({ body }) => body.updatedAt)).size).toBe(1)
    const other = await put('launch', entry('Another'), key)
    expect([other.status, other.body.code]).toEqual([422, 'idempotency-mismatch'])
    expect(await news()).toMatchObject([
      { key: 'launch', data: { id: 'launch', title: 'Launch', kind: 'announcement', url: null } },
    ])
  })

  test('change it where it has the version they saw', async () => {
    expect((await put('launch', entry('Launched', { expectedVersion: 1 }))).body.version).toBe(2)
    const stale = await put('launch', entry('Late', { expectedVersion: 1 }))
    expect([stale.status, stale.body.code]).toEqual([412, 'stale'])
    const removal = await owner.call('DELETE', '/api/admin/work-log/launch?expectedVersion=1')
    expect([removal.status, removal.body.code]).toEqual([412, 'stale'])
    expect((await news()).map(({ data }) => data.title)).toEqual(['Launched'])
  })

  test('create one of a name at once: one of them is told that it is there', async () => {
    const both = await Promise.all(['First', 'Second'].map((title) => put('race', entry(title))))
    // one after the other, or at once
    expect(both.map(({ status }) => status).sort()[0]).toBe(200)
    const records = await news()
    const applied = both.filter(({ status }) => status === 200)
    expect(records.map(({ data }) => data.title).sort()).toEqual(
      applied.map(({ body }) => body.entry.title).sort(),
    )
  })

  test('see a plan without effect, and neither a private link nor an id of the system is taken', async () => {
    const plan = await put('planned', entry('Planned', { dryRun: true }))
    expect(plan.body).toMatchObject({
      mode: 'preview',
      plan: { confirmationText: 'I confirm publishing Planned in the public work log.' },
    })
    expect((await put('planned', entry('Planned', { url: 'https://a:b@example.org/' }))).status).toBe(400)
    expect((await put('planned', entry('Planned', { url: 'javascript:alert(1)' }))).status).toBe(400)
    expect((await put('live-event:one', entry('Planned'))).status).toBe(400)
    expect((await put('planned', entry('Planned', { note: 'unknown' }))).status).toBe(400)
    expect((await owner.call('DELETE', '/api/admin/work-log/planned')).status).toBe(404)
  })

  test('and nobody else does', async () => {
    const member = await app.person('laurel', 'member')
    expect((await put('launch', entry('No'), {}, member)).status).toBe(403)
    expect((await put('launch', entry('No'), {}, app.guest())).status).toBe(401)
    const agent = await app.key({ org: 'laurel', role: 'agent' })
    const asked = await put('launch', entry('No'), {}, agent)
    expect([asked.status, asked.body.code]).toEqual([403, 'approval-required'])
  })
})

describe('[FD-16] the work log follows live events', () => {
  const schedule = (body: object) =>
    owner.call('POST', '/api/admin/live-events', {
      title: 'Studio Evening',
      startsAt: '2026-12-24T18:00:00.000Z',
      streamProvider: 'external_url',
      streamUrl: 'https://stream.example/canary-5be1',
      description: 'Canary-5be1',
      chatEnabled: true,
      subscriberOnly: false,
      ...body,
    })
  const status = (id: string, next: string) =>
    owner.call('PATCH', '/api/admin/live-events/status', { id, status: next, confirmed: true })

  test('from its schedule to its end, as guests see it', async () => {
    const draft = await schedule({ status: 'draft', title: 'Secret plans' })
    expect(draft.status, JSON.stringify(draft.body)).toBe(201)
    const created = await schedule({ status: 'scheduled' })
    const { id } = created.body.event
    expect(await news()).toMatchObject([
      {
        type: 'work-log.entry.upsert',
        key: `live-event:${id}`,
        data: {
          title: 'Studio Evening',
          summary: 'Scheduled for 2026-12-24T18:00:00.000Z.',
          kind: 'live-event',
        },
      },
    ])
    expect((await status(id, 'live')).status).toBe(200)
    expect(await news()).toMatchObject([{ key: `live-event:${id}`, data: { summary: 'Live now.' } }])
    expect((await status(id, 'ended')).status).toBe(200)
    expect(await news()).toMatchObject([{ key: `live-event:${id}`, data: { summary: 'Ended.' } }])
    // cancelled before it was ever public: no word of it
    expect((await status(draft.body.event.id, 'cancelled')).status).toBe(200)
    const other = await schedule({ status: 'scheduled', title: 'Matinee' })
    expect((await status(other.body.event.id, 'cancelled')).status).toBe(200)
    const records = [...(await news(1))]
    while (records.length < 2) records.push(...(await news(1)))
    expect(records).toMatchObject([
      { key: `live-event:${other.body.event.id}`, tombstone: false },
      {
        type: 'work-log.entry.delete',
        key: `live-event:${other.body.event.id}`,
        tombstone: true,
        data: null,
      },
    ])
    const all = JSON.stringify(
      (await app.guest().call('GET', '/api/agent/sync-feeds/work-log?limit=500')).body,
    )
    expect(all).not.toMatch(/canary-5be1|Secret plans/i)
  })

  test('a change that guests would not see adds nothing', async () => {
    const { body } = await schedule({ status: 'scheduled', title: 'Quiet' })
    await news()
    const linked = await owner.call('GET', `/api/agent/live-controls?eventId=${body.event.id}`)
    const event = linked.body.live.events.find((each: any) => each.id === body.event.id)
    const { title, startsAt } = event
    const change = {
      eventId: event.id,
      title,
      startsAt,
      status: 'scheduled',
      streamProvider: 'none',
      description: 'New words',
      chatEnabled: false,
      subscriberOnly: false,
    }
    const preview = await owner.call('POST', '/api/agent/live-controls', {
      action: 'preview_live_event_schedule_change',
      ...change,
    })
    expect(preview.status, JSON.stringify(preview.body)).toBe(200)
    const { plan } = preview.body
    const confirmed = await owner.call('POST', '/api/agent/live-controls', {
      action: 'confirm_live_event_schedule_change',
      ...change,
      observedUpdatedAt: event.updatedAt,
      envelope: {
        contract: 'agent-write-envelope.v1',
        contractId: 'creator.live.schedule-and-status',
        actionMode: 'execute',
        dryRun: false,
        actor: 'Test',
        client: 'client-test',
        action: 'creator.live.schedule.update',
        target: { kind: 'live-event', id: event.id },
        confirmation: { text: plan.confirmationText, acknowledgedRisk: true },
        idempotencyKey: 'quiet-change-0001',
        reason: 'Test',
        auditCorrelationId: 'test',
      },
    })
    expect(confirmed.status, JSON.stringify(confirmed.body)).toBe(200)
    await put('marker', entry('Marker'))
    expect((await news()).map(({ key }) => key)).toEqual(['marker'])
  })
})

describe('[FD-21] the work log follows the catalog', () => {
  const items = '/api/admin/catalog/items'
  const patch = async (change: object) => {
    const { body } = await owner.call('GET', '/api/admin/catalog/items/shop-product/score')
    const { version: expectedVersion, updatedAt: observedUpdatedAt } = body.item
    return owner.call('PATCH', `${items}/shop-product/score`, {
      ...change,
      expectedVersion,
      observedUpdatedAt,
    })
  }

  test('from the first offer to the end of it, as guests see it', async () => {
    const score = { title: 'Signed score', amountCents: 1800, currency: 'usd', key: 'score' }
    const created = await owner.call('POST', items, { ...score, sourceKind: 'shop-product' })
    expect(created.status, JSON.stringify(created.body)).toBe(201)
    expect((await patch({ status: 'active' })).body.mode).toBe('applied')
    expect(await news()).toMatchObject([
      {
        key: 'shop-product:score',
        data: { title: 'Signed score', summary: 'Offered at $18.00.', kind: 'shop' },
      },
    ])
    expect((await patch({ stripePriceId: 'price_canary5be1' })).body.mode).toBe('applied')
    expect((await patch({ amountCents: 2000 })).body.mode).toBe('applied')
    expect(await news()).toMatchObject([
      { key: 'shop-product:score', data: { summary: 'Offered at $20.00.' } },
    ])
    expect((await patch({ visible: false })).body.mode).toBe('applied')
    expect(await news()).toMatchObject([
      { type: 'work-log.entry.delete', key: 'shop-product:score', tombstone: true, data: null },
    ])
  })

  test('and what an import offers', async () => {
    const tier = { sourceKind: 'membership-tier', key: 'circle', title: 'Circle', interval: 'month' }
    const item = { ...tier, amountCents: 1200, currency: 'usd', status: 'active' }
    const draft = { ...item, key: 'drawer', title: 'Secret drawer', status: 'draft' }
    const imported = await owner.call('POST', '/api/admin/catalog/imports', { items: [item, draft] })
    expect(imported.status, JSON.stringify(imported.body)).toBe(200)
    expect(await news()).toMatchObject([
      { key: 'membership-tier:circle', data: { summary: 'Offered at $12.00 a month.', kind: 'membership' } },
    ])
    const all = JSON.stringify(
      (await app.guest().call('GET', '/api/agent/sync-feeds/work-log?limit=500')).body,
    )
    expect(all).not.toMatch(/canary5be1|Secret drawer/i)
  })
})
