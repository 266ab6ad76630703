import { once } from 'node:events'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStripe } from '../demo/stripe/server.ts'
import { accessTo, type StripeAccess } from './client.ts'
import { readPrice, readPrices, readProducts } from './pages.ts'
import { archivePrice, createPrice, createProduct } from './writes.ts'

/** Two servers that answer like Stripe, one of them not ours: what we read and write is the same at both. */
const servers: Record<string, { access: StripeAccess; stop(): Promise<void> }> = {}

beforeAll(async () => {
  const ours = await startStripe()
  servers.ours = { access: accessTo({ org: 'laurel', key: ours.key, url: ours.url }), stop: ours.stop }
  const require = createRequire(import.meta.url)
  const { createExpressApp } = require('stripe-stateful-mock')
  createRequire(require.resolve('stripe-stateful-mock'))('loglevel').setLevel('silent')
  const theirs: Server = createExpressApp().listen(0, '127.0.0.1')
  await once(theirs, 'listening')
  const url = `http://127.0.0.1:${(theirs.address() as AddressInfo).port}`
  servers['stripe-stateful-mock'] = {
    access: accessTo({ org: 'laurel', key: 'sk_test_51aSecondOpinion', url }),
    async stop() {
      theirs.closeAllConnections()
      await new Promise((resolve) => theirs.close(resolve))
    },
  }
})
afterAll(async () => {
  for (const { stop } of Object.values(servers)) await stop()
})

test.each(['ours', 'stripe-stateful-mock'])(
  '[ST-10] prices are made once, read, paged and archived at %s',
  async (name) => {
    const access = servers[name]?.access as StripeAccess
    const product = await createProduct(access, { name: 'Lessons' }, 'product-1')
    const make = (index: number) =>
      createPrice(
        access,
        {
          product: { id: product.id },
          unitAmount: 1000 + index,
          currency: 'usd',
          interval: index % 2 === 0 ? 'month' : null,
          metadata: { index: String(index) },
        },
        `price-${index}`,
      )
    const made = []
    for (let index = 0; index < 7; index++) made.push(await make(index))
    expect((await make(3)).id).toBe(made[3]?.id)
    expect(await readPrice(access, made[0]?.id as string)).toEqual({
      id: made[0]?.id,
      productId: product.id,
      active: true,
      currency: 'usd',
      unitAmount: 1000,
      type: 'recurring',
      interval: 'month',
      intervalCount: 1,
      nickname: null,
      lookupKey: null,
      madeFor: null,
      livemode: false,
      createdAt: made[0]?.createdAt,
    })
    expect(made[1]).toMatchObject({ type: 'one_time', interval: null, intervalCount: null })
    const gone = made.slice(0, 2).map(({ id }) => id)
    for (const id of gone)
      expect(await archivePrice(access, id, `archive-${id}`)).toMatchObject({ id, active: false })

    const found = async (active: boolean) => {
      const ids: string[] = []
      for (let startingAfter: string | null = null; ; ) {
        const { items, next } = await readPrices(access, { active, startingAfter, limit: 2 })
        ids.push(...items.map(({ id }) => id))
        if (next === null) return ids.sort()
        startingAfter = next
      }
    }
    expect(await found(false)).toEqual([...gone].sort())
    expect(await found(true)).toEqual(
      made
        .slice(2)
        .map(({ id }) => id)
        .sort(),
    )
    expect((await readProducts(access, {})).items.map(({ id }) => id)).toEqual([product.id])
    await expect(readPrice(access, 'price_none')).rejects.toMatchObject({ kind: 'not-found' })
    const other = { product: { id: product.id }, unitAmount: 1, currency: 'usd', interval: null }
    await expect(createPrice(access, other, 'price-1')).rejects.toMatchObject({ kind: 'mismatch' })
  },
)
