import sql from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  attempt,
  chained,
  hooksOf,
  insertJob,
  planOf,
  rowStates,
  stateOf,
} from '../../../test/config-sync/jobs.ts'
import { type Caller, type TestApp, testApp } from '../../../test/harness/app.ts'
import { addType, documentsAs } from '../../../test/harness/store.ts'
import { copyPlan } from './plan-store.ts'

let app: TestApp
let owner: Caller & { id: string }
let n = 0
let id: string
const ORG = 'laurel'
const TARGET = 'target'

beforeAll(async () => {
  app = await testApp()
  await app.org(ORG)
  await app.org(TARGET)
  const type = { type: 'thing', references: [{ path: '/parents/*', type: 'thing' }], natural_key: ['/key'] }
  for (const org of [ORG, TARGET]) await addType(app, org, { ...type, secret_paths: ['/password'] })
  owner = await app.key({ org: TARGET, role: 'automation' })
})
afterAll(() => app.close())
beforeEach(async () => {
  id = `job-${++n}`
  await app.deps.db.query(sql`DELETE FROM config_lineage`)
})

const authority = () => ({ org: TARGET, principal: `key:${owner.id}` })
const push = () => insertJob(app.deps, { id, org: ORG, targetOrg: TARGET, authority: authority() })
const things = () => documentsAs(owner, 'thing')
const run = (plan: ReturnType<typeof planOf>, more = {}) => attempt(app.deps, ORG, id, hooksOf(plan, more))

/** Rows and documents under names of their own, so that the tests of this file do not meet. */
const named = (count: number) =>
  chained('thing', count, 'id').map((row) => JSON.parse(JSON.stringify(row).replaceAll('"s-', `"${id}-`)))

test('[SX-1] a job writes all of its plan into the store, once: documents, journal, lineage, rows, counts', async () => {
  await push()
  const wanted = named(700)
  await run(planOf(wanted))
  const { job, counts, rows } = await stateOf(app.deps, ORG, id)
  expect(job).toMatchObject({ status: 'succeeded', stage: 'ended' })
  expect(counts).toEqual({ total: 700, created: 700 })
  expect(rows).toEqual(counts)
  for (const at of [0, 11, 499, 699]) {
    const { body } = await things().get(`${id}-${at}`)
    expect(body).toEqual(wanted[at]?.desired)
  }
  const [written] = await app.deps.db.query(sql`
    SELECT (SELECT count(*)::integer FROM config_journal WHERE org = ${ORG} AND job_id = ${id} AND outcome = 'done') AS journal,
           (SELECT count(DISTINCT done_order)::integer FROM config_journal WHERE org = ${ORG} AND job_id = ${id}) AS orders,
           (SELECT count(*)::integer FROM config_lineage WHERE org = ${TARGET} AND last_sync_job_id = ${id} AND base IS NOT NULL) AS lineage,
           (SELECT count(*)::integer FROM config_documents WHERE org = ${TARGET} AND id LIKE ${`${id}-%`} AND document IS NOT NULL) AS documents`)
  expect(written).toMatchObject({ lineage: 700, documents: 700 })
  expect((written as { journal: number }).journal).toBeGreaterThanOrEqual(700)
  expect((written as { orders: number }).orders).toBe((written as { journal: number }).journal)
  // run again, it has nothing to do
  await run(planOf(wanted))
  expect((await stateOf(app.deps, ORG, id)).job.fence).toBe(job.fence)
})

