import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Caller, TestApp } from '../../test/harness/app.ts'
import { lesson, product } from '../../test/harness/catalog.ts'
import { driftApp } from '../../test/harness/drift.ts'
import { runOut } from '../../test/harness/sync-source.ts'
import { insertItem } from '../catalog/store.ts'
import { STRIPE_CATALOG } from './stripe-catalog/definition.ts'

const PATH = '/api/agent/sync-jobs'

let drift: Awaited<ReturnType<typeof driftApp>>
let app: TestApp
let automation: Caller & { bearer: string }

beforeAll(async () => {
  drift = await driftApp(['laurel'])
  app = drift.app
  automation = await app.key({ org: 'laurel', role: 'automation' })
  const { state } = drift.stripe('laurel')
  const price = state.addPrice({ product: state.addProduct({ name: 'Lesson' }).id, unit_amount: 9000 })
  state.seedPrices(120)
  for (const item of [lesson({ stripePriceId: price.id }), product()])
    await app.deps.db.transaction((tx) => insertItem(tx, 'laurel', item, app.deps.clock()))
})
afterAll(() => drift.close())

async function withMcp<T>(bearer: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ name: 'sync-jobs-test', version: '1' })
  const requestInit = { headers: { authorization: `Bearer ${bearer}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(`${app.url}/mcp`), { requestInit }))
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

test('[JO-9] nothing that is said of a scan of Stripe has its key, a raw id, or a place in its lists', async () => {
  const { run } = (await automation.call('POST', PATH, { jobId: STRIPE_CATALOG })).body
  const stripe = drift.stripe('laurel')
  expect((await runOut(app.deps, 'laurel', run.id)).status).toBe('completed')
  const queries = [
    '',
    `?jobId=${STRIPE_CATALOG}`,
    `?jobId=${STRIPE_CATALOG}&checkpoint=latest`,
    `/drift?jobId=${STRIPE_CATALOG}`,
    `/runs?jobId=${STRIPE_CATALOG}`,
    `/runs/${run.id}`,
  ]
  const answers = await Promise.all(queries.map((query) => automation.call('GET', PATH + query)))
  expect(answers.map(({ status }) => status)).toEqual(queries.map(() => 200))
  const said = JSON.stringify(answers.map(({ body }) => body))
  expect(said).toContain('"coverage":"both-sides"')
  expect(said).not.toMatch(/\b(price|prod|evt)_[A-Za-z0-9]{4,}/)
  expect(said).not.toContain(stripe.key)
  const { job } = answers[1]!.body
  expect(job.findings.byClass.map((each: any) => each.class)).toEqual(
    expect.arrayContaining(['amount', 'missing-price']),
  )
  expect(answers[0]!.body.currentStatus.lastCheckpoint).toEqual(job.checkpoint)
  expect(answers[0]!.body.workflowTriggers.catalogDriftDetected.driftFindings).toBe(job.findings.open)
})

test('[JO-12] agents over MCP start a scan, read it, and read the manifest and the job as resources', async () => {
  await app.person('laurel', 'owner')
  const agent = await app.key({ org: 'laurel', role: 'agent' })
  await withMcp(agent.bearer, async (client) => {
    const call = async (name: string, args: Record<string, unknown>) =>
      (await client.callTool({ name, arguments: args })).structuredContent as any
    const { run } = await call('agent_sync_jobs_runs_start', { jobId: STRIPE_CATALOG, mode: 'full' })
    await runOut(app.deps, 'laurel', run.id)
    expect((await call('agent_sync_jobs_runs_read', { runId: run.id })).run.status).toBe('completed')
    const { job } = await call('agent_sync_jobs_read', { jobId: STRIPE_CATALOG })
    const { checkpoint } = await call('agent_sync_jobs_checkpoint_read', { jobId: STRIPE_CATALOG })
    expect(checkpoint).toEqual(job.checkpoint)
    const resource = async (uri: string) => {
      const { contents } = await client.readResource({ uri })
      return JSON.parse((contents[0] as { text: string }).text)
    }
    expect(await resource('fanful://agent/sync-jobs/manifest')).toMatchObject({
      version: 'agent-sync-jobs.v1',
    })
    const shown = await resource(`fanful://agent/sync-jobs/jobs/${STRIPE_CATALOG}`)
    expect(shown.job.latestRun).toEqual(job.latestRun)
    expect(await resource(`fanful://agent/sync-jobs/runs/${run.id}`)).toMatchObject({ run: { id: run.id } })
  })
})
