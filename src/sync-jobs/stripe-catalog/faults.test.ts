import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import sql from 'sql-template-tag'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type TestApp, testApp } from '../../../test/harness/app.ts'
import { lesson, product, tier } from '../../../test/harness/catalog.ts'
import { begin, driftApp, open, scan } from '../../../test/harness/drift.ts'
import { runOut } from '../../../test/harness/sync-source.ts'
import type { Written } from '../../catalog/rules.ts'
import { insertItem } from '../../catalog/store.ts'
import type { StripeServer } from '../../demo/stripe/server.ts'
import type { Deps } from '../../deps.ts'
import { accessTo } from '../../stripe/client.ts'
import { createPrice, createProduct } from '../../stripe/writes.ts'
import type { SyncJobDefinition } from '../engine/definition.ts'
import { driftStatement } from '../engine/drift.ts'
import { findRun } from '../engine/runs.ts'
import { work } from '../engine/work.ts'
import { STRIPE_CATALOG, stripeCatalog } from './definition.ts'

const ORGS = Array.from({ length: 7 }, (_, n) => `org-${n}`)
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
afterEach(() => {
  delete app.deps.syncJobs
})

const addTo = (to: TestApp, where: string, item: Written) =>
  to.deps.db.transaction((tx) => insertItem(tx, where, item, to.deps.clock()))

/** 23 lessons of which every third costs something else at Stripe, with pages of five. */
async function lessons(pageSize = 5): Promise<number> {
  const prices = stripe.state.seedPrices(23, { prefix: org }).map(({ id }) => id)
  stripe.state.seedPrices(4, { prefix: `${org} old`, archived: true })
  for (const [n, id] of prices.entries()) {
    const { unit_amount, recurring } = stripe.state.prices.get(id) as any
    const amountCents = unit_amount + (n % 3 === 1 ? 1 : 0)
    const fields = { key: `item-${n}`, stripePriceId: id, amountCents }
    await addTo(app, org, recurring ? tier(fields) : lesson(fields))
  }
  app.deps.syncJobs = [{ ...stripeCatalog, pageSize }]
  return prices.length
}

/** Another process: nothing that the first had in memory. */
const elsewhere = (): Deps => ({ ...app.deps })

test('[DR-16] Stripe’s pause keeps the place; the run goes on after it, and reads no page twice', async () => {
  await lessons()
  stripe.fault({ path: '/v1/prices', after: 3, kind: 'limited', retryAfter: 60 })
  const run = await begin(app, org, 'full')
  const paused = await runOut(app.deps, org, run.id)
  expect(paused).toMatchObject({ status: 'paused', errorCode: 'limited' })
  expect(paused.cursor).not.toBeNull()
  const wait = (paused.resumeAt?.getTime() ?? 0) - app.deps.clock().getTime()
  expect(wait).toBeGreaterThan(50_000)
  app.advance(61_000)
  const done = await runOut(elsewhere(), org, run.id)
  expect(done).toMatchObject({ status: 'completed', opened: 8 })
  const asked = stripe.requests
    .filter(({ path, status }) => path === '/v1/prices' && status === 200)
    .map(({ query }) => `${query.active} ${query.starting_after}`)
  expect(new Set(asked).size).toBe(asked.length)
})

