import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { finished, start } from '../../test/harness/command.ts'
import { type Feed, feedOf, JOB, runOut, thing, thingsJob } from '../../test/harness/sync-source.ts'
import { type Jobs, startJobs } from '../jobs/start.ts'
import { SourceFailure, SourceLimited } from '../sync-jobs/engine/definition.ts'

/** Processes of the program, beside other tests. */
vi.setConfig({ testTimeout: 60_000 })

let app: TestApp
let jobs: Jobs
let automation: Caller
let env: Record<string, string>
let feed: Feed
/** A job of its own for each test. */
let job: string
let count = 0

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  const key = await app.key({ org: 'laurel', role: 'automation' })
  automation = key
  env = { COUNTERSIGN_URL: app.url, COUNTERSIGN_KEY: key.bearer }
  jobs = await startJobs(app.deps, app.database.connection)
})
beforeEach(() => {
  feed = feedOf(
    [2, 4, 6, 8, 10].map((n) => thing(n)),
    { pageSize: 2 },
  )
  job = `${JOB}-${++count}`
  app.deps.syncJobs = [thingsJob(feed, { id: job })]
})
afterAll(async () => {
  await jobs.stop()
  await app.close()
})

const command = (args: string[]) => finished(start(['sync-jobs', ...args, '--job', job], env))
const startScan = async (): Promise<string> =>
  (await automation.call('POST', '/api/agent/sync-jobs', { jobId: job })).body.run.id

test('[JO-10] a scan is run and followed to its end: 0 without drift, 9 with it', async () => {
  const clean = await command(['run'])
  expect([clean.code, clean.stderr]).toEqual([0, ''])
  expect(clean.stdout).toContain('full run completed, 3 pages: 5 records, 0 new findings')
  expect(clean.stdout).toContain('drift: no-drift')
  feed.records.push(thing(11))
  const drifting = await command(['run', '--mode', 'incremental', '--json'])
  expect(drifting.code).toBe(9)
  expect(JSON.parse(drifting.stdout).job).toMatchObject({
    id: job,
    findings: { open: 1, byClass: [{ class: 'odd', open: 1 }] },
    latestRun: { mode: 'incremental' },
  })
  const status = await command(['status'])
  expect(status.code).toBe(9)
  for (const line of ['findings: 1 open', '  odd: 1', 'There is drift: 1 finding is open'])
    expect(status.stdout).toContain(line)
  expect(status.stdout).toMatch(/sync-digest-[0-9a-f]{64}/)
})

test('[JO-10] the same key answers the same run and scans nothing', async () => {
  const once = () => command(['run', '--idempotency-key', `scan-${job}`, '--no-wait', '--json'])
  const first = JSON.parse((await once()).stdout).run
  await vi.waitFor(async () => {
    const { body } = await automation.call('GET', `/api/agent/sync-jobs/runs/${first.id}`)
    expect(body.run.status).toBe('completed')
  }, 20_000)
  const { code, stdout } = await once()
  expect([code, JSON.parse(stdout).run.id, feed.reads.length]).toEqual([0, first.id, 3])
})

test('[JO-10] paused ends with 10, a person needed with 7, failed and cancelled with 1', async () => {
  feed.before = () => {
    throw new SourceLimited(new Date(Date.now() + 3_600_000))
  }
  const paused = await command(['run'])
  expect([paused.code, paused.stdout]).toEqual([10, expect.stringContaining('! limited: ')])
  const { latestRun } = (await automation.call('GET', `/api/agent/sync-jobs?jobId=${job}`)).body.job
  await automation.call('POST', `/api/agent/sync-jobs/runs/${latestRun.id}/cancel`, {})
  expect((await command(['status'])).code).toBe(1)

  feed.before = () => {
    throw new SourceFailure('credential-refused')
  }
  expect((await command(['run'])).code).toBe(1)

  feed.before = () => {}
  feed.records = Array.from({ length: 24 }, (_, n) => thing(2 * n))
  expect((await command(['run'])).code).toBe(0)
  feed.records = feed.records.slice(0, 4)
  expect((await command(['run'])).code).toBe(7)
})

test('[JO-10] a job that was never run, and one that is none', async () => {
  const never = await command(['status'])
  expect([never.code, never.stdout]).toEqual([0, expect.stringContaining('never run')])
  app.deps.syncJobs = []
  const none = await command(['status', '--json'])
  expect([none.code, JSON.parse(none.stdout).code]).toEqual([1, 'not-found'])
  expect((await command(['run', '--mode', 'half'])).code).toBe(2)
})

test('[JO-10] runs are watched as they come, until it is interrupted', async () => {
  await jobs.stop()
  const child = start(['sync-jobs', 'watch', '--job', job], env)
  let shown = ''
  child.stdout?.on('data', (data) => {
    shown += data
  })
  const shows = (text: string) => vi.waitFor(() => expect(shown).toContain(text), 20_000)
  for (let round = 0; round < 2; round++) {
    const id = await startScan()
    await shows(id)
    await runOut(app.deps, 'laurel', id)
    await vi.waitFor(() => expect(shown.split('run completed').length).toBe(round + 2), 20_000)
  }
  child.kill('SIGINT')
  expect((await finished(child)).code).toBe(0)
  const once = await command(['watch', '--once'])
  expect([once.code, once.stdout]).toEqual([0, expect.stringContaining(`${job}: completed`)])
})
