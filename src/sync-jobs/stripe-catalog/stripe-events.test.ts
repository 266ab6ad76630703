import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type StripeServer, startStripe } from '../../demo/stripe/server.ts'
import { accessTo, type StripeAccess } from '../../stripe/client.ts'
import type { Source, SourceRecord } from '../engine/definition.ts'
import { eventsSource } from './stripe-events.ts'
import { asOfNow, pricesSource, productsSource, readMissing } from './stripe-side.ts'

const START = Math.floor(Date.UTC(2026, 4, 16, 7) / 1000)
const signal = new AbortController().signal
let server: StripeServer
let access: StripeAccess
let second: number

beforeEach(async () => {
  second = START
  server = await startStripe({ now: () => second })
  access = accessTo({ org: 'laurel', key: server.key, url: server.url, requestsPerSecond: 100 })
})
afterEach(() => server.stop())

/** Every page, as an engine takes them, and the watermark of the last one. */
async function walk(source: Source, limit: number, cursor: string | null = null) {
  const pages: SourceRecord[][] = []
  for (;;) {
    const page = await source.read(cursor, limit, signal)
    pages.push([...page.records])
    if (page.next === null) return { pages, records: pages.flat(), watermark: page.highWatermark }
    expect(page.highWatermark).toBeUndefined()
    cursor = page.next
  }
}

/** What a reader holds that keeps, of each object, the record with the latest time, the later of equal ones. */
function kept(records: readonly SourceRecord[]) {
  const state = new Map<string, SourceRecord>()
  for (const record of records) {
    const before = state.get(record.key)
    if (!before || record.updatedAt >= before.updatedAt) state.set(record.key, record)
  }
  return state
}

test('[DR-8] whatever is changed in whichever seconds, a walk through events of any page size ends with what Stripe has', async () => {
  const change = fc.record({
    which: fc.integer({ min: 0, max: 3 }),
    pause: fc.constantFrom(0, 0, 0, 1, 7),
    what: fc.constantFrom('active', 'nickname', 'metadata', 'product'),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 40 }),
      fc.integer({ min: 1, max: 7 }),
      async (changes, limit) => {
        server.state.events.items.splice(0)
        const product = server.state.addProduct({ name: 'Lessons' })
        const prices = Array.from({ length: 4 }, () => server.state.addPrice({ product: product.id }))
        for (const { which, pause, what } of changes) {
          second += pause
          const { id, active } = prices[which] as { id: string; active: boolean }
          if (what === 'active') server.state.setPrice(id, { active: !active })
          else if (what === 'nickname') server.state.setPrice(id, { nickname: `${second}` })
          else if (what === 'metadata')
            server.state.setPrice(id, { metadata: { countersign_item: `lesson-offering:n${second}` } })
          else server.state.setProduct(product.id, { active: !server.state.products.get(product.id)?.active })
        }
        const { records, watermark } = await walk(eventsSource(access, new Date(START * 1000)), limit)
        expect(watermark).toEqual(new Date((server.state.events.items.at(-1)?.created ?? 0) * 1000))
        const state = kept(records)
        for (const price of prices) expect(state.get(price.id)?.content.active).toBe(price.active)
        for (const price of prices)
          expect(state.get(price.id)?.content.madeFor).toBe(price.metadata.countersign_item ?? null)
        expect(state.get(product.id)?.content.active).toBe(product.active)
        second += 1
      },
    ),
    { numRuns: 40 },
  )
})

test('[DR-8] the watermark is told only when the walk back has reached the former one, also after it was taken up again', async () => {
  const product = server.state.addProduct({ name: 'Lessons' })
  const price = server.state.addPrice({ product: product.id })
  for (let n = 0; n < 10; n++) {
    second++
    server.state.setPrice(price.id, { nickname: `${n}` })
  }
  const source = eventsSource(access, new Date(START * 1000))
  const first = await source.read(null, 4, signal)
  expect(first.next).not.toBeNull()
  const newest = new Date(second * 1000)
  second += 100
  server.state.setPrice(price.id, { nickname: 'while it was away' })
  // somebody else goes on, who was told a later time to begin at
  const { records, watermark } = await walk(eventsSource(access, new Date(second * 1000)), 4, first.next)
  expect(watermark).toEqual(newest)
  expect(records.at(-1)?.updatedAt).toEqual(new Date(START * 1000))
  const later = await walk(eventsSource(access, newest), 4)
  expect(later.watermark).toEqual(new Date(second * 1000))
  const nothing = await walk(eventsSource(access, new Date((second + 9) * 1000)), 4)
  expect(nothing).toEqual({ pages: [[]], records: [], watermark: new Date((second + 9) * 1000) })
})

test('[DR-8] lists are as new as the last event before them, so older events do not undo what they show', async () => {
  const product = server.state.addProduct({ name: 'Lessons' })
  const price = server.state.addPrice({ product: product.id })
  second += 50
  server.state.setPrice(price.id, { active: false })
  const asOf = asOfNow(access, () => new Date((second + 5) * 1000))
  const archived = await walk(pricesSource(access, false, asOf), 100)
  expect(archived.records).toMatchObject([
    {
      sourceKind: 'stripe-price',
      key: price.id,
      updatedAt: new Date(second * 1000),
      content: { active: false },
    },
  ])
  const active = await walk(pricesSource(access, true, asOf), 100)
  expect(active.records).toEqual([])
  const products = await walk(productsSource(access, asOf), 100)
  expect(products.records).toMatchObject([{ key: product.id, updatedAt: new Date(second * 1000) }])
  // told once for all of them
  expect(server.requests.filter(({ path }) => path === '/v1/events')).toHaveLength(1)
  expect(await readMissing(access, [price.id, 'price_nobodyhasit'], asOf, signal)).toEqual(archived.records)
})

test('[DR-8] a list whose last member is gone begins again', async () => {
  server.state.seedPrices(5)
  const source = pricesSource(
    access,
    true,
    asOfNow(access, () => new Date(START * 1000)),
  )
  const first = await source.read(null, 2, signal)
  server.state.prices.remove(first.next as string)
  const rest = await walk(source, 2, first.next)
  expect(new Set(rest.records.map(({ key }) => key))).toEqual(
    new Set(server.state.prices.items.map(({ id }) => id)),
  )
})