test('[DR-16] killed at every page, before and after it is written, a scan finds what an undisturbed one does', async () => {
  const count = await lessons()
  const run = await begin(app, org, 'full')
  const stops: string[][] = []
  for (let kills = 0; ; kills++) {
    const killed = new AbortController()
    const project: SyncJobDefinition['project'] = async (...args) => {
      killed.abort(new Error('killed'))
      // every other time with the page still open
      if (kills % 2 === 0) throw new Error('killed')
      return stripeCatalog.project(...args)
    }
    app.deps.syncJobs = [{ ...stripeCatalog, pageSize: 5, project }]
    const data = { org, id: run.id }
    await work(elsewhere(), { data, signal: killed.signal, last: false }).catch(() => {})
    const now = await findRun(app.deps.db, org, run.id)
    stops.push(await open(app, org))
    if (now?.status === 'completed') break
    expect(kills).toBeLessThan(80)
  }
  const found = await open(app, org)
  expect(stops.length).toBeGreaterThan(10)
  // what is open on the way is open at the end
  for (const each of stops.flat()) expect(found).toContain(each)
  expect(found).toHaveLength(8)
  const { digest } = await driftStatement(app.deps.db, org, STRIPE_CATALOG)
  app.deps.syncJobs = [{ ...stripeCatalog, pageSize: 3 }]
  expect(await scan(app, org, 'full')).toMatchObject({ status: 'completed', opened: 0, resolved: 0 })
  expect((await driftStatement(app.deps.db, org, STRIPE_CATALOG)).digest).toBe(digest)
  expect(count).toBe(23)
}, 60_000)

test('[DR-16] what is made, archived or brought back while a scan is under way is never found to be missing', async () => {
  await lessons()
  const old = stripe.state.addPrice({
    product: stripe.state.addProduct({ name: 'Old' }).id,
    unit_amount: 700,
  })
  await addTo(app, org, lesson({ key: 'old', amountCents: 700, stripePriceId: old.id }))
  await scan(app, org, 'full')
  const before = await open(app, org)
  stripe.state.setPrice(old.id, { active: false })
  const meanwhile: Record<string, () => Promise<unknown>> = {
    // in neither list
    'stripe-prices-archived': async () => stripe.state.setPrice(old.id, { active: true }),
    'app-state': () => {
      const { id } = stripe.state.addPrice({ product: old.product, unit_amount: 900 })
      return addTo(app, org, lesson({ key: 'new', amountCents: 900, stripePriceId: id }))
    },
  }
  app.deps.syncJobs = [
    {
      ...stripeCatalog,
      async sources(...args) {
        const asked = await stripeCatalog.sources(...args)
        const sources = asked.sources.map((source) => ({
          ...source,
          async read(...page: Parameters<typeof source.read>) {
            await meanwhile[source.id]?.()
            delete meanwhile[source.id]
            return source.read(...page)
          },
        }))
        return { ...asked, sources }
      },
    },
  ]
  const run = await scan(app, org, 'full')
  expect(meanwhile).toEqual({})
  expect(run).toMatchObject({ status: 'completed', opened: 0, disappeared: 0 })
  expect(await open(app, org)).toEqual(before)
})

test('[DR-16] a page costs a handful of statements, however long it is', async () => {
  const counts: number[] = []
  await lessons()
  app.deps.syncJobs = [
    {
      ...stripeCatalog,
      pageSize: 100,
      async project(tx, run, changed) {
        let asked = 0
        const counting = {
          ...tx,
          query: ((statement) => {
            asked++
            return tx.query(statement)
          }) as typeof tx.query,
        }
        const judged = await stripeCatalog.project(counting, run, changed)
        counts.push(asked)
        return judged
      },
    },
  ]
  await scan(app, org, 'full')
  expect(counts.length).toBeGreaterThan(2)
  expect(Math.max(...counts)).toBeLessThanOrEqual(5)
})

test('[DR-17] two organisations with accounts of their own never mix', async () => {
  const other = ORGS[next++] as string
  const theirs = drift.stripe(other)
  const mine = stripe.state.addPrice({
    product: stripe.state.addProduct({ name: 'A' }).id,
    unit_amount: 7500,
  })
  // so that the two servers do not come to the same ids
  theirs.state.addProduct({ name: 'Another' })
  theirs.state.addPrice({ product: theirs.state.addProduct({ name: 'B' }).id, unit_amount: 7500 })
  // the other one is mapped to a price that only this one's account has
  for (const where of [org, other]) await addTo(app, where, lesson({ stripePriceId: mine.id }))
  await Promise.all([scan(app, org, 'full'), scan(app, other, 'full')])
  expect(await open(app, org)).toEqual([])
  expect(await open(app, other)).toEqual(['missing-price lesson-offering:intro-guitar-lesson'])
  for (const server of [stripe, theirs])
    expect(server.requests.every(({ status }) => status === 200 || status === 404)).toBe(true)
  const rows = await app.deps.db.query<{ org: string }>(sql`
    SELECT /* every organisation */ org FROM sync_records WHERE key = ${mine.id}`)
  expect(rows).toEqual([{ org }])
})

