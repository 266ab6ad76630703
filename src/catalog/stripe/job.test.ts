import sql from 'sql-template-tag'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../../test/harness/app.ts'
import { confirmed, finding, lesson, tier } from '../../../test/harness/catalog.ts'
import { dump } from '../../../test/security/world.ts'
import { type StripeServer, startStripe } from '../../demo/stripe/server.ts'
import type { CatalogItem } from '../items.ts'
import { findItem, insertItem, updateItem } from '../store.ts'
import { STRIPE_WRITES } from './ask.ts'
import { resumeStripeWrites, writeAtStripe } from './job.ts'

let app: TestApp
let stripe: StripeServer
let owner: Caller
let old: string

beforeEach(async () => {
  stripe = await startStripe()
  const accounts = [{ org: 'laurel', key: stripe.key, url: stripe.url, requestsPerSecond: 100 }]
  app = await testApp({ config: { stripe: { accounts } } })
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  const { id: product } = stripe.state.addProduct({ name: 'Intro guitar lesson' })
  old = stripe.state.addPrice({ product, unit_amount: 7500, currency: 'usd' }).id
  const item = lesson({ stripePriceId: old })
  await app.deps.db.transaction((tx) => insertItem(tx, 'laurel', item, app.deps.clock()))
  stripe.requests.length = 0
})
afterEach(async () => {
  await app.close()
  await stripe.stop()
})

const item = async (): Promise<CatalogItem> => (await findItem(app.deps.db, 'laurel', lesson()))!
const raise = async (amountCents: number) =>
  (await confirmed(owner, 'lessonPrice', { key: 'intro-guitar-lesson', amountCents })).body
const outcome = async (id: string) =>
  (await owner.call('GET', `/api/admin/catalog/stripe-writes?id=${id}`)).body.writes[0]

/** One attempt of the job, as the queue makes it. */
const attempt = (id: string, { last = false, signal = new AbortController().signal } = {}) =>
  writeAtStripe(app.deps, { data: { org: 'laurel', id }, last, signal })

const active = () => stripe.state.prices.items.filter((price) => price.active)
const made = () => stripe.requests.filter(({ method, path }) => method === 'POST' && path === '/v1/prices')

