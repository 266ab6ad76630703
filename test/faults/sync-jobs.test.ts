import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/pool.ts'
import type { Source, SyncJobDefinition } from '../../src/sync-jobs/engine/definition.ts'
import { digestText, EMPTY_DIGEST, movedDigest } from '../../src/sync-jobs/engine/digest.ts'
import { latestCheckpoint } from '../../src/sync-jobs/engine/jobs.ts'
import { listHashes } from '../../src/sync-jobs/engine/records-store.ts'
import { beginRun } from '../../src/sync-jobs/engine/runs.ts'
import { findRunRow } from '../../src/sync-jobs/engine/store.ts'
import { work } from '../../src/sync-jobs/engine/work.ts'
import { SECRET, type TestApp, testApp } from '../harness/app.ts'
import { seeded, seedOf } from '../harness/seeded.ts'
import { JOB, runOut, tables } from '../harness/sync-source.ts'
import { PAGE, PAGES, type PagedServer, pagedJob, pagedServer } from './sync-jobs-source.ts'

const WORKER = fileURLToPath(new URL('./sync-jobs-worker.ts', import.meta.url))
const SEED = seedOf(process.env)
/** Real kills; `npm run soak` makes it one for every page. */
const KILLS = Number(process.env.SYNC_JOB_KILLS ?? 20)
const THINGS = PAGES * PAGE

let app: TestApp
let paged: PagedServer
let org: string
let count = 0
beforeAll(async () => {
  app = await testApp()
  paged = await pagedServer()
})
afterAll(async () => {
  await paged.close()
  await app.close()
})
beforeEach(async () => {
  org = `scan-${++count}`
  await app.org(org)
  paged.given.clear()
  paged.before = () => {}
  app.deps.syncJobs = [pagedJob(paged.url)]
})

const begin = async () => {
  const request = { org, jobId: JOB, mode: 'full' as const, requestedBy: 'test', now: app.deps.clock() }
  return (await app.deps.db.transaction((tx) => beginRun(tx, request))).run
}

const checkpointOf = () => latestCheckpoint(app.deps.db, org, JOB)