test('[SX-2] what changed at the target since it was planned fails as stale, what needs it is skipped naming it, the rest goes on', async () => {
  await push()
  const wanted = named(40)
  await things().put(`${id}-1`, { name: 'Someone was quicker' })
  await run(planOf(wanted))
  const { job, counts, rows } = await stateOf(app.deps, ORG, id)
  expect(job.status).toBe('partial')
  expect(rows).toEqual(counts)
  const states = await rowStates(app.deps, ORG, id)
  expect(states[1]).toMatchObject({
    status: 'failed',
    code: 'stale',
    error: `thing ${id}-1 is there already.`,
  })
  expect(states[2]).toMatchObject({
    status: 'skipped',
    code: 'dependency-failed',
    error: `It needs what failed: thing ${id}-1.`,
  })
  expect(states[0]).toMatchObject({ status: 'created', code: null })
  expect((await things().get(`${id}-1`)).body).toEqual({ name: 'Someone was quicker' })
  expect((await things().get(`${id}-2`)).status).toBe(404)
})

test('[SX-2] a patch and a deletion of what changed since are stale, of what did not they are done, with the state before in the journal', async () => {
  await push()
  for (const each of ['a', 'b', 'c', 'd'])
    await things().put(`${id}-${each}`, { name: each, password: `pw ${each}` })
  const plan = planOf(
    ['a', 'b', 'c', 'd', 'e'].map((each, place) => ({
      ...{ type: 'thing', sourceId: `${id}-${each}`, revision: '1' },
      action: place % 2 === 0 ? ('patch' as const) : ('delete' as const),
      desired: place % 2 === 0 ? { name: `${each} after` } : null,
    })),
  )
  await things().patch(`${id}-c`, { name: 'changed' })
  await things().patch(`${id}-d`, { name: 'changed' })
  await run(plan)
  expect((await rowStates(app.deps, ORG, id)).map(({ status, code }) => code ?? status)).toEqual([
    'patched',
    'deleted',
    'stale',
    'stale',
    'stale',
  ])
  expect((await things().get(`${id}-a`)).body).toMatchObject({ name: 'a after' })
  expect((await things().get(`${id}-b`)).status).toBe(404)
  const journal = await app.deps.db.query<{ sealed: Buffer }>(sql`
    SELECT step, outcome, pre_image AS image, pre_sealed AS sealed, pre_revision AS revision, post_revision AS after
      FROM config_journal WHERE org = ${ORG} AND job_id = ${id} ORDER BY row_seq`)
  expect(journal).toMatchObject([
    { step: 'patch', outcome: 'done', image: { name: 'a' }, revision: '1', after: '2' },
    { step: 'delete', outcome: 'done', image: { name: 'b' }, revision: '1', after: null },
  ])
  expect(JSON.parse(app.deps.sealing.unseal((journal[0] as { sealed: Buffer }).sealed))).toEqual({
    '/password': 'pw a',
  })
})

test('[SX-3] a document that the store refuses fails alone', async () => {
  await push()
  const wanted = named(30)
  Object.assign(wanted[5]?.desired as object, { text: 'with a \u0000 in it' })
  const plan = planOf(wanted.map((row) => ({ ...row, references: [] })))
  // PostgreSQL would not even keep that in the plan
  Object.assign(plan.rows[5]?.desired as object, { text: undefined, big: 'x'.repeat(4_100_000) })
  await run(plan)
  const states = await rowStates(app.deps, ORG, id)
  expect(states.filter(({ status }) => status === 'created')).toHaveLength(29)
  expect(states[5]).toMatchObject({ status: 'failed', code: 'validation-failed' })
})

test('[SX-4] a cancelled job writes nothing more', async () => {
  await push()
  const wanted = named(1200)
  const { db } = app.deps
  let batches = 0
  const deps = {
    ...app.deps,
    db: {
      ...db,
      pool: db.pool,
      async transaction<T>(work: Parameters<typeof db.transaction<T>>[0]) {
        const answer = await db.transaction(work)
        // after planning and the first batch
        if (++batches === 3)
          await db.query(sql`
            UPDATE config_jobs SET stage = 'ended', status = 'cancelled', finished_at = now() WHERE org = ${ORG} AND id = ${id}`)
        return answer
      },
    },
  }
  await attempt(deps, ORG, id, hooksOf(planOf(wanted)))
  const { job, counts, rows } = await stateOf(app.deps, ORG, id)
  expect(job.status).toBe('cancelled')
  expect(counts).toMatchObject({ total: 1200, pending: 700 })
  expect(rows).toEqual(counts)
  const [left] = await db.query(sql`
    SELECT count(*)::integer AS count FROM config_documents WHERE org = ${TARGET} AND id LIKE ${`${id}-%`}`)
  expect(left).toEqual({ count: 500 })
})