describe('a confirmed price', () => {
  test('[CA-16] is made at Stripe, the mapping moves to it and the old one is archived', async () => {
    const { stripe: said, plan, item: shown } = await raise(8000)
    expect(said).toMatchObject({ status: 'pending', write: { status: 'pending', price: '$80.00' } })
    expect(plan.warnings.at(-1)).toBe(
      `At Stripe price_...${old.slice(-4)} is replaced by a new price of $80.00 and archived, unless it is that price already.`,
    )
    expect(plan.changes.at(-1)).toMatchObject({ target: 'Stripe', after: 'a new price of $80.00' })
    await attempt(said.write.id)
    const [price, ...more] = active()
    expect(more).toEqual([])
    expect(price).toMatchObject({
      unit_amount: 8000,
      currency: 'usd',
      product: stripe.state.products.items[0]?.id,
    })
    expect(await item()).toMatchObject({
      stripePriceId: price?.id,
      amountCents: 8000,
      version: shown.version + 1,
    })
    expect(await outcome(said.write.id)).toMatchObject({
      status: 'done',
      outcome: 'created',
      toArchive: false,
      redactedMadePriceId: `price_...${price?.id.slice(-4)}`,
      error: null,
    })
    // once it is done nothing is done again
    const requests = stripe.requests.length
    await attempt(said.write.id)
    expect(stripe.requests).toHaveLength(requests)
  })

  test('[CA-16] is asked of a queue by the transaction that confirms it, and of nothing by one that is refused', async () => {
    const jobs = () => app.deps.db.query(sql`SELECT data FROM pgboss.job WHERE name = ${STRIPE_WRITES}`)
    await owner.call('POST', '/api/agent/creator-commerce', {
      action: 'confirm_lesson_price_change',
      key: 'intro-guitar-lesson',
      amountCents: 8000,
    })
    expect(await jobs()).toEqual([])
    const { stripe: said } = await raise(8000)
    expect(await jobs()).toEqual([{ data: { org: 'laurel', id: said.write.id } }])
  })

  test('[CA-17] is made once, whatever is lost on the way', async () => {
    const { stripe: said } = await raise(8000)
    const { id } = said.write
    // each attempt repeats by itself; the answers to all four of the first are lost
    stripe.fault({ method: 'POST', path: '/v1/prices', kind: 'lost', times: 4 })
    await expect(attempt(id)).rejects.toMatchObject({ kind: 'unavailable' })
    expect(await item()).toMatchObject({ stripePriceId: old })
    await attempt(id)
    expect(active()).toHaveLength(1)
    expect(new Set(made().map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
    expect(await outcome(id)).toMatchObject({ status: 'done', outcome: 'created', attempts: 2 })
  })

  test.each([0, 1, 2, 3, 4])(
    '[CA-17] is made once when a process is killed after %i of its requests, and another goes on',
    async (after) => {
      const { stripe: said } = await raise(8000)
      const { id } = said.write
      const controller = new AbortController()
      const killed = attempt(id, { signal: controller.signal })
      const deadline = Date.now() + 10_000
      while (stripe.requests.length < after && Date.now() < deadline)
        await new Promise((resolve) => setImmediate(resolve))
      controller.abort(new Error('killed'))
      await killed.catch(() => {})
      await attempt(id)
      expect(active().map(({ unit_amount }) => unit_amount)).toEqual([8000])
      expect((await item()).stripePriceId).toBe(active()[0]?.id)
      expect(await outcome(id)).toMatchObject({ status: 'done', outcome: 'created', toArchive: false })
      expect(stripe.state.prices.items).toHaveLength(2)
    },
  )

  test('[CA-17] is made once by three processes at once', async () => {
    const { stripe: said } = await raise(8000)
    await Promise.all([1, 2, 3].map(() => attempt(said.write.id)))
    expect(stripe.state.prices.items).toHaveLength(2)
    expect((await item()).stripePriceId).toBe(active()[0]?.id)
    expect((await outcome(said.write.id)).status).toBe('done')
  })

  test('[CA-17] is found again by its name when Stripe has forgotten the key', async () => {
    const { stripe: said } = await raise(8000)
    stripe.fault({ method: 'POST', path: '/v1/prices', kind: 'lost', times: 4 })
    await expect(attempt(said.write.id)).rejects.toMatchObject({ kind: 'unavailable' })
    app.advance(25 * 3_600_000)
    await attempt(said.write.id)
    expect(made()).toHaveLength(4)
    expect(stripe.state.prices.items).toHaveLength(2)
    expect((await item()).stripePriceId).toBe(active()[0]?.id)
  })

  test('[CA-19] of a product that is archived is made with another one, since nobody could pay it', async () => {
    const { stripe: said } = await raise(8000)
    const [first] = stripe.state.products.items
    stripe.state.setProduct(first!.id, { active: false })
    // also where the price itself is as wanted
    stripe.state.setPrice(old, { unit_amount: 8000 })
    await attempt(said.write.id)
    expect(active()).toMatchObject([{ unit_amount: 8000 }])
    const product = stripe.state.products.get(active()[0]!.product)
    expect(product).toMatchObject({ active: true, name: 'Intro guitar lesson' })
  })

  test('[CA-18] waits as long as Stripe asks, and is done then', async () => {
    const { stripe: said } = await raise(8000)
    const { id } = said.write
    stripe.fault({ method: 'POST', path: '/v1/prices', kind: 'limited', retryAfter: 90 })
    const before = app.deps.clock()
    await attempt(id)
    const waiting = await outcome(id)
    expect(waiting).toMatchObject({ status: 'pending', error: { kind: 'limited' } })
    const pause = Date.parse(waiting.nextAttemptAt) - before.getTime()
    expect(pause).toBeGreaterThanOrEqual(90_000)
    const [again] = await app.deps.db.query<{ at: Date }>(
      sql`SELECT start_after AS at FROM pgboss.job WHERE name = ${STRIPE_WRITES} ORDER BY created_on DESC LIMIT 1`,
    )
    expect(again?.at.toISOString()).toBe(waiting.nextAttemptAt)
    expect(active()).toHaveLength(1)
    expect((await item()).stripePriceId).toBe(old)
  })

  test('[CA-19] that Stripe has already makes no second one', async () => {
    const { stripe: said } = await raise(8000)
    stripe.state.setPrice(old, { unit_amount: 8000 })
    await attempt(said.write.id)
    expect(made()).toEqual([])
    expect((await item()).stripePriceId).toBe(old)
    expect(await outcome(said.write.id)).toMatchObject({ status: 'done', outcome: 'kept' })
  })

  test('[CA-19] is given up for a later one, and only the later one is made', async () => {
    const first = (await raise(8000)).stripe.write.id
    const second = (await raise(9000)).stripe.write.id
    expect(await outcome(first)).toMatchObject({ status: 'superseded' })
    await Promise.all([attempt(first), attempt(second)])
    expect(active().map(({ unit_amount }) => unit_amount)).toEqual([9000])
    expect((await item()).stripePriceId).toBe(active()[0]?.id)
  })

  test('[CA-19] that the item wants no more when it is there is archived, and the item left alone', async () => {
    const { stripe: said } = await raise(8000)
    const { id } = said.write
    stripe.fault({ method: 'POST', path: '/v1/prices', kind: 'lost', times: 4 })
    await expect(attempt(id)).rejects.toMatchObject({ kind: 'unavailable' })
    // somebody gives it another price by hand, between making and landing
    const landing = app.deps.db.transaction(async (tx) => {
      const locked = (await findItem(tx, 'laurel', lesson(), true))!
      const going = attempt(id)
      const deadline = Date.now() + 10_000
      while (made().length < 5 && Date.now() < deadline) await findItem(tx, 'laurel', lesson())
      await updateItem(tx, 'laurel', { ...locked, amountCents: 100 }, new Date())
      return { going }
    })
    await (await landing).going
    expect(await item()).toMatchObject({ stripePriceId: old, amountCents: 100 })
    expect(active().map(({ id: each }) => each)).toEqual([old])
    expect(await outcome(id)).toMatchObject({ status: 'superseded', toArchive: false })
  })

  test.each([
    ['forbidden', 403],
    ['unauthorized', 401],
    ['invalid', 400],
  ])('[CA-20] that Stripe refuses as %s fails at once and says so', async (kind, status) => {
    const { stripe: said } = await raise(8000)
    stripe.fault({ method: 'POST', path: '/v1/prices', kind: 'broken', status })
    await attempt(said.write.id)
    expect(await outcome(said.write.id)).toMatchObject({ status: 'failed', error: { kind } })
    expect(await item()).toMatchObject({ stripePriceId: old, amountCents: 8000 })
  })

  test('[CA-20] fails once its attempts are used up', async () => {
    const { stripe: said } = await raise(8000)
    stripe.fault({ kind: 'broken', times: 100 })
    await expect(attempt(said.write.id)).rejects.toMatchObject({ kind: 'unavailable' })
    await attempt(said.write.id, { last: true })
    expect(await outcome(said.write.id)).toMatchObject({ status: 'failed', error: { kind: 'unavailable' } })
  })

  test('[CA-20] whose job was lost is taken up by the clock', async () => {
    const { stripe: said } = await raise(8000)
    await app.deps.db.query(sql`DELETE FROM pgboss.job WHERE name = ${STRIPE_WRITES}`)
    const jobs = async () =>
      (await app.deps.db.query(sql`SELECT 1 FROM pgboss.job WHERE name = ${STRIPE_WRITES}`)).length
    await resumeStripeWrites(app.deps)
    expect(await jobs()).toBe(0)
    app.advance(6 * 60_000)
    await resumeStripeWrites(app.deps)
    await resumeStripeWrites(app.deps)
    expect(await jobs()).toBe(1)
    await attempt(said.write.id)
    app.advance(6 * 60_000)
    await resumeStripeWrites(app.deps)
    expect(await jobs()).toBe(1)
  })

  test('[CA-12] keeps its item until it is done', async () => {
    const { stripe: said } = await raise(8000)
    const path = '/api/admin/catalog/items/lesson-offering/intro-guitar-lesson'
    await owner.call('PATCH', path, { status: 'retired' })
    expect((await owner.call('DELETE', path)).body.detail).toContain('still to be written at Stripe')
    await attempt(said.write.id)
    expect((await owner.call('DELETE', path)).status).toBe(200)
  })

  test('[CA-25] of an item that has none is made as the catalog has it, with a product of its title', async () => {
    await app.deps.db.transaction((tx) =>
      insertItem(tx, 'laurel', tier({ stripePriceId: null }), app.deps.clock()),
    )
    const { body } = await confirmed(owner, 'tierMapping', { key: 'studio-circle', createPrice: true })
    expect(body.plan.confirmationText).toBe(
      'I confirm mapping Studio Circle to a new price at Stripe of $12.00 a month.',
    )
    await attempt(body.stripe.write.id)
    const price = stripe.state.prices.items.at(-1)!
    expect(price).toMatchObject({ unit_amount: 1200, recurring: { interval: 'month' } })
    expect(stripe.state.products.get(price.product)?.name).toBe('Studio Circle')
    expect(await findItem(app.deps.db, 'laurel', tier())).toMatchObject({ stripePriceId: price.id })
    expect(await outcome(body.stripe.write.id)).toMatchObject({ status: 'done', outcome: 'created' })
  })

  test('[CA-28] for a finding is made although the catalog has it already, since Stripe has another', async () => {
    stripe.state.setPrice(old, { unit_amount: 7000 })
    const input = { key: 'intro-guitar-lesson', amountCents: 7500 }
    expect((await confirmed(owner, 'lessonPrice', input)).body.detail).toBe('Nothing would change.')
    const { body } = await confirmed(owner, 'lessonPrice', { ...input, finding: await finding(app) })
    expect(body.plan).toMatchObject({
      confirmationText: 'I confirm updating Intro guitar lesson to $75.00.',
      details: { finding: { class: 'amount', summary: 'Stripe charges $70.00.' } },
    })
    await attempt(body.stripe.write.id)
    expect(active().map(({ unit_amount }) => unit_amount)).toEqual([7500])
    expect(await item()).toMatchObject({ amountCents: 7500, stripePriceId: active()[0]?.id })
  })

  test('[CA-8] leaves no id of a price in an answer, the audit or a log', async () => {
    const answer = await raise(8000)
    await attempt(answer.stripe.write.id)
    const seen = [
      answer,
      await outcome(answer.stripe.write.id),
      (await owner.call('GET', '/api/admin/audit')).body,
      (await owner.call('GET', '/api/agent/creator-commerce')).body,
    ]
    const { 'public.catalog_items': _items, 'public.stripe_writes': _writes, ...rest } = await dump(app)
    const text = JSON.stringify([seen, rest, app.logged])
    expect(text).toContain('catalog_stripe_price_made')
    for (const { id } of stripe.state.prices.items) expect(text).not.toContain(id)
    expect(text).not.toContain(stripe.key)
  })
})
