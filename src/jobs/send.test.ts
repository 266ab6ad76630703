import pg from 'pg'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { PROBE_TABLE, probeJob } from '../../test/faults/probe-job.ts'
import { type TestApp, testApp } from '../../test/harness/app.ts'
import { installJobs } from './install.ts'
import type { QueueJob } from './queue.ts'
import { enqueue } from './send.ts'
import { startJobs } from './start.ts'
import { wakeWorkers } from './store.ts'

let app: TestApp
beforeAll(async () => {
  app = await testApp()
  await app.deps.db.query(PROBE_TABLE)
  await installJobs(app.database.connection, [probeJob('', 'end')])
})
afterAll(() => app.close())

const work = (job: QueueJob = probeJob('here', 'end')) => startJobs(app.deps, app.database.connection, [job])

const started = (what: string) =>
  app.deps.db.query<{ worker: string; last: boolean }>(
    sql`SELECT worker, last FROM probe WHERE what = ${what} ORDER BY seq`,
  )

const stateOf = async (id: string): Promise<string | undefined> => {
  const [row] = await app.deps.db.query<{ state: string }>(
    sql`SELECT state FROM pgboss.job WHERE id = ${id}::uuid`,
  )
  return row?.state
}

const waitFor = (condition: () => Promise<void>) => vi.waitFor(condition, { timeout: 15_000, interval: 50 })

test('[CJ-1] a job is done if the transaction that asked for it commits, and never if it does not', async () => {
  const jobs = await work()
  try {
    await expect(
      app.deps.db.transaction(async (tx) => {
        await enqueue(tx, 'probe', { what: 'undone' })
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    const id = await app.deps.db.transaction((tx) => enqueue(tx, 'probe', { what: 'done' }))
    await waitFor(async () => expect(await stateOf(id)).toBe('completed'))
    expect(await started('done')).toHaveLength(1)
    expect(await started('undone')).toEqual([])
    const rows = await app.deps.db.query(sql`SELECT FROM pgboss.job WHERE data->>'what' = 'undone'`)
    expect(rows).toEqual([])
  } finally {
    await jobs.stop()
  }
})

test('[CJ-2] asking for a job wakes the workers, wherever they are, and so does giving one back', async () => {
  const jobs = await work()
  const listener = new pg.Client(app.database.connection)
  await listener.connect()
  const heard: string[] = []
  listener.on('notification', ({ payload }) => void heard.push(payload as string))
  try {
    // where the engine itself listens, whatever it calls that
    const channel = await vi.waitFor(async () => {
      const [row] = await app.deps.db.query<{ query: string }>(sql`
        SELECT query FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%'
           AND application_name = 'countersign-jobs'`)
      expect(row).toBeDefined()
      return row?.query as string
    })
    await listener.query(channel)
    await enqueue(app.deps.db, 'probe', { what: 'heard' })
    await waitFor(async () => expect(heard).toEqual(['probe']))
    await jobs.stop()
    await waitFor(async () => expect(heard.length).toBeGreaterThan(1))
  } finally {
    await jobs.stop()
    await listener.end()
  }
})

test('[CJ-2] what waits is done without a pause in between', async () => {
  const ids: string[] = []
  for (let n = 0; n < 12; n++) ids.push(await enqueue(app.deps.db, 'probe', { what: 'many' }))
  const jobs = await work()
  try {
    // one for each interval of the engine would take a minute
    await waitFor(async () => {
      for (const id of ids) expect(await stateOf(id)).toBe('completed')
    })
  } finally {
    await jobs.stop()
  }
})

test('[CJ-3] one for later waits, one that nobody knows is refused', async () => {
  const later = await enqueue(
    app.deps.db,
    'probe',
    { what: 'later' },
    { startAfter: new Date(Date.now() + 3_600_000) },
  )
  const jobs = await work()
  try {
    const now = await enqueue(app.deps.db, 'probe', { what: 'now' })
    await waitFor(async () => expect(await stateOf(now)).toBe('completed'))
    expect(await stateOf(later)).toBe('created')
    expect(await started('later')).toEqual([])
    await expect(enqueue(app.deps.db, 'nobody.knows', {})).rejects.toThrow('There is no job nobody.knows.')
  } finally {
    await jobs.stop()
  }
})

test('[CJ-4] a job that fails starts again until its attempts are used up, and knows which one is the last', async () => {
  const failing = probeJob('here', 'end')
  const job: QueueJob = {
    ...failing,
    async run(deps, run) {
      await failing.run(deps, run)
      if (!run.last) throw new Error('not yet')
    },
  }
  const jobs = await work(job)
  try {
    const id = await enqueue(app.deps.db, 'probe', { what: 'stubborn' })
    await waitFor(async () => {
      await wakeWorkers(app.deps.db, 'probe')
      expect(await stateOf(id)).toBe('completed')
    })
    const lasts = (await started('stubborn')).map(({ last }) => last)
    expect(lasts).toEqual([false, false, false, false, true])
  } finally {
    await jobs.stop()
  }
})

test('[CJ-8] a queue may pause between the starts of a job, longer each time', async () => {
  const paused: QueueJob = { ...probeJob('here', 'end'), name: 'paused', pauseSeconds: 1 }
  await installJobs(app.database.connection, [paused])
  const job: QueueJob = {
    ...paused,
    async run() {
      throw new Error('not yet')
    },
  }
  const jobs = await work(job)
  try {
    const id = await enqueue(app.deps.db, 'paused', { what: 'paused' })
    const pauses = async () =>
      app.deps.db.query<{ pause: number; retryCount: number }>(sql`
        SELECT extract(epoch FROM start_after - started_on)::float AS pause, retry_count AS "retryCount"
          FROM pgboss.job WHERE id = ${id}::uuid AND state = 'retry'`)
    const seen = new Map<number, number>()
    await waitFor(async () => {
      for (const { pause, retryCount } of await pauses()) seen.set(retryCount, pause)
      expect([...seen.keys()]).toEqual(expect.arrayContaining([0, 1]))
    })
    const [first = 0, second = 0] = [seen.get(0), seen.get(1)]
    expect(first).toBeGreaterThanOrEqual(1)
    expect(second).toBeGreaterThan(first)
  } finally {
    await jobs.stop()
  }
})

test('[CJ-5] a process that stops tells its jobs so and gives them to another', async () => {
  const first = await work(probeJob('first', 'hang'))
  const id = await enqueue(app.deps.db, 'probe', { what: 'handed over' })
  await waitFor(async () => expect(await started('handed over')).toHaveLength(1))
  const second = await work(probeJob('second', 'end'))
  try {
    await first.stop()
    await waitFor(async () => expect(await stateOf(id)).toBe('completed'))
    const workers = (await started('handed over')).map(({ worker }) => worker)
    expect(workers).toEqual(['first', 'second'])
  } finally {
    await second.stop()
  }
})