test('[SX-5] a dry run writes to no target and says of each row what would become of it', async () => {
  await insertJob(app.deps, { id, org: ORG, targetOrg: TARGET, authority: authority(), dryRun: true })
  const row = { type: 'thing', desired: { name: 'x' }, revision: '1' }
  await run(
    planOf([
      { ...row, sourceId: `${id}-a`, action: 'create', revision: null },
      { ...row, sourceId: `${id}-b`, action: 'patch', matchedBy: 'lineage' },
      { ...row, sourceId: `${id}-c`, action: 'patch', matchedBy: 'natural_key' },
      { ...row, sourceId: `${id}-d`, action: 'none', matchedBy: 'lineage' },
      {
        ...row,
        sourceId: `${id}-e`,
        action: 'refused',
        refusal: { code: 'conflict', message: 'both changed' },
      },
    ]),
  )
  const { job, counts, rows } = await stateOf(app.deps, ORG, id)
  expect(job).toMatchObject({ status: 'succeeded', stage: 'ended' })
  expect(counts).toEqual(rows)
  expect((await rowStates(app.deps, ORG, id)).map(({ status, code }) => code ?? status)).toEqual([
    'would_create',
    'would_patch',
    'would_match_heuristic',
    'would_skip_unchanged',
    'conflict',
  ])
  expect((await things().get(`${id}-a`)).status).toBe(404)
})

test('[SX-6] a plan that needs a decision waits, and runs when it was taken', async () => {
  await push()
  const plan = planOf(named(3))
  await run(plan, { decide: async () => 'wait' })
  expect((await stateOf(app.deps, ORG, id)).job).toMatchObject({ stage: 'waiting', status: 'pending' })
  await run(plan)
  expect((await things().get(`${id}-0`)).status).toBe(404)
  await app.deps.db.query(sql`UPDATE config_jobs SET stage = 'running' WHERE org = ${ORG} AND id = ${id}`)
  await run(plan)
  expect((await stateOf(app.deps, ORG, id)).job).toMatchObject({ stage: 'ended', status: 'succeeded' })
})

test('[SX-6] a dry run is applied as it was reviewed: the same rows and digest, by another job', async () => {
  const wanted = named(12)
  wanted.push({
    type: 'thing',
    sourceId: `${id}-no`,
    action: 'refused',
    refusal: { code: 'conflict', message: 'both' },
  })
  const plan = planOf(wanted)
  const dry = id
  await insertJob(app.deps, { id: dry, org: ORG, targetOrg: TARGET, authority: authority(), dryRun: true })
  await run(plan)
  id = `${dry}-applied`
  await push()
  await app.deps.db.transaction(async (tx) => {
    await copyPlan(tx, { org: ORG, id, dryRun: false }, dry)
    await tx.query(sql`UPDATE config_jobs SET stage = 'running' WHERE org = ${ORG} AND id = ${id}`)
  })
  const copied = await stateOf(app.deps, ORG, id)
  expect(copied.counts).toEqual({ total: 13, pending: 12, failed: 1 })
  expect(copied.job.planDigest).toBe(plan.digest)
  await run(planOf([]))
  const { job, counts, rows } = await stateOf(app.deps, ORG, id)
  expect(job.status).toBe('partial')
  expect(counts).toEqual({ total: 13, created: 12, failed: 1 })
  expect(rows).toEqual(counts)
  expect((await things().get(`${dry}-3`)).body).toEqual(wanted[3]?.desired)
})