/** What the checkpoint claims is exactly what its tables hold: neither behind its effects nor ahead of them. */
const agree = (): Promise<void> =>
  app.deps.db.transaction(async (db) => {
    // of one moment: a statement that a killed process had sent may still be committed
    await db.query(sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`)
    const checkpoint = await latestCheckpoint(db, org, JOB)
    const { records, findings } = await tables({ db }, org)
    const hashes = await listHashes(db, { org, jobId: JOB })
    const place = Number(checkpoint.cursor ?? 0)
    expect(records.length).toBe(place)
    expect(checkpoint.recordsProcessed).toBe(place)
    expect(checkpoint.digest).toBe(digestText(movedDigest(EMPTY_DIGEST, [], hashes)))
    expect(findings.length).toBe(Math.floor(place / 2))
  })

/** The digest of the same things seen without any fault, in pages of another size. */
async function undisturbed(): Promise<string> {
  const [mine, given] = [org, new Map(paged.given)]
  org = `plain-${++count}`
  await app.org(org)
  app.deps.syncJobs = [pagedJob(paged.url, 97)]
  expect(await runOut(app.deps, org, (await begin()).id)).toMatchObject({ status: 'completed' })
  const { digest } = await checkpointOf()
  app.deps.syncJobs = [pagedJob(paged.url)]
  org = mine
  paged.given = given
  return digest
}

type Moment = 'before the fetch' | 'after the fetch' | 'in the transaction' | 'after the commit'
const MOMENTS: readonly Moment[] = [
  'before the fetch',
  'after the fetch',
  'in the transaction',
  'after the commit',
]

/** Cuts an attempt off at its `page`th page, counted from 1. */
function faulty(db: Db, at: { page: number; moment: Moment }): { db: Db; job: SyncJobDefinition } {
  let [fetches, transactions] = [0, 0]
  const job = pagedJob(paged.url)
  const sources: SyncJobDefinition['sources'] = async (...asked) => {
    const made = await job.sources(...asked)
    const [source] = made.sources as [Source]
    const read: Source['read'] = async (cursor, limit) => {
      if (++fetches === at.page && at.moment === 'before the fetch') throw new Fault()
      return source.read(cursor, limit, new AbortController().signal)
    }
    return { ...made, sources: [{ ...source, read }] }
  }
  const transaction: Db['transaction'] = async (work) => {
    // the first one notes what is scanned
    if (transactions++ !== at.page || at.moment === 'before the fetch') return db.transaction(work)
    if (at.moment === 'after the fetch') throw new Fault()
    const done = await db.transaction(async (tx) => {
      const result = await work(tx)
      if (at.moment === 'in the transaction') throw new Fault()
      return result
    })
    if (at.moment === 'after the commit') throw new Fault()
    return done
  }
  return { db: { ...db, transaction }, job: { ...job, sources } }
}
class Fault extends Error {}

describe('[SE-7] a scan of 500 overlapping pages', () => {
  test('that is cut off at every page, at every moment of one, goes on where its checkpoint is', async () => {
    let faults = 0
    const run = await begin()
    let page = 1
    for (let attempt = 0; ; attempt++) {
      const moment = MOMENTS[attempt % MOMENTS.length] as Moment
      const completed = await cutOff({ page, moment }, run.id)
      // most pages are looked at by nobody but the next attempt, which has to find them as they should be
      if (attempt % 25 === 0 || completed) await agree()
      if (completed) break
      faults++
      // the page that was cut off is read by the next attempt, which is cut off at the one behind it
      page = moment === 'after the commit' ? 1 : 2
    }
    expect(faults).toBeGreaterThanOrEqual(PAGES - 1)
    expect((await checkpointOf()).digest).toBe(await undisturbed())
    const row = await findRunRow(app.deps.db, org, run.id)
    expect(row).toMatchObject({ status: 'completed', processed: THINGS, duplicates: PAGES - 1, pages: PAGES })
  }, 300_000)

  test(
    'whose process is killed reads no more than one page twice for each kill, whatever else is in its way',
    async () => {
      const random = seeded(SEED)
      const told = [`SEED=${SEED}`]
      const run = await begin()
      const places = Array.from({ length: KILLS }, () => random.below(PAGES)).sort((a, b) => a - b)
      let kills = 0
      let pauses = 0
      for (let place = places.shift(); ; ) {
        const child = worker(run.id)
        const gone = once(child, 'exit')
        if (place !== undefined) {
          const at = place * PAGE
          const late = random.below(2) === 0
          paged.before = async (cursor) => {
            if (Number(cursor) < at) return
            paged.before = () => {}
            // while it is being fetched, or while it or the next one is being written
            if (late) setTimeout(() => child.kill('SIGKILL'), random.below(8))
            else child.kill('SIGKILL')
          }
          if (random.below(3) === 0) paged.busy = 1
        }
        const [, signal] = (await gone) as [number | null, string | null]
        await agree()
        if (signal === 'SIGKILL') {
          kills++
          told.push(`killed at page ${place}`)
          place = places.shift()
          continue
        }
        const row = await findRunRow(app.deps.db, org, run.id)
        if (row?.status === 'completed') break
        expect(row?.status, told.join('\n')).toBe('paused')
        pauses++
        await app.deps.db.query(sql`
          UPDATE sync_runs SET resume_at = now() WHERE org = ${org} AND id = ${run.id} AND status = 'paused'`)
      }
      const twice = [...paged.given.values()].reduce((sum, times) => sum + times - 1, 0)
      expect(kills, told.join('\n')).toBeGreaterThan(KILLS / 2)
      expect(paged.given.size).toBe(PAGES)
      expect(twice, told.join('\n')).toBeLessThanOrEqual(kills)
      expect((await checkpointOf()).digest).toBe(await undisturbed())
      console.info(`${told[0]}: ${kills} kills, ${pauses} pauses, ${twice} pages given twice`)
    },
    KILLS * 15_000,
  )
})

/** One attempt that is cut off; true when the run completed instead. */
async function cutOff(at: { page: number; moment: Moment }, id: string): Promise<boolean> {
  const { db, job } = faulty(app.deps.db, at)
  try {
    const run = { data: { org, id }, signal: STOPPED, last: false }
    await work({ ...app.deps, db, syncJobs: [job] }, run)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
  }
  return (await findRunRow(app.deps.db, org, id))?.status === 'completed'
}

/** Aborted to whoever asks after a failure, as where the process stops, and not to who asks whether to go on. */
const STOPPED = new Proxy(new AbortController().signal, {
  get(signal, name) {
    if (name === 'aborted') return true
    const value = Reflect.get(signal, name, signal)
    return typeof value === 'function' ? value.bind(signal) : value
  },
})

function worker(id: string): ChildProcess {
  const config = {
    ...{
      port: 0,
      host: '127.0.0.1',
      dataDir: '/nonexistent',
      secret: SECRET,
      logLevel: 'fatal',
      trustProxy: false,
    },
    databaseUrl: app.database.url,
  }
  return spawn(process.execPath, [WORKER], {
    env: { ...process.env, SYNC_RUN: JSON.stringify({ config, data: { org, id }, url: paged.url }) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
