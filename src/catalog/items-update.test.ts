import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { lesson, tier } from '../../test/harness/catalog.ts'
import { insertItem } from './store.ts'

const PATH = '/api/admin/catalog/items/lesson-offering/intro-guitar-lesson'
const TIER = '/api/admin/catalog/items/membership-tier/studio-circle'

let app: TestApp | undefined
let owner: Caller

beforeEach(async () => {
  await app?.close()
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  for (const item of [lesson({ details: { bookedSessions: 2 } }), tier({ details: { members: 1 } })])
    await app.deps.db.transaction((tx) =>
      insertItem(tx, 'laurel', item, new Date('2026-05-16T07:00:00.000Z')),
    )
})
afterAll(() => app?.close())
const patch = (path: string, body: Record<string, unknown>) => owner.call('PATCH', path, body)

describe('changing items', () => {
  test('[CA-10] what is named changes, the rest stays, and the plan says it in words', async () => {
    const { body } = await patch(PATH, { amountCents: 8000, expectedVersion: 1 })
    expect(body.plan).toMatchObject({
      confirmationText: 'I confirm updating Intro guitar lesson to $80.00.',
      changes: [
        { pointer: '/amountCents', before: 7500, after: 8000, shown: { before: '$75.00', after: '$80.00' } },
      ],
      warnings: [
        '2 booked sessions stay as agreed; only new bookings see the change.',
        'Only the catalog changes: the price at Stripe stays, and the next scan tells of the difference.',
      ],
    })
    expect(body.item).toMatchObject({ amountCents: 8000, title: 'Intro guitar lesson', version: 2 })
  })

  test('[CA-10] a mapping is exchanged and removed without being shown', async () => {
    const { body } = await patch(PATH, { stripePriceId: 'price_1OtherNext' })
    expect(body.plan.changes).toEqual([
      {
        ...{ op: 'update', pointer: '/stripePriceId', label: 'price at Stripe' },
        ...{ before: 'price_...ntro', after: 'price_...Next' },
      },
    ])
    expect(body.plan.confirmationText).toBe(
      'I confirm updating Intro guitar lesson to the Stripe price price_...Next.',
    )
    // another id with the same last characters is another plan
    const digestOf = async (stripePriceId: string) =>
      (await patch(PATH, { stripePriceId, dryRun: true })).body.plan.planDigest
    expect(await digestOf('price_1AnotherNext')).not.toBe(await digestOf('price_2AnotherNext'))
    expect((await patch(PATH, { stripePriceId: null })).body.item).toMatchObject({
      hasStripePrice: false,
      redactedStripePriceId: null,
      version: 3,
    })
  })

  test('[CA-10] a tier is retired with a word on its members, and what is retired is off sale', async () => {
    const { body } = await patch(TIER, { status: 'retired' })
    expect(body.plan.warnings).toEqual(['1 member is in the tier; nobody can join it any more.'])
    expect(body.item).toMatchObject({ status: 'retired', active: false })
  })

  test('[CA-11] what moved on is refused, by version and by time', async () => {
    const { body } = await patch(PATH, { title: 'First lesson' })
    const stale = await patch(PATH, { amountCents: 9000, expectedVersion: 1 })
    expect([stale.status, stale.body.code]).toEqual([412, 'stale'])
    expect(stale.body.plan.observed[0].version).toBe(2)
    const old = await patch(PATH, { amountCents: 9000, observedUpdatedAt: '2026-05-16T07:00:00.000Z' })
    expect(old.body.code).toBe('stale')
    const now = await patch(PATH, { amountCents: 9000, observedUpdatedAt: body.item.updatedAt })
    expect(now.status).toBe(200)
  })

  test('[CA-11] of many at once with one version, one is done', async () => {
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, n) => patch(PATH, { amountCents: 8000 + n, expectedVersion: 1 })),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200, 412]))
  })

  test('[CA-10] what changes nothing, or does not fit the kind, is refused', async () => {
    expect((await patch(PATH, { amountCents: 7500 })).body.code).toBe('plan-blocked')
    expect((await patch(PATH, { interval: 'year' })).body.errors[0].pointer).toBe('/interval')
    expect((await patch(TIER, { interval: 'year' })).body.plan.confirmationText).toBe(
      'I confirm updating Studio Circle to $12.00 a year.',
    )
    expect((await patch(`${PATH}s`, { amountCents: 1 })).status).toBe(404)
  })
})
