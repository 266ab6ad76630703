import sql from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { attempt, hooksOf, insertJob, planOf, rowStates, stateOf } from '../../../test/config-sync/jobs.ts'
import { deletionOf, pairs, rollbackOf, stored } from '../../../test/config-sync/reversal.ts'
import { openOrg } from '../../../test/faults/sync.ts'
import { syncTarget } from '../../../test/faults/sync-target.ts'
import { type TestApp, testApp } from '../../../test/harness/app.ts'
import { addType, documentsAs } from '../../../test/harness/store.ts'
import { findIndex } from '../../config-hub/index/status-store.ts'
import { recordLineage } from '../../config-hub/lineage/lineage.ts'
import { planJob } from '../planning/plan-job.ts'
import type { Hooks } from './run.ts'

let app: TestApp
let n = 0
/** The organisations of one test: what is promoted, and into what. */
let source: string
let target: string
let principal: string
let at: { source: ReturnType<typeof documentsAs>; target: ReturnType<typeof documentsAs> }

beforeAll(async () => {
  app = await testApp()
})
afterAll(() => app.close())
beforeEach(async () => {
  n++
  ;[source, target] = [`source${n}`, `target${n}`]
  const type = { type: 'thing', references: [{ path: '/parents/*', type: 'thing' }], natural_key: ['/key'] }
  for (const org of [source, target]) {
    await app.org(org)
    await addType(app, org, { ...type, secret_paths: ['/password'] })
  }
  const owner = await app.key({ org: target, role: 'automation' })
  principal = `key:${owner.id}`
  const own = await app.key({ org: source, role: 'automation' })
  at = { source: documentsAs(own, 'thing'), target: documentsAs(owner, 'thing') }
})

const syncOf =
  (ids: readonly string[]): Hooks['plan'] =>
  (deps, job, sides) =>
    planJob(deps, {
      ...{ org: job.org, source: sides.source as NonNullable<typeof sides.source>, target: sides.target },
      ...{
        resources: ids.map((id) => ({ type: 'thing', id })),
        includeDependencies: true,
        now: deps.clock(),
      },
    })

async function sync(id: string, ids: readonly string[]) {
  await insertJob(app.deps, { id, org: source, targetOrg: target, authority: { org: target, principal } })
  await attempt(app.deps, source, id, { plan: syncOf(ids), decide: async () => 'run' })
  return stateOf(app.deps, source, id)
}

async function rollback(id: string, of: string) {
  const authority = { org: target, principal }
  await insertJob(app.deps, {
    id,
    org: source,
    sourceOrg: null,
    targetOrg: target,
    kind: 'rollback',
    authority,
    ofJob: of,
  })
  await attempt(app.deps, source, id, {
    plan: () => rollbackOf(app.deps, source, of),
    decide: async () => 'run',
  })
  return stateOf(app.deps, source, id)
}

/** Pairs of a first sync, then a second one that changes, creates in a circle, and makes again what was deleted. */
async function twice(): Promise<{ before: string[]; documents: Record<string, string> }> {
  await at.source.put('a', { key: 'a', z: 1, a: 'one', password: 'pw a' })
  await at.source.put('b', { key: 'b', parents: ['a'] })
  await sync('s0', ['a', 'b'])
  await at.source.patch('a', { a: 'two', password: 'other' })
  await at.source.put('c', { key: 'c', parents: ['d', 'a'] })
  await at.source.put('d', { key: 'd', parents: ['c'] })
  await at.target.remove('b')
  const before = { before: await pairs(app.deps, target), documents: await stored(app.deps, target) }
  expect((await sync('s1', ['a', 'b', 'c', 'd'])).counts).toEqual({ total: 4, created: 3, patched: 1 })
  return before
}

test('[SX-24] a rollback leaves documents and pairs as they were before the job, and can be taken back itself', async () => {
  const { before, documents } = await twice()
  const [after, changed] = [await pairs(app.deps, target), await stored(app.deps, target)]
  expect(after).toHaveLength(4)
  const { job, counts } = await rollback('r1', 's1')
  expect(counts).toEqual({ total: 4, deleted: 3, patched: 1 })
  expect(job).toMatchObject({ status: 'succeeded', stats: { verified: { equal: 4, different: 0 } } })
  expect(await stored(app.deps, target)).toEqual(documents)
  expect(await pairs(app.deps, target)).toEqual(before)
  await rollback('r2', 'r1')
  expect(await stored(app.deps, target)).toEqual(changed)
  expect(await pairs(app.deps, target)).toEqual(after)
})

