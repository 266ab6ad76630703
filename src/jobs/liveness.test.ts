import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { PROBE_TABLE, probeJob } from '../../test/faults/probe-job.ts'
import { type TestApp, testApp } from '../../test/harness/app.ts'
import { installJobs } from './install.ts'
import { openLiveness } from './liveness.ts'
import { enqueue } from './send.ts'
import { startJobs } from './start.ts'
import { lostJobs } from './store.ts'

const WORKER = fileURLToPath(new URL('../../test/faults/job-worker.ts', import.meta.url))
/** What is promised; about 4 s are usual. */
const ELSEWHERE_MS = 12_000

let app: TestApp
beforeAll(async () => {
  app = await testApp()
  await app.deps.db.query(PROBE_TABLE)
  await installJobs(app.database.connection, [probeJob('', 'end')])
})
afterAll(() => app.close())

const startWorker = (): ChildProcess =>
  spawn(process.execPath, [WORKER], {
    env: { PATH: process.env.PATH, CONNECTION: JSON.stringify(app.database.connection) },
    stdio: ['ignore', 'inherit', 'inherit'],
  })

/** In the first 10 s of PostgreSQL no job counts as lost. */
const settled = () =>
  vi.waitFor(async () => {
    const [row] = await app.deps.db.query<{ old: boolean }>(
      sql`SELECT pg_postmaster_start_time() < now() - interval '10 seconds' AS old`,
    )
    expect(row?.old).toBe(true)
  }, 15_000)

const workersOf = async (what: string): Promise<string[]> => {
  const rows = await app.deps.db.query<{ worker: string }>(
    sql`SELECT worker FROM probe WHERE what = ${what} ORDER BY seq`,
  )
  return rows.map(({ worker }) => worker)
}

test('[CJ-6] the job of a process that is killed starts in another within 12 s', async () => {
  const child = startWorker()
  const gone = once(child, 'exit')
  try {
    await enqueue(app.deps.db, 'probe', { what: 'orphaned' })
    await vi.waitFor(async () => expect(await workersOf('orphaned')).toEqual([`process ${child.pid}`]), {
      timeout: 20_000,
      interval: 50,
    })
    const jobs = await startJobs(app.deps, app.database.connection, [probeJob('here', 'end')])
    try {
      await settled()
      child.kill('SIGKILL')
      await gone
      const from = performance.now()
      await vi.waitFor(async () => expect(await workersOf('orphaned')).toHaveLength(2), {
        timeout: ELSEWHERE_MS,
        interval: 20,
      })
      console.info(`started elsewhere after ${Math.round(performance.now() - from)} ms`)
      expect(await workersOf('orphaned')).toEqual([`process ${child.pid}`, 'here'])
    } finally {
      await jobs.stop()
    }
  } finally {
    child.kill('SIGKILL')
    await gone
  }
}, 60_000)

test('[CJ-7] a living worker keeps its job, be it without heartbeats for a while or without its connection', async () => {
  const { db } = app.deps
  const id = await enqueue(db, 'probe', { what: 'kept' })
  // as a worker that is too busy for heartbeats leaves it
  await db.query(sql`
    UPDATE pgboss.job SET state = 'active', started_on = now() - interval '9 seconds', heartbeat_on = now() - interval '8 seconds'
     WHERE id = ${id}::uuid`)
  await settled()
  const lost = async () => (await lostJobs(db, ['probe'])).map((job) => job.id)
  expect(await lost()).toEqual([id])
  const liveness = await openLiveness(app.database.connection, {
    names: [],
    log: app.deps.log,
    onLost: async () => {},
  })
  const { promise, resolve: end } = Promise.withResolvers<void>()
  const working = liveness.during(id, () => promise)
  try {
    await vi.waitFor(async () => expect(await lost()).toEqual([]))
    const holders = async () =>
      (
        await db.query<{ pid: number }>(sql`
          SELECT pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
           WHERE a.application_name = 'countersign-liveness' AND a.datname = current_database()
             AND l.locktype = 'advisory'`)
      ).map(({ pid }) => pid)
    const [before] = await holders()
    await db.query(sql`SELECT pg_terminate_backend(${before}::integer)`)
    // it connects again and says anew what it works on; the old session may be seen for a moment
    await vi.waitFor(
      async () => {
        const now = await holders()
        expect(now).toHaveLength(1)
        expect(now).not.toContain(before)
      },
      { timeout: 10_000, interval: 20 },
    )
    expect(await lost()).toEqual([])
    end()
    await working
    await vi.waitFor(async () => expect(await lost()).toEqual([id]))
  } finally {
    end()
    await working
    await liveness.stop()
  }
}, 60_000)
