import sql from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../../../test/harness/app.ts'
import {
  type Feed,
  feedOf,
  JOB,
  runOut,
  tables,
  thing,
  thingsJob,
} from '../../../test/harness/sync-source.ts'
import { type Mode, SourceFailure, SourceLimited } from './definition.ts'
import { digestText, EMPTY_DIGEST, movedDigest } from './digest.ts'
import { driftStatement } from './drift.ts'
import { countOpen, listFindings } from './findings.ts'
import { findJob, latestCheckpoint } from './jobs.ts'
import { listHashes } from './records-store.ts'
import { beginRun } from './runs.ts'
import { findRunRow } from './store.ts'

let app: TestApp
let org = 'laurel'
let feed: Feed
let count = 0
beforeAll(async () => {
  app = await testApp()
})
afterAll(() => app.close())
beforeEach(async () => {
  org = `things-${++count}`
  await app.org(org)
  feed = feedOf(Array.from({ length: 35 }, (_, n) => thing(n)))
  app.deps.syncJobs = [thingsJob(feed)]
})

const begin = async (mode: Mode = 'full') => {
  const now = app.deps.clock()
  const request = { org, jobId: JOB, mode, requestedBy: 'test', now }
  return (await app.deps.db.transaction((tx) => beginRun(tx, request))).run
}
const full = async () => runOut(app.deps, org, (await begin()).id)
const digest = async () => (await latestCheckpoint(app.deps.db, org, JOB)).digest
const recounted = async () =>
  digestText(movedDigest(EMPTY_DIGEST, [], await listHashes(app.deps.db, { org, jobId: JOB })))

describe('[SE-3] a run', () => {
  test('reads every page once, keeps what it saw and found, and completes', async () => {
    const run = await full()
    expect(run).toMatchObject({ status: 'completed', pages: 4, scanned: 35, processed: 35, duplicates: 0 })
    expect(feed.reads).toEqual([null, '10', '20', '30'])
    const { records, findings } = await tables(app.deps, org)
    expect(records.length).toBe(35)
    expect(findings.filter(({ status }) => status === 'open').length).toBe(17)
    expect(await digest()).toBe(await recounted())
    const checkpoint = await latestCheckpoint(app.deps.db, org, JOB)
    expect(checkpoint).toMatchObject({ cursor: '35', recordsProcessed: 35, duplicateRecordsSkipped: 0 })
    expect(checkpoint.highWatermark).toEqual(thing(34).updatedAt)
  })

  test('counts what overlapping pages bring again, and comes to the same', async () => {
    await full()
    const plain = await digest()
    feed.overlap = 3
    const run = await full()
    expect(run).toMatchObject({ scanned: 44, processed: 35, duplicates: 9 })
    expect(await digest()).toBe(plain)
  })

  test('is one at a time: who asks meanwhile gets the one that is under way', async () => {
    const runs = await Promise.all(Array.from({ length: 8 }, () => begin()))
    expect(new Set(runs.map(({ id }) => id)).size).toBe(1)
  })

  test('that was given to another worker writes nothing more', async () => {
    const run = await begin()
    feed.before = async (cursor) => {
      if (cursor !== '10') return
      feed.before = () => {}
      // another worker takes it, and comes to the end
      await runOut(app.deps, org, run.id)
    }
    const end = await runOut(app.deps, org, run.id)
    expect(end).toMatchObject({ status: 'completed', scanned: 35, attempt: 2, pages: 4 })
  })
})

