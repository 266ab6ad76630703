import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { type Feed, feedOf, JOB, runOut, thing, thingsJob } from '../../test/harness/sync-source.ts'
import { SourceFailure, SourceLimited } from './engine/definition.ts'

const PATH = '/api/agent/sync-jobs'
const OTHER = 'sync-job-others'

let app: TestApp
let automation: Caller
let owner: Caller
let feed: Feed

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  automation = await app.key({ org: 'laurel', role: 'automation' })
  owner = await app.person('laurel', 'owner')
})
beforeEach(() => {
  feed = feedOf(
    [1, 2, 3, 4, 5].map((n) => thing(n)),
    { pageSize: 2 },
  )
  app.deps.syncJobs = [thingsJob(feed), thingsJob(feed, { id: OTHER })]
})
afterAll(() => app.close())

const start = (body: Record<string, unknown> = { jobId: JOB }, key?: string, caller = automation) =>
  caller.call('POST', PATH, body, key === undefined ? {} : { 'idempotency-key': key })
const run = (id: string) => runOut(app.deps, 'laurel', id)
const jobNow = async (jobId = JOB) => (await automation.call('GET', `${PATH}?jobId=${jobId}`)).body.job
const runNow = async (id: string) => (await automation.call('GET', `${PATH}/runs/${id}`)).body.run

