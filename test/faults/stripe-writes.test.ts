import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { findItem, insertItem } from '../../src/catalog/store.ts'
import { type StripeServer, startStripe } from '../../src/demo/stripe/server.ts'
import { type Caller, SECRET, type TestApp, testApp } from '../harness/app.ts'
import { confirmed, lesson } from '../harness/catalog.ts'
import { line, start } from '../harness/command.ts'
import type { KillPoint } from './rebuild.ts'

const WORKER = fileURLToPath(new URL('./stripe-writes-worker.ts', import.meta.url))

let app: TestApp
let stripe: StripeServer
let owner: Caller
beforeAll(async () => {
  stripe = await startStripe()
  const accounts = [{ org: 'laurel', key: stripe.key, url: stripe.url, requestsPerSecond: 100 }]
  app = await testApp({ config: { stripe: { accounts } } })
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  const { id: product } = stripe.state.addProduct({ name: 'Intro guitar lesson' })
  const { id } = stripe.state.addPrice({ product, unit_amount: 7500, currency: 'usd' })
  const item = lesson({ stripePriceId: id })
  await app.deps.db.transaction((tx) => insertItem(tx, 'laurel', item, app.deps.clock()))
})
afterAll(async () => {
  await app.close()
  await stripe.stop()
})

function worker(id: string, killAt?: KillPoint): ChildProcess {
  const config = { ...app.deps.config, databaseUrl: app.database.url, logLevel: 'error' }
  return spawn(process.execPath, [WORKER], {
    env: {
      PATH: process.env.PATH,
      STRIPE_WRITES: JSON.stringify({ config, data: { org: 'laurel', id }, killAt }),
    },
    stdio: 'inherit',
  })
}

const ended = async (child: ChildProcess) => {
  const [code, signal] = await once(child, 'exit')
  return signal ?? code
}

/** Kills it as soon as Stripe has got so many requests of it. */
async function killedAtRequest(child: ChildProcess, count: number) {
  const before = stripe.requests.length
  const watch = setInterval(() => {
    if (stripe.requests.length >= before + count) child.kill('SIGKILL')
  }, 0)
  try {
    return await ended(child)
  } finally {
    clearInterval(watch)
  }
}

type Kill = { request: number } | KillPoint
const KILLS: Kill[] = [
  ...[1, 2, 3, 4].map((request) => ({ request })),
  ...[1, 2].flatMap((transaction) =>
    (['before', 'uncommitted', 'committed'] as const).map((moment) => ({ transaction, moment })),
  ),
]

test.each(KILLS.map((kill, index) => [JSON.stringify(kill), kill, 8000 + index] as const))(
  '[CA-17] a process killed at %s leaves what another finishes with one new price',
  async (_, kill, amountCents) => {
    const { body } = await confirmed(owner, 'lessonPrice', { key: 'intro-guitar-lesson', amountCents })
    const { id } = body.stripe.write
    const prices = stripe.state.prices.items.length
    const death = 'request' in kill ? killedAtRequest(worker(id), kill.request) : ended(worker(id, kill))
    // what answered before the signal came has ended by itself
    expect('request' in kill ? ['SIGKILL', 0] : ['SIGKILL']).toContain(await death)
    expect(await ended(worker(id))).toBe(0)
    const active = stripe.state.prices.items.filter((price) => price.active)
    expect(active.map(({ unit_amount }) => unit_amount)).toEqual([amountCents])
    expect(stripe.state.prices.items).toHaveLength(prices + 1)
    const item = await findItem(app.deps.db, 'laurel', lesson())
    expect(item).toMatchObject({ amountCents, stripePriceId: active[0]?.id })
    const { writes } = (await owner.call('GET', `/api/admin/catalog/stripe-writes?id=${id}`)).body
    expect(writes).toMatchObject([{ status: 'done', outcome: 'created', toArchive: false }])
  },
)

test('[CA-16] the program, with the account in its environment, finds the job and does it', async () => {
  const { body } = await confirmed(owner, 'lessonPrice', { key: 'intro-guitar-lesson', amountCents: 9900 })
  const program = start(['--json', 'work'], {
    DATABASE_URL: app.database.url,
    COUNTERSIGN_SECRET: SECRET,
    COUNTERSIGN_STRIPE_ORG: 'laurel',
    COUNTERSIGN_STRIPE_KEY: stripe.key,
    COUNTERSIGN_STRIPE_URL: stripe.url,
    LOG_LEVEL: 'silent',
  })
  try {
    await line(program, 'ok')
    const path = `/api/admin/catalog/stripe-writes?id=${body.stripe.write.id}`
    await vi.waitFor(
      async () => expect((await owner.call('GET', path)).body.writes).toMatchObject([{ status: 'done' }]),
      { timeout: 60_000, interval: 200 },
    )
  } finally {
    program.kill('SIGTERM')
    await once(program, 'exit')
  }
  const active = stripe.state.prices.items.filter((price) => price.active)
  expect(active.map(({ unit_amount }) => unit_amount)).toEqual([9900])
})