describe('[SE-4] what a source answers instead of a page', () => {
  test('a pause is waited for with the cursor kept, and the run goes on after it', async () => {
    const resumeAt = new Date(app.deps.clock().getTime() + 60_000)
    const run = await begin()
    feed.before = (cursor) => {
      if (cursor === '20') throw new SourceLimited(resumeAt)
    }
    const paused = await runOut(app.deps, org, run.id)
    expect(paused).toMatchObject({ status: 'paused', cursor: '20', pages: 2, errorCode: 'limited', resumeAt })
    expect((await findJob(app.deps, org, JOB))?.status).toBe('paused')
    // not before its time
    expect(await runOut(app.deps, org, run.id)).toMatchObject({ status: 'paused' })
    feed.before = () => {}
    app.advance(61_000)
    expect(await runOut(app.deps, org, run.id)).toMatchObject({ status: 'completed', scanned: 35, errors: 1 })
    expect(feed.reads).toEqual([null, '10', '20', '30'])
    const [queued] = await app.deps.db.query<{ n: number }>(sql`
      SELECT count(*) AS n FROM pgboss.job WHERE name = 'sync-jobs.run' AND data->>'id' = ${run.id} AND start_after >= ${resumeAt}`)
    expect(queued?.n).toBe(1)
  })

  test('what is unavailable is tried again some times, then the run fails and can be resumed', async () => {
    const run = await begin()
    feed.before = (cursor) => {
      if (cursor === '10') throw new SourceFailure('unavailable')
    }
    const seen = []
    for (let n = 0; n < 6; n++) {
      const { status, failures } = await runOut(app.deps, org, run.id)
      seen.push([status, failures])
      app.advance(120_000)
    }
    expect(seen).toEqual([...[1, 2, 3, 4, 5].map((n) => ['paused', n]), ['failed', 6]])
    expect(await findRunRow(app.deps.db, org, run.id)).toMatchObject({
      cursor: '10',
      errorCode: 'unavailable',
    })
  })

  test('a refused credential fails at once, with the checkpoint kept', async () => {
    const run = await begin()
    feed.before = (cursor) => {
      if (cursor === '30') throw new SourceFailure('credential-refused')
    }
    const failed = await runOut(app.deps, org, run.id)
    expect(failed).toMatchObject({ status: 'failed', errorCode: 'credential-refused', cursor: '30' })
    expect(await latestCheckpoint(app.deps.db, org, JOB)).toMatchObject({
      cursor: '30',
      recordsProcessed: 30,
    })
  })
})

describe('[SE-5] what a full scan does not see any more', () => {
  test('is removed, its findings are resolved, and it comes back when it is seen again', async () => {
    await full()
    const before = await digest()
    const taken = feed.records.splice(5, 4)
    expect(await full()).toMatchObject({ status: 'completed', disappeared: 4, resolved: 2 })
    const { records } = await tables(app.deps, org)
    expect(records.filter(({ deleted }) => deleted).length).toBe(4)
    expect(await digest()).toBe(await recounted())
    feed.records.push(...taken)
    expect(await full()).toMatchObject({ status: 'completed', opened: 2 })
    expect(await digest()).toBe(before)
  })

  test('waits for a person where it is much: nothing is removed until that', async () => {
    await full()
    feed.records.splice(10)
    const run = await full()
    expect(run).toMatchObject({ status: 'needs-review', disappeared: 25 })
    expect((await tables(app.deps, org)).records.every(({ deleted }) => !deleted)).toBe(true)
    expect((await findJob(app.deps, org, JOB))?.status).toBe('needs-review')
    // nothing else starts meanwhile
    expect((await begin()).id).toBe(run.id)
  })
})

describe('[SE-6] a finding', () => {
  test('is resolved when it holds no longer, and opened again with the same fingerprint', async () => {
    await full()
    const [one] = await listFindings(app.deps.db, org, { jobId: JOB, status: 'open', limit: 1 })
    const index = feed.records.findIndex(({ key }) => key === one?.key)
    const odd = feed.records[index] as (typeof feed.records)[number]
    const later = (content: { n: number }, ms: number) => ({
      ...odd,
      content,
      updatedAt: new Date(odd.updatedAt.getTime() + ms),
    })
    feed.records[index] = later({ n: 0 }, 1)
    expect(await full()).toMatchObject({ opened: 0, resolved: 1 })
    feed.records[index] = later({ n: 1001 }, 2)
    expect(await full()).toMatchObject({ opened: 1, resolved: 0 })
    const [again] = await listFindings(app.deps.db, org, { jobId: JOB, status: 'open', limit: 1 })
    expect(again).toMatchObject({ fingerprint: one?.fingerprint, evidenceHash: 'hash-1001' })
  })

  test('says drift or no drift, and neither before both sides were seen whole', async () => {
    expect(await driftStatement(app.deps.db, org, JOB)).toMatchObject({ statement: 'unknown', asOf: null })
    const run = await full()
    expect(await driftStatement(app.deps.db, org, JOB)).toMatchObject({
      statement: 'drift',
      openFindings: 17,
    })
    feed.records = feed.records.map((each) => ({
      ...each,
      content: { n: 2 },
      updatedAt: new Date(each.updatedAt.getTime() + 1),
    }))
    expect(await full()).toMatchObject({ resolved: 17 })
    const now = await driftStatement(app.deps.db, org, JOB)
    expect(now).toMatchObject({ statement: 'no-drift', openFindings: 0, coverage: 'both-sides' })
    expect(now.completeThrough?.getTime()).toBeGreaterThan(run.startedAt.getTime())
    expect(now.digest).toBe(await recounted())
    expect(await countOpen(app.deps.db, { org, jobId: JOB })).toEqual([])
  })
})
