import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../../test/harness/app.ts'
import { lesson, product, tier } from '../../test/harness/catalog.ts'
import { insertItem } from './store.ts'

const PATH = '/api/admin/stripe-catalog'
let app: TestApp
beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  const at = (minutes: string) => new Date(`2026-05-16T07:${minutes}:00.000Z`)
  const add = (item: Parameters<typeof insertItem>[2], minutes: string) =>
    app.deps.db.transaction((tx) => insertItem(tx, 'laurel', item, at(minutes)))
  await add(lesson(), '00')
  await add(product(), '05')
  await add(tier(), '10')
  await add(tier({ key: 'free-circle', amountCents: 0, stripePriceId: null }), '11')
  await add(product({ key: 'draft-score', status: 'draft' }), '12')
})
afterAll(() => app.close())

describe('readiness for Stripe', () => {
  test('[CA-15] has the references of the contract, and says what is missing', async () => {
    const owner = await app.person('laurel', 'owner')
    const { status, body } = await owner.call('GET', PATH)
    expect(status).toBe(200)
    expect(body.references[0]).toEqual({
      key: 'lesson-offering:intro-guitar-lesson',
      sourceKind: 'lesson-offering',
      title: 'Intro guitar lesson',
      updatedAt: '2026-05-16T07:00:00.000Z',
      active: true,
      amountCents: 7500,
      currency: 'usd',
      modelVisibleReference: 'catalog-ref:lesson-offering:intro-guitar-lesson:2026-05-16T07:00:00.000Z',
      hasStripePrice: true,
      redactedStripePriceId: 'price_...ntro',
      ready: true,
      missing: [],
    })
    expect(body.references.filter(({ ready }: any) => !ready)).toMatchObject([
      { key: 'shop-product:signed-score-download', missing: ['stripe-price'], redactedStripePriceId: null },
    ])
    expect(body).toMatchObject({
      ready: false,
      counts: { total: 5, active: 4, mapped: 2, activeUnmapped: 1, sharedPrices: 0 },
      countsByKind: { 'membership-tier': { total: 2, active: 2, mapped: 1, activeUnmapped: 0 } },
    })
  })

  test('[CA-15] pages on, and tells of a price that two items share', async () => {
    const owner = await app.person('laurel', 'owner')
    await owner.call('PATCH', '/api/admin/catalog/items/shop-product/signed-score-download', {
      stripePriceId: 'price_abcdintro',
    })
    const first = (await owner.call('GET', `${PATH}?limit=3`)).body
    expect(first).toMatchObject({ ready: false, counts: { activeUnmapped: 0, sharedPrices: 1 } })
    const rest = (await owner.call('GET', `${PATH}?limit=3&cursor=${encodeURIComponent(first.nextCursor)}`))
      .body
    expect([first.references.length, rest.references.length, rest.nextCursor]).toEqual([3, 2, null])
  })

  test('[CA-9] is for those who administer', async () => {
    expect((await app.guest().call('GET', PATH)).status).toBe(401)
    expect((await (await app.person('laurel', 'member')).call('GET', PATH)).status).toBe(403)
  })
})