test('[DR-8] a watermark that Stripe’s events do not reach any more makes a full scan, and the run says so', async () => {
  await lessons()
  await scan(app, org, 'full')
  app.advance(30 * 24 * 3_600_000)
  const run = await scan(app, org, 'incremental')
  expect(run).toMatchObject({ status: 'completed', mode: 'full' })
  expect(run.notes.join()).toContain('30 days')
  expect(await scan(app, org, 'incremental')).toMatchObject({ mode: 'incremental', notes: [] })
})

test('[DR-17] without an account only the catalog is scanned, and nothing is said of Stripe', async () => {
  const alone = await testApp()
  try {
    await alone.org('laurel')
    for (const item of [lesson(), product(), tier({ stripePriceId: 'price_abcdintro' })])
      await addTo(alone, 'laurel', item)
    const run = await scan(alone, 'laurel', 'full')
    expect(run).toMatchObject({ status: 'completed', coverage: 'app-side-only' })
    expect(run.notes.join()).toContain('No Stripe account')
    const found = await open(alone, 'laurel')
    expect(found).toEqual([
      expect.stringMatching(/^duplicate-mapping stripe-price:price-[0-9a-f]{16}$/),
      'missing-price shop-product:signed-score-download',
    ])
    expect(await driftStatement(alone.deps.db, 'laurel', STRIPE_CATALOG)).toMatchObject({
      coverage: 'app-side-only',
    })
  } finally {
    await alone.close()
  }
})

test('[DR-10] the same is found at a server that is not ours', async () => {
  const require = createRequire(import.meta.url)
  const { createExpressApp } = require('stripe-stateful-mock')
  createRequire(require.resolve('stripe-stateful-mock'))('loglevel').setLevel('silent')
  const theirs = createExpressApp()
  // it has no events
  const server = createServer((request, response) => {
    if (!request.url?.startsWith('/v1/events')) return theirs(request, response)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ object: 'list', data: [], has_more: false, url: '/v1/events' }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const key = 'sk_test_51aDriftSecondOpinion'
  const account = { org: 'laurel', key, url, requestsPerSecond: 100 }
  const alone = await testApp({ config: { stripe: { accounts: [account] } } })
  try {
    await alone.org('laurel')
    const access = accessTo(account)
    const { id } = await createProduct(access, { name: 'Lessons' }, 'p')
    const make = (name: string, unitAmount: number, metadata = {}) =>
      createPrice(access, { product: { id }, unitAmount, currency: 'usd', interval: null, metadata }, name)
    const [same, dearer, monthly] = [await make('a', 7500), await make('b', 8000), await make('c', 1200)]
    await make('d', 4000, { countersign_item: 'lesson-offering:former' })
    await addTo(alone, 'laurel', lesson({ stripePriceId: same.id }))
    await addTo(alone, 'laurel', lesson({ key: 'dearer', stripePriceId: dearer.id }))
    await addTo(alone, 'laurel', tier({ stripePriceId: monthly.id }))
    await addTo(alone, 'laurel', product({ stripePriceId: 'price_itdoesnothave' }))
    expect(await scan(alone, 'laurel', 'full')).toMatchObject({ status: 'completed' })
    expect(await open(alone, 'laurel')).toEqual([
      'amount lesson-offering:dearer',
      'interval membership-tier:studio-circle',
      'missing-price shop-product:signed-score-download',
      expect.stringMatching(/^orphaned stripe-price:/),
    ])
  } finally {
    await alone.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})
