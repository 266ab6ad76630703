import Stripe from 'stripe'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { monthly } from './objects.ts'
import { type StripeOptions, type StripeServer, startStripe } from './server.ts'

let server: StripeServer
let stripe: Stripe

const clientOf = ({ url, key }: { url: string; key: string }) =>
  new Stripe(key, {
    host: '127.0.0.1',
    port: new URL(url).port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  })

async function restart(options: StripeOptions = {}) {
  await server?.stop()
  server = await startStripe(options)
  stripe = clientOf(server)
}

beforeEach(() => restart())
afterEach(() => server.stop())

/** What the client throws. */
const thrown = async (work: Promise<unknown>): Promise<InstanceType<typeof Stripe.errors.StripeError>> =>
  await work.then(
    () => {
      throw new Error('It was answered.')
    },
    (error) => error,
  )

const ids = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id)

test('lists are newest first, in pages, and go both ways', async () => {
  const seeded = server.state.seedPrices(25).map(({ id }) => id)
  const newestFirst = [...seeded].reverse()
  const first = await stripe.prices.list({ limit: 10 })
  expect([ids(first), first.has_more]).toEqual([newestFirst.slice(0, 10), true])
  const second = await stripe.prices.list({ limit: 10, starting_after: newestFirst[9] as string })
  expect([ids(second), second.has_more]).toEqual([newestFirst.slice(10, 20), true])
  const third = await stripe.prices.list({ limit: 10, starting_after: newestFirst[19] as string })
  expect([ids(third), third.has_more]).toEqual([newestFirst.slice(20), false])
  const back = await stripe.prices.list({ limit: 10, ending_before: newestFirst[20] as string })
  expect([ids(back), back.has_more]).toEqual([newestFirst.slice(10, 20), true])
  expect(await stripe.prices.list().autoPagingToArray({ limit: 100 })).toHaveLength(25)
})

test('archived prices come only to those who ask for them; archived products come unasked', async () => {
  server.state.seedPrices(3)
  server.state.seedPrices(2, { archived: true })
  const of = async (params: Stripe.PriceListParams) => (await stripe.prices.list(params)).data
  expect(await of({})).toHaveLength(3)
  expect(await of({ active: true })).toHaveLength(3)
  expect((await of({ active: false })).map(({ active }) => active)).toEqual([false, false])
  const product = server.state.products.items[0]?.id as string
  expect(await of({ product })).toHaveLength(3)
  await stripe.products.update(product, { active: false })
  expect((await stripe.products.list()).data).toHaveLength(2)
  expect(ids(await stripe.products.list({ active: false }))).toEqual([product])
})

test('filters by time of creation, limits and unknown parameters', async () => {
  const [one, two, three] = server.state.seedPrices(3)
  const at = two?.created as number
  const of = async (created: Stripe.RangeQueryParam | number) => ids(await stripe.prices.list({ created }))
  expect(await of({ gt: at })).toEqual([three?.id])
  expect(await of({ gte: at })).toEqual([three?.id, two?.id])
  expect(await of({ lt: at })).toEqual([one?.id])
  expect(await of({ gt: at - 1, lte: at })).toEqual([two?.id])
  expect(await of(at)).toEqual([two?.id])
  expect(await thrown(stripe.prices.list({ limit: 101 }))).toMatchObject({ statusCode: 400, param: 'limit' })
  expect(await thrown(stripe.prices.list({ colour: 'red' } as object))).toMatchObject({
    statusCode: 400,
    code: 'parameter_unknown',
  })
  expect(await thrown(stripe.prices.list({ starting_after: 'price_gone' }))).toMatchObject({
    statusCode: 400,
    code: 'resource_missing',
  })
})

test('prices and products are made, read and changed, and each change is an event', async () => {
  const product = await stripe.products.create({ name: 'Lessons', metadata: { kind: 'lesson' } })
  const price = await stripe.prices.create({
    product: product.id,
    currency: 'USD',
    unit_amount: 4500,
    recurring: { interval: 'month' },
    lookup_key: 'intro',
  })
  expect(price).toMatchObject({ active: true, currency: 'usd', unit_amount: 4500, recurring: monthly })
  expect(await stripe.prices.retrieve(price.id)).toMatchObject({ id: price.id, lookup_key: 'intro' })
  await stripe.prices.update(price.id, { active: false, metadata: { why: 'dearer' } })
  await stripe.prices.update(price.id, { active: false })
  const { data: events } = await stripe.events.list()
  expect(events.map(({ type }) => type)).toEqual(['price.updated', 'price.created', 'product.created'])
  expect(events[0]?.data).toMatchObject({
    object: { id: price.id, active: false, metadata: { why: 'dearer' } },
    previous_attributes: { active: true, metadata: {} },
  })
  expect(events[0]?.request?.id).toBe(server.requests[3]?.requestId)
  expect((await stripe.events.list({ types: ['price.created'] })).data).toHaveLength(1)
})

test.each([
  ['no currency', { unit_amount: 1, product: 'P' }, 'currency'],
  ['no amount', { currency: 'usd', product: 'P' }, 'unit_amount'],
  ['a negative amount', { currency: 'usd', unit_amount: -1, product: 'P' }, 'unit_amount'],
  ['a fraction', { currency: 'usd', unit_amount: 1.5, product: 'P' }, 'unit_amount'],
  ['no product', { currency: 'usd', unit_amount: 1 }, 'product'],
  ['a product that is not there', { currency: 'usd', unit_amount: 1, product: 'prod_none' }, 'product'],
  ['a wrong currency', { currency: 'dollars', unit_amount: 1, product: 'P' }, 'currency'],
  [
    'a wrong interval',
    { currency: 'usd', unit_amount: 1, product: 'P', recurring: { interval: 'decade' } },
    'recurring[interval]',
  ],
])('a price with %s is refused', async (_, params, param) => {
  const { id } = await stripe.products.create({ name: 'Lessons' })
  const given = 'product' in params && params.product === 'P' ? { ...params, product: id } : params
  const error = await thrown(stripe.prices.create(given as Stripe.PriceCreateParams))
  expect(error).toMatchObject({ statusCode: 400, param, requestId: server.requests.at(-1)?.requestId })
  expect(server.state.prices.items).toHaveLength(0)
})

