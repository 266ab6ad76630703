import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { feedOf, JOB, runOut, sourceOf, thing, thingsJob } from '../../test/harness/sync-source.ts'
import { wordsOf } from './drift.ts'

const PATH = '/api/agent/sync-jobs'

let app: TestApp
let automation: Caller

beforeAll(async () => {
  app = await testApp()
  for (const org of ['laurel', 'juniper', 'willow']) await app.org(org)
  automation = await app.key({ org: 'laurel', role: 'automation' })
})
afterAll(() => app.close())

async function scan(caller = automation, org = 'laurel'): Promise<void> {
  const { run } = (await caller.call('POST', PATH, { jobId: JOB })).body
  await runOut(app.deps, org, run.id)
}
const drift = async (caller = automation) =>
  (await caller.call('GET', `${PATH}/drift?jobId=${JOB}`)).body.drift

test('[JO-8] before a scan nothing is said, with drift what is open, and without it that there is none', async () => {
  const feed = feedOf([thing(1), thing(2)])
  app.deps.syncJobs = [thingsJob(feed)]
  expect(await drift()).toMatchObject({ drift: 'unknown', asOf: null, coverage: null, completeThrough: null })
  await scan()
  expect(await drift()).toMatchObject({ drift: 'drift', openFindings: 1, coverage: 'both-sides' })
  feed.records = [thing(1, { content: { n: 4 }, updatedAt: new Date('2026-06-01T00:00:00.000Z') }), thing(2)]
  app.advance(60_000)
  await scan()
  const said = await drift()
  expect(said).toMatchObject({ drift: 'no-drift', openFindings: 0 })
  const { job } = (await automation.call('GET', `${PATH}?jobId=${JOB}`)).body
  expect(job.drift).toEqual(said)
  expect(said.digest).toBe(job.checkpoint.digest)
  // through the start of the scan, not its end
  expect(said.completeThrough).toBe(job.latestRun.startedAt)
  expect(said.statement).toContain(said.completeThrough)
})

test('[JO-8] the digest is the same wherever the same was seen, whatever the pages', async () => {
  const records = Array.from({ length: 23 }, (_, n) => thing(n))
  const digests: string[] = []
  for (const [org, pageSize] of [
    ['juniper', 4],
    ['willow', 23],
  ] as const) {
    app.deps.syncJobs = [thingsJob(feedOf(records, { pageSize, overlap: 2 }))]
    const caller = await app.key({ org, role: 'automation' })
    await scan(caller, org)
    digests.push((await drift(caller)).digest)
  }
  expect(digests[0]).toBe(digests[1])
  expect(digests[0]).toMatch(/^sync-digest-[0-9a-f]{64}$/)
})

test('[JO-8] of one side alone nothing is said about the other', async () => {
  const feed = feedOf([thing(2)])
  const sources = async () => ({
    ...{
      sources: [sourceOf(feed)],
      notes: ['Stripe is not configured.'],
      coverage: 'app-side-only' as const,
    },
  })
  app.deps.syncJobs = [thingsJob(feed, { sources })]
  const caller = await app.key({ org: 'laurel', role: 'automation' })
  await scan(caller)
  expect(await drift(caller)).toMatchObject({
    drift: 'unknown',
    coverage: 'app-side-only',
    notes: ['Stripe is not configured.'],
  })
})

test('[JO-8] each standing has its own sentence', () => {
  const through = new Date('2026-05-16T07:15:00.000Z')
  const words = (statement: 'no-drift' | 'drift' | 'unknown', more = {}) =>
    wordsOf({ statement, coverage: 'both-sides', completeThrough: through, openFindings: 0, ...more })
  const all = [
    words('no-drift'),
    words('drift', { openFindings: 1 }),
    words('drift', { openFindings: 2 }),
    words('drift', { openFindings: 2, completeThrough: null }),
    words('unknown', { coverage: 'app-side-only' }),
    words('unknown', { completeThrough: null, coverage: null }),
  ]
  expect(new Set(all).size).toBe(all.length)
  expect(all[0]).toBe('No drift between the catalog and Stripe, through 2026-05-16T07:15:00.000Z.')
  for (const each of all.slice(1)) expect(each).not.toMatch(/^No drift/)
})
