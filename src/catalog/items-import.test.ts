import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { dump } from '../../test/security/world.ts'

const IMPORTS = '/api/admin/catalog/imports'
const item = (n: number, more: Record<string, unknown> = {}) => ({
  sourceKind: 'lesson-offering',
  title: `Lesson ${n}`,
  amountCents: 1000 + n,
  currency: 'usd',
  ...more,
})

let app: TestApp | undefined
let owner: Caller
beforeEach(async () => {
  await app?.close()
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
})
afterAll(() => app?.close())
const here = (): TestApp => app as TestApp
const load = (items: unknown[], more = {}) => owner.call('POST', IMPORTS, { items, ...more })

describe('importing items', () => {
  test('[CA-13] new ones are made, changed ones replaced, the others left alone', async () => {
    const first = await load([item(1, { stripePriceId: 'price_secretpartone' }), item(2)])
    expect(first.body.plan.confirmationText).toBe(
      'I confirm importing 2 items into the catalog: 2 new, 0 changed.',
    )
    const { body } = await load([item(1), item(2, { amountCents: 5 }), item(3)])
    expect(body.items.map(({ key, version }: any) => [key, version])).toEqual([
      ['lesson-2', 2],
      ['lesson-3', 1],
    ])
    expect(body.unchanged).toBe(1)
    // left out: as it was; null: none
    const listed = async () =>
      (await owner.call('GET', '/api/admin/catalog/items?limit=1')).body.items[0].redactedStripePriceId
    expect(await listed()).toBe('price_...tone')
    await load([item(1, { stripePriceId: null })])
    expect(await listed()).toBeNull()
  })

  test('[CA-13] all of them are written or none', async () => {
    const { status, body } = await load([item(1), item(2, { interval: 'month' })])
    expect([status, body.errors[0].pointer]).toEqual([400, '/items/1/interval'])
    expect((await load([item(1), item(1)])).body.errors[0].pointer).toBe('/items/1/key')
    expect((await owner.call('GET', '/api/admin/catalog/items')).body.items).toEqual([])
  })

  test('[CA-13] two imports at once of the same items, in other orders, both end', async () => {
    const items = [item(1), item(2), item(3)]
    const replies = await Promise.all([load(items), load(items.toReversed()), load(items)])
    // who comes later finds them there, or is told so
    for (const { status } of replies) expect([200, 409, 412]).toContain(status)
    expect(replies.some(({ status }) => status === 200)).toBe(true)
    const { items: made } = (await owner.call('GET', '/api/admin/catalog/items')).body
    expect(made.map(({ version }: any) => version)).toEqual([1, 1, 1])
  })

  test('[CA-8] a grant asks for an approval, in which the ids of prices are sealed', async () => {
    const agent = await here().key({ org: 'laurel', role: 'agent' })
    const items = [item(1, { stripePriceId: 'price_secretpartone' })]
    const { plan } = (await agent.call('POST', IMPORTS, { items, dryRun: true })).body
    const opened = await agent.call('POST', '/api/agent/sessions', {
      workflow: 'import',
      client: { id: 'c', name: 'C', kind: 'test' },
    })
    const session = `/api/agent/sessions/${opened.body.session.id}`
    const asked = await agent.call('POST', `${session}/approvals`, {
      ...{
        operationId: 'catalog.items.import',
        input: { items },
        planDigest: plan.planDigest,
        reason: 'New.',
      },
    })
    expect(asked.status).toBe(201)
    expect(Object.values(await dump(here())).join()).not.toContain('secretpart')
    const approval = asked.body.approval.id
    const page = await owner.call('GET', `/approvals/${opened.body.session.id}/${approval}`)
    expect(page.body.text).toContain('Lesson 1')
    expect(page.body.text).not.toContain('secretpart')
    await owner.call('PATCH', `${session}/approvals/${approval}`, {
      decision: 'approve',
      planDigest: plan.planDigest,
    })
    const done = await agent.call(
      'POST',
      IMPORTS,
      { items },
      {
        'countersign-approval': `${approval} ${plan.planDigest}`,
        'idempotency-key': 'import-by-agent',
      },
    )
    expect(done.body.items).toMatchObject([{ redactedStripePriceId: 'price_...tone' }])
  })
})