test('an amount never changes, and a lookup key is one price’s', async () => {
  const [one, two] = server.state.seedPrices(2)
  const change = { unit_amount: 1 } as object
  expect(await thrown(stripe.prices.update(one?.id as string, change))).toMatchObject({
    code: 'parameter_unknown',
  })
  const taken = { lookup_key: one?.lookup_key as string }
  expect(await thrown(stripe.prices.update(two?.id as string, taken))).toMatchObject({
    code: 'resource_already_exists',
  })
  await stripe.prices.update(two?.id as string, { ...taken, transfer_lookup_key: true })
  expect([one?.lookup_key, two?.lookup_key]).toEqual([null, taken.lookup_key])
})

test('a key repeats the first answer; another request under it is refused', async () => {
  const { id } = await stripe.products.create({ name: 'Lessons' })
  const make = (unit_amount: number) =>
    stripe.prices.create({ product: id, currency: 'usd', unit_amount }, { idempotencyKey: 'once' })
  const first = await make(100)
  const second = await make(100)
  expect(second.id).toBe(first.id)
  expect(second.lastResponse.headers['idempotent-replayed']).toBe('true')
  expect(server.state.prices.items).toHaveLength(1)
  expect(await thrown(make(200))).toMatchObject({ statusCode: 400, rawType: 'idempotency_error' })
  // what was refused before it began is not kept under its key
  const key = { idempotencyKey: 'again' }
  const refused = stripe.prices.create({ product: id, currency: 'no', unit_amount: 1 }, key)
  expect(await thrown(refused)).toMatchObject({ statusCode: 400 })
  const mended = await stripe.prices.create({ product: id, currency: 'usd', unit_amount: 1 }, key)
  expect(mended.id).toBe(server.state.prices.items[1]?.id)
})

test('keys, addresses and ids that are not there', async () => {
  const wrong = clientOf({ url: server.url, key: 'sk_test_wrongwrongwrong' })
  expect(await thrown(wrong.prices.list())).toMatchObject({ statusCode: 401 })
  expect(await thrown(stripe.prices.retrieve('price_none'))).toMatchObject({
    statusCode: 404,
    code: 'resource_missing',
  })
  expect(await thrown(stripe.customers.list())).toMatchObject({ statusCode: 404 })
})

test('faults come when they are asked for, and lost answers were done', async () => {
  server.state.seedPrices(1)
  server.fault({ kind: 'limited', path: '/v1/prices', after: 1, retryAfter: 7 })
  await stripe.prices.list()
  const limited = await thrown(stripe.prices.list())
  expect(limited).toMatchObject({ statusCode: 429, headers: { 'retry-after': '7' } })
  await stripe.prices.list()
  server.fault({ kind: 'broken', times: 2 })
  expect(await thrown(stripe.prices.list())).toMatchObject({ statusCode: 500 })
  expect(await thrown(stripe.prices.list())).toMatchObject({ statusCode: 500 })
  const made = server.state.products.items.length
  server.fault({ kind: 'refused', method: 'POST', times: 2 })
  expect((await thrown(stripe.products.create({ name: 'One' }))).type).toBe('StripeConnectionError')
  expect(server.state.products.items).toHaveLength(made)
  server.fault({ kind: 'lost', method: 'POST', times: 2 })
  expect((await thrown(stripe.products.create({ name: 'Two' }))).type).toBe('StripeConnectionError')
  // the client itself tries a broken connection a second time, under the same key
  expect(server.state.products.items).toHaveLength(made + 1)
  const [first, second] = server.requests.slice(-2).map(({ idempotencyKey }) => idempotencyKey)
  expect([first, second]).toEqual([expect.any(String), first])
})

test('too many requests in a second are answered 429', async () => {
  await restart({ limitPerSecond: 5 })
  const answers = await Promise.allSettled(Array.from({ length: 8 }, () => stripe.prices.list()))
  expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(3)
})

test('events are posted with a signature that the official client verifies', async () => {
  const received: { body: string; signature: string }[] = []
  const receiver = await startReceiver((body, signature) => void received.push({ body, signature }))
  server.sendWebhooks(receiver.url, ['whsec_new', 'whsec_old'])
  const product = await stripe.products.create({ name: 'Lessons' })
  await server.delivered()
  await server.redeliver(server.state.events.items[0]?.id as string)
  await receiver.close()
  expect(server.deliveries.map(({ status }) => status)).toEqual([200, 200])
  for (const { body, signature } of received)
    for (const secret of ['whsec_old', 'whsec_new'])
      expect(stripe.webhooks.constructEvent(body, signature, secret)).toMatchObject({
        type: 'product.created',
        data: { object: { id: product.id } },
      })
})

async function startReceiver(take: (body: string, signature: string) => void) {
  const { createServer } = await import('node:http')
  const http = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    take(body, String(request.headers['stripe-signature']))
    response.end()
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as import('node:net').AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () => {
      http.closeAllConnections()
      return new Promise((resolve) => http.close(resolve))
    },
  }
}
