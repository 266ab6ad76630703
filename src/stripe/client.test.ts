import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type StripeOptions, type StripeServer, startStripe } from '../demo/stripe/server.ts'
import { accessTo, type StripeAccess } from './client.ts'
import { StripeFailure, StripeLimited } from './failures.ts'
import { readEvents, readPrice, readPrices, readProducts } from './pages.ts'
import { archivePrice, createPrice } from './writes.ts'

let server: StripeServer
let access: StripeAccess
const NOW = new Date('2026-05-20T12:00:00.000Z')

async function restart(options: StripeOptions = {}) {
  await server?.stop()
  server = await startStripe(options)
  const given = { now: () => NOW, random: () => 0 }
  access = accessTo({ org: 'laurel', key: server.key, url: server.url }, given)
}

beforeEach(() => restart())
afterEach(() => server.stop())

const failure = async (work: Promise<unknown>): Promise<any> =>
  await work.then(
    () => {
      throw new Error('It was answered.')
    },
    (error) => error,
  )

/** Whatever there is of it, in pages. */
async function all<T>(
  read: (startingAfter: string | null) => Promise<{ items: T[]; next: string | null }>,
): Promise<T[]> {
  const items: T[] = []
  for (let next: string | null = null; ; ) {
    const page = await read(next)
    items.push(...page.items)
    if (page.next === null) return items
    next = page.next
  }
}

test('[ST-1] pages of active and of archived prices are all the prices there are, each once', async () => {
  const active = server.state.seedPrices(230).map(({ id }) => id)
  const archived = server.state.seedPrices(40, { archived: true }).map(({ id }) => id)
  for (const [flag, ids] of [
    [true, active],
    [false, archived],
  ] as const) {
    const found = await all((startingAfter) =>
      readPrices(access, { active: flag, startingAfter, limit: 100 }),
    )
    expect(found.map(({ id }) => id)).toEqual([...ids].reverse())
    expect(found.every((price) => price.active === flag)).toBe(true)
  }
  expect(server.requests).toHaveLength(3 + 1)
  expect(await all((startingAfter) => readProducts(access, { startingAfter, limit: 1 }))).toHaveLength(2)
})

test('[ST-1] a price is what a catalog compares, and no more', async () => {
  const product = server.state.addProduct({ name: 'Lessons' })
  const made = server.state.addPrice({
    product: product.id,
    currency: 'eur',
    unit_amount: 4500,
    recurring: { interval: 'year', interval_count: 1, trial_period_days: null, usage_type: 'licensed' },
    metadata: { customer: 'somebody', countersign_item: 'lesson-offering:intro' },
    created: 1_767_225_600,
  })
  expect(await readPrice(access, made.id)).toEqual({
    id: made.id,
    productId: product.id,
    active: true,
    currency: 'eur',
    unitAmount: 4500,
    type: 'recurring',
    interval: 'year',
    intervalCount: 1,
    nickname: null,
    lookupKey: null,
    madeFor: 'lesson-offering:intro',
    livemode: false,
    createdAt: new Date('2026-01-01T00:00:00.000Z'),
  })
})

test('[ST-1] changes come newest first with the object as it was, from a second on', async () => {
  let now = 1_779_000_000
  await restart({ now: () => now })
  const { id: product } = server.state.addProduct({ name: 'Lessons' })
  const { id } = server.state.addPrice({ product, unit_amount: 100 })
  now += 60
  server.state.setPrice(id, { active: false })
  server.state.setProduct(product, { name: 'Lessons of summer' })
  const events = await all((startingAfter) =>
    readEvents(access, { since: new Date(0), startingAfter, limit: 1 }),
  )
  expect(events.map(({ type }) => type)).toEqual([
    'product.updated',
    'price.updated',
    'price.created',
    'product.created',
  ])
  expect(events[1]).toMatchObject({ object: { kind: 'price', price: { id, active: false } }, deleted: false })
  expect(events[2]).toMatchObject({ object: { price: { id, active: true } } })
  const later = await readEvents(access, { since: new Date(now * 1000) })
  expect(later.items.map(({ id }) => id)).toEqual(events.slice(0, 2).map(({ id }) => id))
})

test('[ST-2] requests beyond the account’s rate wait for the next second, however many ask', async () => {
  access = accessTo({ org: 'laurel', key: server.key, url: server.url, requestsPerSecond: 10 })
  const began = performance.now()
  await Promise.all(Array.from({ length: 21 }, () => readPrices(access, { active: true })))
  // ten at once, ten a second later, and one after another second, whatever the machine takes besides
  expect(performance.now() - began).toBeGreaterThanOrEqual(2_000)
  expect(server.requests).toHaveLength(21)
})

test('[ST-2] a short pause that Stripe asks for is kept, and the page comes', async () => {
  server.state.seedPrices(2)
  server.fault({ kind: 'limited', retryAfter: 1 })
  const { items } = await readPrices(access, { active: true })
  expect(items).toHaveLength(2)
  const [first, second] = server.requests
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(990)
})

