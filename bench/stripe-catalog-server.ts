import type { Fault } from '../src/demo/stripe/faults.ts'
import { idOf, makeProduct } from '../src/demo/stripe/objects.ts'
import { startStripe } from '../src/demo/stripe/server.ts'

/**
 * The Stripe-like server of the bench, in a process of its own, so that it takes nothing from whoever scans it. It says
 * {url, key} once it listens. `begin` forgets what was asked so far, takes a fault, and may tell when so many pages were
 * asked for; `end` answers the pages that were given, each with how often.
 */
type Ask =
  | { do: 'begin'; fault?: Fault; tellAt?: number }
  | { do: 'pages' }
  | { do: 'remove'; count: number }
  | { do: 'end' }

const [active = 0, archived = 0] = process.argv.slice(2).map(Number)
let tellAt: number | undefined

const server = await startStripe({
  onRequest() {
    if (server.requests.length !== tellAt) return
    process.send?.({ reached: tellAt })
  },
})
const { state } = server
/** As catalogs have them: ten prices of a product, and archived ones of products of their own. */
for (const [count, isArchived] of [
  [active, false],
  [archived, true],
] as const) {
  const prefix = isArchived ? 'archived' : 'seeded'
  const products = Array.from({ length: count / 10 }, (_, n) => idOf('prod', `${prefix} ${n}`))
  for (const [n, product] of products.entries())
    state.products.add(makeProduct({ id: product, name: `${prefix} ${n}`, created: 1_767_225_600 }))
  const prices = state.seedPrices(count, { archived: isArchived, product: products[0] as string })
  for (const [n, price] of prices.entries()) price.product = products[Math.floor(n / 10)] as string
}

/** How often each page was given. */
function pages(): Record<string, number> {
  const given: Record<string, number> = {}
  for (const { path, query, status } of server.requests) {
    if (status !== 200) continue
    const page = `${path}?${new URLSearchParams(query)}`
    given[page] = (given[page] ?? 0) + 1
  }
  return given
}

process.on('message', async (ask: Ask) => {
  if (ask.do === 'begin') {
    server.requests.splice(0)
    server.clearFaults()
    if (ask.fault) server.fault(ask.fault)
    tellAt = ask.tellAt
    process.send?.({ ready: true })
  } else if (ask.do === 'pages') process.send?.({ asked: server.requests.length, pages: pages() })
  else if (ask.do === 'end') {
    await server.stop()
    process.exit()
  }
})
// whoever started it is gone
process.on('disconnect', () => process.exit())
process.send?.({ url: server.url, key: server.key })