test('[SX-7] of two processes that start the same job one does it', async () => {
  await push()
  const plan = planOf(named(1100))
  const others = [app.deps, { ...app.deps }]
  await Promise.all(others.map((deps) => attempt(deps, ORG, id, hooksOf(plan))))
  const { job, counts } = await stateOf(app.deps, ORG, id)
  expect(job).toMatchObject({ status: 'succeeded', fence: 1 })
  expect(counts).toEqual({ total: 1100, created: 1100 })
})

test('[SX-8] an executor that lost its job to another one writes nothing more', async () => {
  await push()
  const { db } = app.deps
  let transactions = 0
  const deps = {
    ...app.deps,
    db: {
      ...db,
      pool: db.pool,
      async transaction<T>(work: Parameters<typeof db.transaction<T>>[0]) {
        if (++transactions === 4)
          await db.query(sql`UPDATE config_jobs SET fence = fence + 1 WHERE org = ${ORG} AND id = ${id}`)
        return db.transaction(work)
      },
    },
  }
  await attempt(deps, ORG, id, hooksOf(planOf(named(1200))))
  expect((await stateOf(app.deps, ORG, id)).counts).toMatchObject({ total: 1200, pending: 700 })
  await run(planOf([]))
  const { job, counts, rows } = await stateOf(app.deps, ORG, id)
  expect(job.status).toBe('succeeded')
  expect(counts).toEqual({ total: 1200, created: 1200 })
  expect(rows).toEqual(counts)
})

test('[SX-9] whoever allowed the use of the other organisation must still be allowed to', async () => {
  const key = await app.key({ org: TARGET, role: 'automation', scopes: ['creator:target:config:read'] })
  await insertJob(app.deps, {
    id,
    org: ORG,
    targetOrg: TARGET,
    authority: { org: TARGET, principal: `key:${key.id}` },
  })
  await run(planOf(named(3)))
  expect((await stateOf(app.deps, ORG, id)).job.status).toBe('failed')
  expect((await things().get(`${id}-0`)).status).toBe(404)
})

test('[SX-10] after a rollback every row says whether it reads back as it was', async () => {
  await things().put(`${id}-a`, { z: 1, a: 'as it is', password: 'pw' })
  await things().put(`${id}-b`, { name: 'made by the job' })
  await insertJob(app.deps, { id, org: TARGET, sourceOrg: null, targetOrg: TARGET, kind: 'rollback' })
  const plan = planOf([
    {
      type: 'thing',
      sourceId: `${id}-a`,
      action: 'patch',
      revision: '1',
      desired: { z: 0, a: 'as it was' },
      secrets: { '/password': 'old' },
    },
    { type: 'thing', sourceId: `${id}-b`, action: 'delete', revision: '1' },
    { type: 'thing', sourceId: `${id}-c`, action: 'create', desired: { name: 'deleted by the job' } },
  ])
  await attempt(app.deps, TARGET, id, hooksOf(plan))
  const { job } = await stateOf(app.deps, TARGET, id)
  expect(job).toMatchObject({ status: 'succeeded', stats: { verified: { equal: 3, different: 0 } } })
  const verdicts = await app.deps.db.query(sql`
    SELECT plan->>'verified' AS verified FROM config_job_rows WHERE org = ${TARGET} AND job_id = ${id} ORDER BY seq`)
  expect(verdicts).toEqual([{ verified: 'bytes' }, { verified: 'bytes' }, { verified: 'bytes' }])
  expect(JSON.stringify((await things().get(`${id}-a`)).body)).toBe('{"z":0,"a":"as it was"}')
})