test('[SX-24] what changed since is refused, keeps its pair, and what it refers to stays too', async () => {
  await twice()
  await at.target.patch('c', { name: 'changed by somebody' })
  const { job, rows, counts } = await rollback('r1', 's1')
  expect(job.status).toBe('partial')
  expect(rows).toEqual(counts)
  const states = await rowStates(app.deps, source, 'r1')
  expect(Object.fromEntries(states.map(({ targetId, status, code }) => [targetId, code ?? status]))).toEqual({
    a: 'patched',
    b: 'deleted',
    c: 'changed-since',
    d: 'still-needed',
  })
  const kept = (await pairs(app.deps, target)).map((text) => text.split(' ').slice(1, 4).join(' '))
  expect(kept).toEqual(['a a s0', 'b b s0', 'c c s1', 'd d s1'])
})

test('[SX-24] a pair that another job has recorded since stays as that left it', async () => {
  await twice()
  await app.deps.db.query(sql`
    UPDATE config_lineage SET last_sync_job_id = 'later' WHERE org = ${target} AND source_id = 'd'`)
  await rollback('r1', 's1')
  const kept = (await pairs(app.deps, target)).map((text) => text.split(' ').slice(1, 4).join(' '))
  expect(kept).toEqual(['a a s0', 'b b s0', 'd d later'])
})

test('[SX-25] a delete job deletes what refers before what it refers to, circles too, and has the index rebuilt; taken back, all is as it was', async () => {
  await twice()
  const [before, documents] = [await pairs(app.deps, target), await stored(app.deps, target)]
  await insertJob(app.deps, { id: 'd1', org: target, sourceOrg: null, targetOrg: target, kind: 'delete' })
  await attempt(app.deps, target, 'd1', {
    plan: () => deletionOf(app.deps, target, 'd1', ['a', 'b', 'c', 'd', 'gone']),
    decide: async () => 'run',
  })
  const { job, counts } = await stateOf(app.deps, target, 'd1')
  expect(job).toMatchObject({ status: 'succeeded', stats: { rebuildTriggered: true } })
  expect(counts).toEqual({ total: 5, deleted: 4, unchanged: 1 })
  expect(await findIndex(app.deps.db, target)).toMatchObject({ status: 'building' })
  expect(await stored(app.deps, target)).toEqual({})
  const order = await app.deps.db.query<{ id: string }>(sql`
    SELECT target_id AS id FROM config_journal WHERE org = ${target} AND job_id = 'd1' ORDER BY done_order`)
  // b, c and d refer to a
  expect(order.map(({ id }) => id).at(-1)).toBe('a')
  // pairs stay, so that what is made again is known again
  expect(await pairs(app.deps, target)).toEqual(before)
  await insertJob(app.deps, {
    id: 'r1',
    org: target,
    sourceOrg: null,
    targetOrg: target,
    kind: 'rollback',
    ofJob: 'd1',
  })
  await attempt(app.deps, target, 'r1', {
    plan: () => rollbackOf(app.deps, target, 'd1'),
    decide: async () => 'run',
  })
  expect((await stateOf(app.deps, target, 'r1')).job).toMatchObject({
    status: 'succeeded',
    stats: { verified: { equal: 4, different: 0 } },
  })
  expect(await stored(app.deps, target)).toEqual(documents)
  expect(await pairs(app.deps, target)).toEqual(before)
})

test('[SX-25] of a delete job, what changed since it was planned stays, as does what it refers to; nothing deleted has nothing rebuilt', async () => {
  await at.target.put('a', { key: 'a' })
  await at.target.put('b', { key: 'b', parents: ['a'] })
  await insertJob(app.deps, { id: 'd1', org: target, sourceOrg: null, targetOrg: target, kind: 'delete' })
  const plan = await deletionOf(app.deps, target, 'd1', ['a', 'b'])
  await at.target.patch('b', { name: 'changed' })
  await attempt(app.deps, target, 'd1', hooksOf(plan))
  const states = await rowStates(app.deps, target, 'd1')
  expect(states.map(({ code }) => code)).toEqual(['dependency-failed', 'stale'])
  const { job } = await stateOf(app.deps, target, 'd1')
  expect(job.status).toBe('failed')
  expect(job.stats).not.toHaveProperty('rebuildTriggered')
  expect(await findIndex(app.deps.db, target)).toBeUndefined()
  expect(Object.keys(await stored(app.deps, target))).toEqual(['a', 'b'])
})

