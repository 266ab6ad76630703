import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { TestApp } from '../../../test/harness/app.ts'
import { lesson, product, tier } from '../../../test/harness/catalog.ts'
import { driftApp, open, scan } from '../../../test/harness/drift.ts'
import { pseudonym } from '../../catalog/redact.ts'
import type { CatalogItem, Written } from '../../catalog/rules.ts'
import { deleteItem, findItem, insertItem, updateItem } from '../../catalog/store.ts'
import type { StripeServer } from '../../demo/stripe/server.ts'
import { driftStatement } from '../engine/drift.ts'
import { STRIPE_CATALOG } from './definition.ts'

const ORGS = Array.from({ length: 12 }, (_, n) => `org-${n}`)
let drift: Awaited<ReturnType<typeof driftApp>>
let app: TestApp
let org: string
let stripe: StripeServer
let next = 0

beforeAll(async () => {
  drift = await driftApp(ORGS)
  app = drift.app
})
afterAll(() => drift.close())
beforeEach(() => {
  org = ORGS[next++] as string
  stripe = drift.stripe(org)
})

const add = (item: Written): Promise<CatalogItem | undefined> =>
  app.deps.db.transaction((tx) => insertItem(tx, org, item, app.deps.clock()))
async function change(item: Pick<Written, 'sourceKind' | 'key'>, fields: Partial<Written>) {
  await app.deps.db.transaction(async (tx) => {
    const before = (await findItem(tx, org, item)) as CatalogItem
    await updateItem(tx, org, { ...before, ...fields }, app.deps.clock())
  })
}
const monthly = {
  interval: 'month',
  interval_count: 1,
  trial_period_days: null,
  usage_type: 'licensed',
} as const
const named = (id: string) => `stripe-price:${pseudonym(app.deps.sealing, id)}`

/** A catalog that agrees: a lesson, a store item and a tier, each with its price and product. */
async function agreeing() {
  const made = {
    lesson: stripe.state.addPrice({
      product: stripe.state.addProduct({ name: 'Lesson' }).id,
      unit_amount: 7500,
    }),
    score: stripe.state.addPrice({
      product: stripe.state.addProduct({ name: 'Score' }).id,
      unit_amount: 1800,
    }),
    tier: stripe.state.addPrice({
      product: stripe.state.addProduct({ name: 'Tier' }).id,
      unit_amount: 1200,
      recurring: monthly,
    }),
  }
  await add(lesson({ stripePriceId: made.lesson.id }))
  await add(product({ stripePriceId: made.score.id }))
  await add(tier({ stripePriceId: made.tier.id }))
  return made
}

describe('[DR-10] drift that is made on either side', () => {
  test('is found by a full scan as exactly what it is, and is resolved by the scan after it was mended', async () => {
    const made = await agreeing()
    stripe.state.seedPrices(150)
    expect(await scan(app, org, 'full')).toMatchObject({ status: 'completed', opened: 0, conflicts: 0 })
    expect(await driftStatement(app.deps.db, org, STRIPE_CATALOG)).toMatchObject({
      statement: 'no-drift',
      coverage: 'both-sides',
    })
    for (const mode of ['full', 'incremental'] as const) {
      const other = stripe.state.addPrice({ product: made.lesson.product, unit_amount: 9900 })
      stripe.state.setProduct(made.score.product, { active: false })
      await change(lesson(), { amountCents: 8000 })
      await change(tier(), { interval: 'year', currency: 'eur' })
      await add(
        lesson({ key: 'second-lesson', stripePriceId: made.tier.id, currency: 'jpy', status: 'draft' }),
      )
      await add(product({ key: 'unmapped' }))
      await add(product({ key: 'mistaken', stripePriceId: 'price_thatnobodyhas' }))
      await scan(app, org, mode)
      expect(await open(app, org)).toEqual([
        'amount lesson-offering:intro-guitar-lesson',
        'archived shop-product:signed-score-download',
        'currency membership-tier:studio-circle',
        'interval membership-tier:studio-circle',
        'missing-price shop-product:mistaken',
        'missing-price shop-product:unmapped',
        `orphaned ${named(other.id)}`,
      ])
      await change({ sourceKind: 'lesson-offering', key: 'second-lesson' }, { status: 'active' })
      stripe.state.setPrice(made.tier.id, { active: false })
      await scan(app, org, mode)
      const found = await open(app, org)
      expect(found).toContain(`duplicate-mapping ${named(made.tier.id)}`)
      expect(found).toContain('archived membership-tier:studio-circle')
      expect(found).toContain('archived lesson-offering:second-lesson')
      expect(found).toContain('currency lesson-offering:second-lesson')

      stripe.state.setPrice(made.tier.id, { active: true })
      stripe.state.setPrice(other.id, { active: false })
      stripe.state.setProduct(made.score.product, { active: true })
      await change(lesson(), { amountCents: 7500 })
      await change(tier(), { interval: 'month', currency: 'usd' })
      for (const [sourceKind, key] of [
        ['lesson-offering', 'second-lesson'],
        ['shop-product', 'unmapped'],
        ['shop-product', 'mistaken'],
      ] as const)
        await change({ sourceKind, key }, { status: 'draft' })
      const mended = await scan(app, org, mode)
      expect(await open(app, org)).toEqual([])
      expect(mended.resolved).toBeGreaterThan(0)
      for (const [sourceKind, key] of [
        ['lesson-offering', 'second-lesson'],
        ['shop-product', 'unmapped'],
        ['shop-product', 'mistaken'],
      ] as const)
        await app.deps.db.transaction((tx) => deleteItem(tx, org, { sourceKind, key }))
    }
  })

  test('a scan of what changed reads what changed', async () => {
    await agreeing()
    stripe.state.seedPrices(250)
    await scan(app, org, 'full')
    app.advance(3_600_000)
    const before = stripe.requests.length
    expect(await scan(app, org, 'incremental')).toMatchObject({ status: 'completed', mode: 'incremental' })
    expect(stripe.requests.slice(before).map(({ path }) => path)).toEqual(['/v1/events'])
  })
})