test('[SX-1] a job that is stopped before or after any of its commits goes on where it stands: nothing twice, nothing left out', async () => {
  await push()
  const wanted = named(1300)
  wanted.push({
    ...{ type: 'thing', sourceId: `${id}-last`, action: 'create', targetId: `${id}-last` },
    ...{ desired: { name: 'Last', key: `${id}-last`, password: 'pw', parents: [`${id}-0`] } },
    references: [{ to: 0, required: false }],
  })
  const plan = planOf(wanted)
  const { db } = app.deps
  let stops = 0
  // at the first transaction before it commits, then after it did, at the second, ...
  for (let stop = 0; (await stateOf(app.deps, ORG, id)).job.stage !== 'ended'; stop++) {
    let transactions = 0
    const at = 1 + ((stop >> 1) % 2)
    const transaction: typeof db.transaction = async (work) => {
      const isStop = ++transactions === at && stop < 12
      if (!isStop) return db.transaction(work)
      stops++
      await db.transaction(async (tx) => {
        const answer = await work(tx)
        if (stop % 2 === 0) throw new Error('stopped')
        return answer
      })
      throw new Error('stopped')
    }
    const deps = { ...app.deps, db: { ...db, pool: db.pool, transaction } }
    await attempt(deps, ORG, id, hooksOf(plan)).catch((error) => {
      if ((error as Error).message !== 'stopped') throw error
    })
  }
  expect(stops).toBeGreaterThan(7)
  const { job, counts, rows } = await stateOf(app.deps, ORG, id)
  expect(job.status).toBe('succeeded')
  expect(counts).toEqual({ total: 1301, created: 1301 })
  expect(rows).toEqual(counts)
  const [written] = await db.query(sql`
    SELECT (SELECT count(*)::integer FROM config_journal WHERE org = ${ORG} AND job_id = ${id}) AS journal,
           (SELECT count(DISTINCT done_order)::integer FROM config_journal WHERE org = ${ORG} AND job_id = ${id}) AS orders,
           (SELECT max(version) FROM config_documents WHERE org = ${TARGET} AND id LIKE ${`${id}-%`}) AS version,
           (SELECT count(*)::integer FROM config_lineage WHERE org = ${TARGET} AND last_sync_job_id = ${id} AND base IS NOT NULL) AS pairs,
           (SELECT count(*)::integer FROM config_nodes WHERE org = ${TARGET} AND id LIKE ${`${id}-%`}) AS nodes`)
  // what completes a circle is a second version
  const tasks = plan.tasks.length
  expect(written).toEqual({ journal: tasks, orders: tasks, version: 2, pairs: 1301, nodes: 1301 })
  expect((await things().get(`${id}-last`)).body).toEqual({
    name: 'Last',
    key: `${id}-last`,
    parents: [`${id}-0`],
  })
})

test('[SX-27] two jobs that create the same configurations at once: each is created by one of them and stale for the other, which changes nothing of it', async () => {
  const wanted = named(900)
  const jobs = [`${id}-one`, `${id}-two`]
  for (const job of jobs)
    await insertJob(app.deps, { id: job, org: ORG, targetOrg: TARGET, authority: authority() })
  await Promise.all(
    jobs.map((job) =>
      attempt(
        app.deps,
        ORG,
        job,
        hooksOf(
          planOf(wanted.map((row) => ({ ...row, references: [], desired: { ...row.desired, by: job } }))),
        ),
      ),
    ),
  )
  const states = await Promise.all(jobs.map((job) => rowStates(app.deps, ORG, job)))
  const made = new Map<string, string>()
  for (const [index, rows] of states.entries())
    for (const { sourceId, status, code } of rows) {
      if (status !== 'created') expect(code).toBe('stale')
      else {
        expect(made.has(sourceId)).toBe(false)
        made.set(sourceId, jobs[index] as string)
      }
    }
  expect(made.size).toBe(900)
  const documents = await app.deps.db.query<{ id: string; by: string; version: number }>(sql`
    SELECT id, document->>'by' AS by, version FROM config_documents WHERE org = ${TARGET} AND id LIKE ${`${id}-%`}`)
  expect(documents).toHaveLength(900)
  for (const { id: of, by, version } of documents) expect([by, version]).toEqual([made.get(of), 1])
})