test('[SX-10] a restore puts back what changed, creates what is gone and deletes what was added; what does not read back as it was to be is named', async () => {
  await at.target.put('a', { z: 1, a: 2, password: 'pw' })
  await at.target.put('b', { key: 'b' })
  await insertJob(app.deps, { id: 'v1', org: target, sourceOrg: null, targetOrg: target, kind: 'restore' })
  const row = { type: 'thing', sourceId: '' }
  const plan = planOf([
    {
      ...row,
      targetId: 'a',
      action: 'patch',
      revision: '1',
      desired: { a: 1, z: 2 },
      secrets: { '/password': 'old' },
    },
    { ...row, targetId: 'b', action: 'delete', revision: '1' },
    {
      ...row,
      targetId: 'c',
      action: 'create',
      desired: { key: 'c', parents: ['a'] },
      references: [{ to: 0, required: false }],
    },
  ])
  let touched = false
  const deps = { ...app.deps, db: { ...app.deps.db, pool: app.deps.db.pool } }
  deps.db.transaction = async (work) => {
    const answer = await app.deps.db.transaction(work)
    const [done] = await app.deps.db.query(sql`
      SELECT 1 FROM config_job_rows WHERE org = ${target} AND job_id = 'v1' AND status = 'created'`)
    // between the write and its reading back
    if (done && !touched) {
      touched = true
      await at.target.patch('c', { key: 'changed' })
    }
    return answer
  }
  await attempt(deps, target, 'v1', hooksOf(plan))
  const { job } = await stateOf(app.deps, target, 'v1')
  expect(job).toMatchObject({ status: 'partial', stats: { verified: { equal: 2, different: 1 } } })
  const verdicts = await app.deps.db.query<{ verified: string }>(sql`
    SELECT plan->>'verified' AS verified FROM config_job_rows WHERE org = ${target} AND job_id = 'v1' ORDER BY seq`)
  expect(verdicts.map(({ verified }) => verified)).toEqual(['bytes', 'bytes', 'different'])
  expect(await stored(app.deps, target)).toMatchObject({ a: '{"a":1,"z":2} {"/password":"old"}' })
})

test('[SX-26] by requests too: deletions in order, and what is made again under ids of the place keeps its references and its pairs', async () => {
  const place = await syncTarget()
  const org = `place${n}`
  try {
    await openOrg(app, org, place, { id_path: '/id' })
    const wanted = ['a', 'b', 'c'].map((key, index) => ({
      ...{ type: 'thing', sourceId: key, action: 'create' as const, targetId: null },
      desired: { key, parents: index === 0 ? [] : ['⟨thing/a⟩'] },
      references: index === 0 ? [] : [{ to: 0, required: false }],
    }))
    await insertJob(app.deps, { id: 's1', org, targetOrg: org, sourceOrg: null })
    await attempt(app.deps, org, 's1', hooksOf(planOf(wanted)))
    const idOf = (key: string) => [...place.things.values()].find((each) => each.key === key)?.id as string
    const first = ['a', 'b', 'c'].map(idOf)
    const base = { type: 'thing', sourceOrg: source, syncedAt: new Date(), jobId: 's1', base: {} }
    await app.deps.db.transaction((tx) =>
      recordLineage(
        tx,
        org,
        first.map((targetId) => ({ ...base, sourceId: `from-${targetId}`, targetId })),
      ),
    )
    await insertJob(app.deps, { id: 'd1', org, sourceOrg: null, targetOrg: org, kind: 'delete' })
    await attempt(app.deps, org, 'd1', {
      plan: () => deletionOf(app.deps, org, 'd1', first),
      decide: async () => 'run',
    })
    expect((await stateOf(app.deps, org, 'd1')).job).toMatchObject({
      status: 'succeeded',
      stats: { requests: 3, rebuildTriggered: true },
    })
    expect(place.things.size).toBe(0)
    const [last] = await app.deps.db.query<{ id: string }>(sql`
      SELECT target_id AS id FROM config_journal WHERE org = ${org} AND job_id = 'd1' ORDER BY done_order DESC LIMIT 1`)
    expect(last?.id).toBe(first[0])
    await insertJob(app.deps, {
      id: 'r1',
      org,
      sourceOrg: null,
      targetOrg: org,
      kind: 'rollback',
      ofJob: 'd1',
    })
    await attempt(app.deps, org, 'r1', {
      plan: () => rollbackOf(app.deps, org, 'd1'),
      decide: async () => 'run',
    })
    expect((await stateOf(app.deps, org, 'r1')).job).toMatchObject({
      status: 'succeeded',
      stats: { verified: { equal: 3, different: 0 } },
    })
    expect(place.wrong).toEqual([])
    const second = ['a', 'b', 'c'].map(idOf)
    expect(second.some((id) => first.includes(id))).toBe(false)
    expect(place.things.get(second[2] as string)?.parents).toEqual([second[0]])
    const known = await app.deps.db.query<{ from: string; to: string }>(sql`
      SELECT source_id AS "from", target_id AS "to" FROM config_lineage WHERE org = ${org} ORDER BY source_id`)
    // b and c are created at the same time, in whichever order
    const expected = first.map((id, index) => ({ from: `from-${id}`, to: second[index] }))
    expect(new Set(known)).toEqual(new Set(expected))
  } finally {
    await place.close()
  }
})
