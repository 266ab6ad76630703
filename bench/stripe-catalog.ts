import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Fault } from '../src/demo/stripe/faults.ts'
import { report } from './measure.ts'
import { fillCatalog, forgetAll, foundBy, scanOnce } from './stripe-catalog-ours.ts'
import { type Found, listAll, openSyncEngine, type Place } from './stripe-catalog-peers.ts'
import type { SideSettings } from './stripe-catalog-side.ts'
import { ORG, openWorld } from './world.ts'

const ACTIVE = 20_000
const ARCHIVED = 2_000
const ITEMS = 2_000
const ROUNDS = 3
/** Pages that were asked for when the process is killed, or the server answers 429 once. */
const BREAKS_AT = 100
const GOALS = { syncEngine: 3, bare: 0.4 }

const METHOD = `stripe-catalog: a full run of the catalog job (active and archived prices, products, the ${ITEMS.toLocaleString('en')} items of the
catalog, drift compared, a checkpoint with every page) against @supabase/stripe-sync-engine (syncPrices, which writes what Stripe
lists) and against the bare stripe client listing active and archived prices and doing nothing with them. ${ACTIVE.toLocaleString('en')} active and
${ARCHIVED.toLocaleString('en')} archived prices at one Stripe-like server in a process of its own, on this machine and so without the time that
Stripe takes, one embedded PostgreSQL, alternating rounds, medians. Records are prices; no side is limited in its rate. "first": nothing
was known before; "again": everything was. Pages refetched: pages that were given more often than once, where the scanning process is
killed at page ${BREAKS_AT} and started again, and where one page is answered 429 with Retry-After: 1 and a process that ends by that is
started again.`

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))

type Server = Place & { child: ChildProcess; ask<T>(question: object): Promise<T> }

async function openServer(): Promise<Server> {
  const child = fork(here('stripe-catalog-server.ts'), [String(ACTIVE), String(ARCHIVED)], {
    stdio: 'inherit',
  })
  const [place] = (await once(child, 'message')) as [Place]
  return {
    ...place,
    child,
    async ask<T>(question: object) {
      const answer = once(child, 'message')
      child.send(question)
      return (await answer)[0] as T
    },
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
const two = (value: number): number => Math.round(value * 100) / 100

/** Prices a second. */
async function rateOf(prices: number, work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return (prices * 1000) / (performance.now() - from)
}

export async function stripeCatalog(): Promise<void> {
  console.log(METHOD)
  const server = await openServer()
  const stripe = { accounts: [{ org: ORG, key: server.key, url: server.url, requestsPerSecond: 100_000 }] }
  const world = await openWorld({ stripe })
  const engine = await openSyncEngine(server, world.storage.connection)
  try {
    await fillCatalog(world.deps, ITEMS)
    const rates = {
      first: [] as number[],
      again: [] as number[],
      engine: [] as number[],
      bare: [] as number[],
    }
    let found = { ours: {} as Found & { findings: number }, syncEngine: {} as Found, bare: {} as Found }
    const sides = [
      async () => {
        await forgetAll(world.deps)
        rates.first.push(await rateOf(ACTIVE + ARCHIVED, () => scanOnce(world.deps)))
        rates.again.push(await rateOf(ACTIVE + ARCHIVED, () => scanOnce(world.deps)))
        found = { ...found, ours: await foundBy(world.deps) }
      },
      async () => {
        let seen = {} as Found
        rates.engine.push(
          await rateOf(ACTIVE, async () => {
            seen = await engine.scan()
          }),
        )
        found = { ...found, syncEngine: seen }
      },
      async () => {
        let seen = {} as Found
        rates.bare.push(
          await rateOf(ACTIVE + ARCHIVED, async () => {
            seen = await listAll(server)
          }),
        )
        found = { ...found, bare: seen }
      },
    ]
    for (let round = -1; round < ROUNDS; round++) {
      // the first round of each warms up
      if (round === 0) for (const each of Object.values(rates)) each.splice(0)
      for (const side of round % 2 === 0 ? sides : [...sides].reverse()) await side()
    }
    const [first, again, synced, bare] = [rates.first, rates.again, rates.engine, rates.bare].map(median) as [
      number,
      number,
      number,
      number,
    ]
    const whole = (value: number) => Math.round(value)
    const about = {
      ...{ first: whole(first), again: whole(again), syncEngine: whole(synced), bare: whole(bare), found },
      ...{ cores: availableParallelism(), load: two(loadavg()[0] as number) },
    }
    const worst = Math.min(first, again)
    report({ bench: 'stripe-catalog', ratio: two(worst / synced), goal: GOALS.syncEngine, ...about })
    const toBare = { again: two(again / bare), first: two(first / bare) }
    report({ bench: 'stripe-catalog-bare', ratio: two(worst / bare), goal: GOALS.bare, ...toBare })
    report(
      {
        ...{ bench: 'stripe-catalog-archived', ratio: found.ours.archived / ARCHIVED, goal: 1 },
        ...{ ours: found.ours.archived, syncEngine: found.syncEngine.archived, of: ARCHIVED },
      },
      found.ours.archived === ARCHIVED && found.ours.active === ACTIVE,
    )
    const { dataDir, secret } = world.deps.config
    const settings: SideSettings = { url: server.url, key: server.key, dataDir, secret }
    const broken = async (kind: 'ours' | 'sync-engine', how: 'killed' | 'limited') => {
      await (kind === 'ours' ? forgetAll(world.deps) : engine.forget())
      return refetched(server, kind, settings, how)
    }
    for (const how of ['killed', 'limited'] as const) {
      const ours = await broken('ours', how)
      const theirs = await broken('sync-engine', how)
      report(
        { bench: `stripe-catalog-${how}`, ratio: ours.refetched, goal: 1, ours, syncEngine: theirs },
        ours.refetched <= 1,
      )
    }
  } finally {
    await engine.end()
    await world.end()
    server.child.send({ do: 'end' })
  }
}

/** Scans until one ends well, broken off once; pages that were given again, and processes that it took. */
async function refetched(
  server: Server,
  kind: string,
  settings: SideSettings,
  how: 'killed' | 'limited',
): Promise<{ refetched: number; processes: number }> {
  const fault: Fault = { kind: 'limited', retryAfter: 1, after: BREAKS_AT }
  await server.ask({ do: 'begin', ...(how === 'killed' ? { tellAt: BREAKS_AT } : { fault }) })
  for (let processes = 1; ; processes++) {
    const child = fork(here('stripe-catalog-side.ts'), [kind, JSON.stringify(settings)], {
      stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
    })
    const exit = once(child, 'exit')
    if (how === 'killed' && processes === 1) {
      await once(server.child, 'message')
      child.kill('SIGKILL')
    }
    const [code] = await exit
    if (code === 0) {
      const { pages } = await server.ask<{ pages: Record<string, number> }>({ do: 'pages' })
      return { refetched: Object.values(pages).filter((times) => times > 1).length, processes }
    }
    if (processes === 5) throw new Error(`${kind} does not end.`)
  }
}