describe('starting', () => {
  test('[JO-4] a scan is started once per key, and another request with that key is refused', async () => {
    const [first, again] = [
      await start({ jobId: JOB }, 'scan-of-today'),
      await start({ jobId: JOB }, 'scan-of-today'),
    ]
    expect(first.status).toBe(200)
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    const { id } = first.body.run
    await run(id)
    // what it answered then, and no new scan
    expect((await start({ jobId: JOB }, 'scan-of-today')).body).toEqual(first.body)
    expect(feed.reads).toHaveLength(3)
    const other = await start({ jobId: JOB, mode: 'incremental' }, 'scan-of-today')
    expect([other.status, other.body.code]).toEqual([422, 'idempotency-mismatch'])
  })

  test('[JO-4] starts at once, whoever makes them, are one run', async () => {
    const answers = await Promise.all([
      start(),
      start(),
      start(undefined, undefined, owner),
      start({ jobId: JOB, mode: 'incremental' }),
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    const ids = new Set(answers.map(({ body }) => body.run.id))
    expect(ids.size).toBe(1)
    const [id] = ids as Set<string>
    expect((await run(id!)).status).toBe('completed')
    expect((await start()).body.run.id).not.toBe(id)
  })

  test('[JO-4] an unknown job, another mode and further members are refused', async () => {
    expect((await start({ jobId: 'sync-job-none' })).status).toBe(404)
    expect((await start({ jobId: JOB, mode: 'half' })).body.errors[0].pointer).toBe('/mode')
    const credential = await start({ jobId: JOB, apiKey: 'sk_test_123' })
    expect([credential.status, credential.body.code]).toEqual([400, 'validation-failed'])
    expect(JSON.stringify(credential.body)).not.toContain('sk_test_123')
  })
})

describe('a run', () => {
  test('[JO-5] ends with its counts in the job, the checkpoint and the history', async () => {
    const { id } = (await start({ jobId: OTHER })).body.run
    expect(await jobNow(OTHER)).toMatchObject({ status: 'running', cursor: { terminal: false } })
    await run(id)
    const job = await jobNow(OTHER)
    expect(job).toMatchObject({
      status: 'completed',
      cursor: { kind: 'opaque-compound', terminal: true, nextValue: null },
      checkpoint: {
        recordsProcessed: 5,
        duplicateRecordsSkipped: 0,
        highWatermark: thing(5).updatedAt.toISOString(),
      },
      stats: { recordsScanned: 5, uniqueRecordsProcessed: 5, driftFindings: 3, errors: 0 },
      findings: { open: 3, needPerson: 0, byClass: [{ class: 'odd', open: 3 }] },
      errors: [],
      latestRun: { id, status: 'completed', mode: 'full', stats: { pages: 3, driftFindings: 3 } },
      history: [{ id }],
    })
    // places of the source are shown to nobody
    expect(job.checkpoint.cursor).toMatch(/^sync-cursor-[0-9a-f]{32}$/)
    expect(job.cursor.value).toMatch(/^sync-cursor-[0-9a-f]{32}$/)
  })

  test('[JO-5] the history is read by pages, newest first, with cursors of that job alone', async () => {
    const ids: string[] = []
    for (let count = 0; count < 3; count++) {
      app.advance(1000)
      const { id } = (await start({ jobId: OTHER })).body.run
      await run(id)
      ids.unshift(id)
    }
    const first = (await automation.call('GET', `${PATH}/runs?jobId=${OTHER}&limit=2`)).body
    expect(first.runs.map(({ id }: any) => id)).toEqual(ids.slice(0, 2))
    const next = `cursor=${encodeURIComponent(first.nextCursor)}`
    const second = (await automation.call('GET', `${PATH}/runs?jobId=${OTHER}&limit=2&${next}`)).body
    expect(second.runs[0].id).toBe(ids[2])
    const foreign = await automation.call('GET', `${PATH}/runs?jobId=${JOB}&${next}`)
    expect([foreign.status, foreign.body.code]).toEqual([400, 'cursor-invalid'])
  })

  test('[JO-5] is followed as events, one for each page that is seen, until it ends', async () => {
    const { id } = (await start({ jobId: OTHER })).body.run
    const stream = await fetch(`${app.url}${PATH}/runs/${id}`, {
      headers: { ...automation.headers, accept: 'text/event-stream' },
    })
    const text = stream.text()
    await run(id)
    const told = [...(await text).matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!))
    expect(told[0]).toMatchObject({ id, status: 'running' })
    expect(told.at(-1)).toMatchObject({ id, status: 'completed', stats: { recordsScanned: 5 } })
  })

  test('[JO-5] that its source limits is paused until then, and keeps its checkpoint', async () => {
    const resumeAt = new Date(Date.now() + 600_000)
    feed.before = (cursor) => {
      if (cursor === '2') throw new SourceLimited(resumeAt)
    }
    const { id } = (await start({ jobId: OTHER })).body.run
    await run(id)
    expect(await jobNow(OTHER)).toMatchObject({
      status: 'paused',
      errors: [{ code: 'limited', retryable: true }],
      latestRun: { status: 'paused', resumeAt: resumeAt.toISOString(), stats: { recordsScanned: 2 } },
    })
    feed.before = () => {}
    const resumed = await automation.call('POST', `${PATH}/runs/${id}/resume`, {})
    expect(resumed.body.run).toMatchObject({ id, status: 'running', errors: [], resumeAt: null })
    await run(id)
    expect(await runNow(id)).toMatchObject({ status: 'completed', stats: { recordsScanned: 5 } })
    expect(feed.reads).toEqual([null, '2', '4'])
  })

  test('[JO-9] that fails says why in words of ours, and nothing that the source said', async () => {
    feed.before = (cursor) => {
      if (cursor === '2') throw new SourceFailure('credential-refused')
    }
    const refused = (await start({ jobId: OTHER })).body.run.id
    await run(refused)
    expect(await jobNow(OTHER)).toMatchObject({
      status: 'failed',
      errors: [{ code: 'credential-refused', retryable: false }],
      checkpoint: { recordsProcessed: 2 },
    })
    feed.before = () => {
      throw new Error('sk_test_4242 is not valid for acct_77')
    }
    const { id } = (await start({ jobId: OTHER })).body.run
    expect(id).not.toBe(refused)
    await run(id)
    const answers = JSON.stringify([await jobNow(OTHER), await runNow(id)])
    expect(answers).toContain('"code":"internal"')
    expect(answers).not.toMatch(/sk_test|acct_/)
  })

  test('[JO-11] is counted by its status, with its pages and records', async () => {
    const value = async (name: string, labels: Record<string, string> = {}) => {
      const metric = await app.deps.metrics.registry.getSingleMetric(`countersign_sync_${name}`)!.get()
      const fits = (each: any) => Object.entries(labels).every(([label, is]) => each.labels[label] === is)
      return metric.values.find(fits)?.value ?? 0
    }
    const all = () =>
      Promise.all([
        value('runs_total', { status: 'completed' }),
        value('pages_total'),
        value('records_total', { outcome: 'processed' }),
        value('records_total', { outcome: 'duplicates' }),
      ])
    const before = await all()
    feed.overlap = 1
    const { id } = (await start({ jobId: OTHER })).body.run
    await run(id)
    const after = await all()
    expect(after.map((each, index) => each - before[index]!)).toEqual([1, 3, 5, 2])
    const finishedAt = Date.parse((await runNow(id)).finishedAt)
    expect(await value('last_complete_timestamp_seconds')).toBe(finishedAt / 1000)
  })
})
