import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestApp } from '../../../test/harness/app.ts'
import { lesson, tier } from '../../../test/harness/catalog.ts'
import { driftApp, openFindings, scan } from '../../../test/harness/drift.ts'
import { listItemsAfter } from '../../catalog/items.ts'
import type { CatalogItem, Written } from '../../catalog/rules.ts'
import { deleteItem, findItem, insertItem, updateItem } from '../../catalog/store.ts'
import { monthly, type Price } from '../../demo/stripe/objects.ts'
import type { StripeServer } from '../../demo/stripe/server.ts'
import { judge } from './judge.ts'
import { speaks } from './rules.ts'
import type { ItemSide, PriceSide } from './sides.ts'

let drift: Awaited<ReturnType<typeof driftApp>>
let app: TestApp
let stripe: StripeServer
const org = 'laurel'

beforeAll(async () => {
  drift = await driftApp([org])
  app = drift.app
  stripe = drift.stripe()
  for (let n = 0; n < 3; n++) stripe.state.addProduct({ name: `Product ${n}` })
})
afterAll(() => drift.close())

type Edit = { what: string; which: number; other: number; value: number }
const edit: fc.Arbitrary<Edit> = fc.record({
  what: fc.constantFrom(
    ...['item', 'item', 'amount', 'currency', 'interval', 'status', 'mapping', 'mapping', 'delete', 'price'],
    ...['price', 'activity', 'metadata', 'product', 'gone', 'wait'],
  ),
  which: fc.nat(1000),
  other: fc.nat(1000),
  value: fc.nat(3),
})
const step = fc.record({ edits: fc.array(edit, { maxLength: 6 }), full: fc.boolean() })

const pick = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)]
const items = () => listItemsAfter(app.deps.db, org, null, 10_000)
const priceOf = (n: number): string | null =>
  n % 7 === 0
    ? null
    : n % 7 === 1
      ? `price_nobodyhas${n % 3}`
      : (pick(stripe.state.prices.items, n)?.id ?? null)

let made = 0
/** Makes a change; answers whether only a full scan can see it. */
async function make({ what, which, other, value }: Edit): Promise<boolean> {
  const item = pick(await items(), which)
  const price = pick(stripe.state.prices.items, which)
  const amountCents = 1000 + value * 100
  const change = async (fields: Partial<Written>) => {
    if (!item) return
    await app.deps.db.transaction(async (tx) => {
      const before = (await findItem(tx, org, item)) as CatalogItem
      await updateItem(tx, org, { ...before, ...fields }, app.deps.clock())
    })
  }
  if (what === 'item') {
    const fields = { key: `item-${++made}`, amountCents, stripePriceId: priceOf(other) }
    const written = value % 2 === 0 ? lesson(fields) : tier(fields)
    await app.deps.db.transaction((tx) => insertItem(tx, org, written, app.deps.clock()))
  } else if (what === 'amount') await change({ amountCents })
  else if (what === 'currency') await change({ currency: value === 0 ? 'jpy' : 'usd' })
  else if (what === 'interval' && item?.interval) await change({ interval: value === 0 ? 'year' : 'month' })
  else if (what === 'status') await change({ status: value === 0 ? 'retired' : 'active' })
  else if (what === 'mapping') await change({ stripePriceId: priceOf(other) })
  else if (what === 'delete' && item && value === 0) {
    await app.deps.db.transaction((tx) => deleteItem(tx, org, item))
    return true
  } else if (what === 'price') {
    const product = pick(stripe.state.products.items, other)?.id as string
    const metadata: Record<string, string> = value === 3 ? { countersign_item: 'lesson-offering:once' } : {}
    const recurring = other % 2 === 0 ? monthly : null
    stripe.state.addPrice({ product, unit_amount: amountCents, recurring, metadata })
  } else if (what === 'activity' && price) stripe.state.setPrice(price.id, { active: !price.active })
  else if (what === 'metadata' && price)
    stripe.state.setPrice(price.id, {
      metadata: value === 0 ? { countersign_item: 'lesson-offering:intro' } : {},
    })
  else if (what === 'product') {
    const product = pick(stripe.state.products.items, which)
    if (product) stripe.state.setProduct(product.id, { active: !product.active })
  } else if (what === 'gone' && price && value === 0) stripe.state.deletePrice(price.id)
  else if (what === 'gone' && price && value === 1) {
    stripe.state.vanishPrice(price.id)
    return true
  } else if (what === 'wait') app.advance(value * 400_000)
  return false
}

const sideOf = (price: Price): PriceSide => ({
  id: price.id,
  productId: price.product,
  active: price.active,
  currency: price.currency,
  unitAmount: price.unit_amount,
  interval: price.recurring?.interval ?? null,
  intervalCount: price.recurring?.interval_count ?? null,
  madeFor: price.metadata.countersign_item ?? null,
})

/** Everything judged from both sides as they are, with nothing that was kept. */
async function fromTheBeginning(): Promise<string[]> {
  const all: ItemSide[] = await items()
  const prices = stripe.state.prices.items.map(sideOf)
  const mappedIds = all.flatMap(({ stripePriceId }) => (stripePriceId === null ? [] : [stripePriceId]))
  const ours = stripe.state.products.items.filter(({ id }) => {
    const own = prices.filter(({ productId }) => productId === id)
    return speaks({ prices: own.length, mapped: own.some((each) => mappedIds.includes(each.id)) })
  })
  const priceIds = [...new Set([...prices.map(({ id }) => id), ...mappedIds])]
  const { findings } = judge(
    app.deps.sealing,
    {
      prices: new Map(prices.map((price) => [price.id, price])),
      products: new Map(stripe.state.products.items.map(({ id, active }) => [id, { id, active }])),
      itemsOf: new Map(
        priceIds.map((id) => [id, all.filter(({ stripePriceId }) => stripePriceId === id)] as const),
      ),
      ours: new Set(ours.map(({ id }) => id)),
      coverage: 'both-sides',
    },
    { items: all, priceIds },
  )
  return findings
    .map((each) => `${each.class} ${each.sourceKind}:${each.key} ${each.evidenceHash} ${each.summary}`)
    .sort()
}

const kept = async (): Promise<string[]> =>
  (await openFindings(app, org))
    .map((each) => `${each.class} ${each.sourceKind}:${each.key} ${each.evidenceHash} ${each.summary}`)
    .sort()

test('[DR-15] whatever is changed on both sides, a scan leaves what judging everything would find', async () => {
  let most = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      for (const { edits, full } of steps) {
        let onlyFull = false
        for (const each of edits) onlyFull = (await make(each)) || onlyFull
        const run = await scan(app, org, full || onlyFull ? 'full' : 'incremental')
        expect(run.status).toBe('completed')
        const found = await kept()
        most = Math.max(most, found.length)
        expect(found).toEqual(await fromTheBeginning())
      }
    }),
    { numRuns: 15, endOnFailure: true },
  )
  expect(most).toBeGreaterThan(3)
}, 120_000)