test('[ST-2] a long pause is told at once with the time to resume at, and nobody asks meanwhile', async () => {
  server.fault({ kind: 'limited', retryAfter: 90 })
  const told = await failure(readPrices(access, { active: true }))
  expect(told).toBeInstanceOf(StripeLimited)
  expect(told.resumeAt).toEqual(new Date(NOW.getTime() + 90_000))
  const next = await failure(readProducts(access, {}))
  expect(next).toBeInstanceOf(StripeLimited)
  expect(next.resumeAt.getTime()).toBeLessThanOrEqual(NOW.getTime() + 90_000)
  expect(next.resumeAt.getTime()).toBeGreaterThan(NOW.getTime() + 60_000)
  expect(server.requests).toHaveLength(1)
})

test('[ST-2] where every attempt is refused the caller is told to come back in a minute', async () => {
  server.fault({ kind: 'limited', times: 10 })
  const told = await failure(readPrices(access, { active: true }))
  expect(told).toBeInstanceOf(StripeLimited)
  expect(told.resumeAt).toEqual(new Date(NOW.getTime() + 60_000))
  expect(server.requests).toHaveLength(4)
})

test.each(['broken', 'refused', 'lost'] as const)(
  '[ST-3] a page is asked for again after a failure (%s), four times in all',
  async (kind) => {
    server.state.seedPrices(1)
    server.fault({ kind, times: 3 })
    expect((await readPrices(access, { active: true })).items).toHaveLength(1)
    expect(server.requests).toHaveLength(4)
    server.fault({ kind, times: 4 })
    expect(await failure(readPrices(access, { active: true }))).toMatchObject({ kind: 'unavailable' })
    expect(server.requests).toHaveLength(8)
  },
)

test('[ST-3] what a failure says is from a closed list, with neither key nor words of Stripe', async () => {
  const key = 'sk_test_aSecretThatNobodyMaySee4242'
  const wrong = accessTo({ org: 'laurel', key, url: server.url })
  const unauthorized = await failure(readPrices(wrong, { active: true }))
  expect(unauthorized).toMatchObject({ kind: 'unauthorized', requestId: server.requests[0]?.requestId })
  const missing = await failure(readPrice(access, 'price_none'))
  expect(missing).toMatchObject({ kind: 'not-found', code: 'resource_missing' })
  const cursor = await failure(readPrices(access, { active: true, startingAfter: 'price_none' }))
  expect(cursor).toMatchObject({ kind: 'not-found' })
  const invalid = await failure(readPrices(access, { active: true, limit: 1000 }))
  expect(invalid).toMatchObject({ kind: 'invalid' })
  server.fault({ kind: 'broken', status: 403 })
  expect(await failure(readProducts(access, {}))).toMatchObject({ kind: 'forbidden' })
  for (const each of [unauthorized, missing, cursor, invalid]) {
    expect(each).toBeInstanceOf(StripeFailure)
    const shown = inspect(each, { depth: 10, showHidden: true })
    for (const secret of ['aSecretThatNobodyMaySee', '4242', 'Invalid API Key', 'No such', server.key])
      expect(shown).not.toContain(secret)
  }
})

test('[ST-3] a caller that stops is let go at once, waiting for its turn or for an answer', async () => {
  const stop = new AbortController()
  access = accessTo({ org: 'laurel', key: server.key, url: server.url, requestsPerSecond: 1 })
  await readPrices(access, { active: true })
  const waiting = readPrices(access, { active: true }, stop.signal)
  stop.abort(new Error('stopped'))
  await expect(waiting).rejects.toThrow('stopped')
  await expect(readPrices(access, { active: true }, stop.signal)).rejects.toThrow('stopped')
  expect(server.requests).toHaveLength(1)
})

test('[ST-4] a price is made once under one key, however often answers are lost and however many ask', async () => {
  const { id } = server.state.addProduct({ name: 'Lessons' })
  const make = () =>
    createPrice(
      access,
      { product: { id }, unitAmount: 4500, currency: 'USD', interval: 'month', metadata: { key: 'intro' } },
      'plan-1',
    )
  server.fault({ kind: 'lost', method: 'POST', times: 2 })
  const made = await make()
  expect(made).toMatchObject({ productId: id, unitAmount: 4500, currency: 'usd', interval: 'month' })
  const again = await Promise.all([make(), make()])
  expect(again.map((each) => each.id)).toEqual([made.id, made.id])
  expect(server.state.prices.items).toHaveLength(1)
  expect(new Set(server.requests.map(({ idempotencyKey }) => idempotencyKey))).toEqual(new Set(['plan-1']))
  const other = createPrice(
    access,
    { product: { id }, unitAmount: 1, currency: 'usd', interval: null },
    'plan-1',
  )
  expect(await failure(other)).toMatchObject({ kind: 'mismatch' })
})

test('[ST-4] a price is archived and brought back, each once under its key', async () => {
  const [price] = server.state.seedPrices(1)
  const id = price?.id as string
  server.fault({ kind: 'lost', method: 'POST' })
  expect(await archivePrice(access, id, 'archive-1')).toMatchObject({ id, active: false })
  expect(server.state.events.items.map(({ type }) => type)).toEqual(['price.updated'])
  expect((await readPrices(access, { active: false })).items.map((each) => each.id)).toEqual([id])
  expect(await archivePrice(access, id, 'restore-1', { active: true })).toMatchObject({ active: true })
  // a repetition that comes late answers as the first did, and changes nothing
  expect(await archivePrice(access, id, 'archive-1')).toMatchObject({ active: false })
  expect(server.state.prices.get(id)?.active).toBe(true)
  expect(await failure(archivePrice(access, 'price_none', 'archive-2'))).toMatchObject({ kind: 'not-found' })
})
