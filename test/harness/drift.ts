import sql from 'sql-template-tag'
import type { Config } from '../../src/config.ts'
import { type StripeOptions, type StripeServer, startStripe } from '../../src/demo/stripe/server.ts'
import type { Mode } from '../../src/sync-jobs/engine/definition.ts'
import { type FindingRow, listFindings } from '../../src/sync-jobs/engine/findings.ts'
import { beginRun, type RunRow } from '../../src/sync-jobs/engine/runs.ts'
import { STRIPE_CATALOG } from '../../src/sync-jobs/stripe-catalog/definition.ts'
import { type TestApp, testApp } from './app.ts'
import { runOut } from './sync-source.ts'

/** An application with a Stripe-like server for each of some organisations; their clocks are one. */
export async function driftApp(orgs: readonly string[], options: StripeOptions = {}) {
  let clock = () => new Date()
  const now = () => Math.floor(clock().getTime() / 1000)
  const stripes: Record<string, StripeServer> = {}
  for (const [n, org] of orgs.entries())
    stripes[org] = await startStripe({ now, key: `sk_test_51CanaryKeyOfStripe0000000000${n}`, ...options })
  const config: Partial<Config> = {
    stripe: {
      accounts: orgs.map((org) => {
        const { key, url } = stripes[org] as StripeServer
        return { org, key, url, requestsPerSecond: 100 }
      }),
    },
  }
  const app = await testApp({ config })
  clock = () => app.deps.clock()
  for (const org of orgs) await app.org(org)
  return {
    app,
    stripe: (org = orgs[0] as string) => stripes[org] as StripeServer,
    async close() {
      await app.close()
      for (const server of Object.values(stripes)) await server.stop()
    },
  }
}

export async function begin(app: TestApp, org: string, mode: Mode): Promise<RunRow> {
  const request = { org, jobId: STRIPE_CATALOG, mode, requestedBy: 'test', now: app.deps.clock() }
  return (await app.deps.db.transaction((tx) => beginRun(tx, request))).run
}

/** A scan from its start until it stands still. */
export const scan = async (app: TestApp, org: string, mode: Mode): Promise<RunRow> =>
  runOut(app.deps, org, (await begin(app, org, mode)).id)

/** What is open, as `class kind:key`, in order. */
export async function open(app: TestApp, org: string): Promise<string[]> {
  return (await openFindings(app, org)).map((each) => `${each.class} ${each.sourceKind}:${each.key}`).sort()
}

export const openFindings = (app: TestApp, org: string): Promise<FindingRow[]> =>
  listFindings(app.deps.db, org, { jobId: STRIPE_CATALOG, status: 'open', limit: 10_000 })

/** Every row that has anything of a scan, as text. */
export async function everything(app: TestApp): Promise<string> {
  const tables = ['sync_jobs', 'sync_runs', 'sync_findings', 'feed_entries']
  const rows = await Promise.all(
    tables.map((table) => app.deps.db.query(sql([`SELECT to_jsonb(t) AS row FROM ${table} t`]))),
  )
  return JSON.stringify(rows)
}
