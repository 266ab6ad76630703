import sql from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { attempt, insertJob, stateOf } from '../../../test/config-sync/jobs.ts'
import { type TestApp, testApp } from '../../../test/harness/app.ts'
import { addType, documentsAs } from '../../../test/harness/store.ts'
import { connectorsOf } from '../../config-hub/connectors/open.ts'
import { registryOf } from '../../config-hub/types/registry.ts'
import { jobHooks } from '../jobs/hooks.ts'
import { takeSnapshot } from '../snapshots/take.ts'
import type { SourceItem } from './input.ts'
import type { SyncPlan } from './plan.ts'
import { gather, type PlanRequest, planJob, type Side } from './plan-job.ts'
import { planOf } from './plan-sync.ts'
import { willSettle } from './settled.ts'

const TYPE = {
  type: 'thing',
  references: [
    { path: '/parents/*', type: 'thing' },
    { path: '/needs', type: 'thing', required: true },
  ],
  natural_key: ['/key'],
  secret_paths: ['/password'],
  volatile_paths: ['/revision'],
}
const ALL = ['th-a', 'th-b', 'th-c', 'th-d']

type Org = { org: string; principal: string; key: Awaited<ReturnType<TestApp['key']>> } & ReturnType<
  typeof documentsAs
>
let app: TestApp
let n = 0
let from: Org
let to: Org

beforeAll(async () => {
  app = await testApp()
})
afterAll(() => app.close())
beforeEach(async () => {
  n++
  const open = async (org: string): Promise<Org> => {
    await app.org(org)
    await addType(app, org, TYPE)
    const key = await app.key({ org, role: 'automation' })
    return { org, key, principal: `key:${key.id}`, ...documentsAs(key, 'thing') }
  }
  ;[from, to] = [await open(`from${n}`), await open(`to${n}`)]
  await from.put('th-a', { key: 'a', parents: ['th-b'], note: 'as th-c says', password: 'pw' })
  await from.put('th-b', { key: 'b', parents: ['th-a'], style: { colour: 'red' } })
  await from.put('th-c', { key: 'c', needs: 'th-d' })
  await from.put('th-d', { key: 'd', revision: 1 })
  // has another id there than at home
  await to.put('own-d', { key: 'd', title: 'Theirs' })
})

async function sideOf({ org }: Org): Promise<Side> {
  const registry = await registryOf(app.deps.db, org)
  const connectors = await connectorsOf(app.deps, org, registry)
  const connectorOf: Side['connectorOf'] = ({ connector }) => {
    const found = connectors.get(connector)
    if (!found) throw new Error(`no connector ${connector}`)
    return found
  }
  return { org, registry, kind: 'local', connectorOf }
}

const requestOf = async (more: Partial<PlanRequest> = {}): Promise<PlanRequest> => ({
  ...{ org: from.org, source: await sideOf(from), target: await sideOf(to), includeDependencies: true },
  ...{ resources: ALL.map((id) => ({ type: 'thing', id })), now: app.deps.clock(), ...more },
})

const withoutSettled = ({ rows, ...rest }: SyncPlan) => ({
  ...rest,
  rows: rows.map(({ settledAs: _, ...row }) => row),
})

/** Plans twice, once with every document read: both say the same. Answers also whose documents were not read. */
async function planned(more: Partial<PlanRequest> = {}) {
  const request = await requestOf(more)
  const outline = await gather(app.deps, request)
  const plan = planOf(outline)
  expect(withoutSettled(plan)).toEqual(
    withoutSettled(await planJob(app.deps, { ...request, thorough: true })),
  )
  const { drafts } = outline.planning
  const unread = drafts.filter(({ item, pairing }) => item?.unread && pairing?.target?.unread)
  expect(new Set(unread)).toEqual(outline.settled)
  const actions = Object.fromEntries(plan.rows.map(({ sourceId, action }) => [sourceId, action]))
  return { plan, actions, unread: unread.map(({ id }) => id), outline }
}

async function run(job: Parameters<typeof insertJob>[1], plan: typeof jobHooks.plan) {
  await insertJob(app.deps, job)
  await attempt(app.deps, job.org, job.id, { plan, decide: async () => 'run' })
  return stateOf(app.deps, job.org, job.id)
}
const promote = async (id: string, more: Partial<PlanRequest> = {}) =>
  (
    await run({ id, org: from.org, targetOrg: to.org, authority: to }, async () =>
      planJob(app.deps, await requestOf(more)),
    )
  ).counts
const rollBack = (id: string, ofJob: string) =>
  run({ id, org: from.org, targetOrg: to.org, kind: 'rollback', ofJob, authority: to }, jobHooks.plan)

const without = (...ids: string[]) => ALL.filter((id) => !ids.includes(id))
const lineage = (column: ReturnType<typeof sql>) =>
  app.deps.db.query<{ id: string; value: unknown }>(
    sql`SELECT source_id AS id, ${column} AS value FROM config_lineage WHERE org = ${to.org} ORDER BY source_id`,
  )

test('[SP-60] what is as it was at the last sync is planned without a document, with its dependencies', async () => {
  expect(await promote('s')).toEqual({ total: 4, created: 3, patched: 1 })
  const { unread, plan } = await planned()
  expect(unread).toEqual(ALL)
  expect(plan.rows.map(({ action, targetId, matchedBy }) => [action, targetId, matchedBy])).toEqual([
    ['none', 'th-a', 'lineage'],
    ['none', 'th-b', 'lineage'],
    ['none', 'th-c', 'lineage'],
    ['none', 'own-d', 'lineage'],
  ])
  // dependencies are found without documents, and a selection of some says the same as of all
  expect((await planned({ resources: [{ type: 'thing', id: 'th-a' }] })).unread).toEqual(ALL)
  const alone = await planned({ resources: [{ type: 'thing', id: 'th-a' }], includeDependencies: false })
  expect(alone.unread).toEqual(['th-a'])
  const before = await lineage(sql`xmin::text`)
  expect(await promote('again')).toEqual({ total: 4, unchanged: 4 })
  expect(await lineage(sql`xmin::text`)).toEqual(before)
})

test('[SP-61] an edit at the source is read, with nothing else; its secrets count', async () => {
  await promote('s')
  await from.patch('th-b', { style: { colour: 'blue' } })
  const edited = await planned()
  expect([edited.unread, edited.actions['th-b']]).toEqual([without('th-b'), 'patch'])
  await promote('s2')
  expect((await planned()).unread).toEqual(ALL)
  await from.patch('th-a', { password: 'other' })
  const secret = await planned()
  expect([secret.unread, secret.actions['th-a']]).toEqual([without('th-a'), 'patch'])
  // there and back again is another version
  await from.patch('th-b', { style: { colour: 'green' } })
  await from.patch('th-b', { style: { colour: 'blue' } })
  const same = await planned()
  expect([same.unread, same.actions['th-b']]).toEqual([without('th-a', 'th-b'), 'none'])
  await promote('s3')
  expect((await planned()).unread).toEqual(ALL)
})

test('[SP-61] an edit at the target alone stays, whichever side counts, and its revision is told', async () => {
  await promote('s')
  await to.patch('th-b', { style: { colour: 'theirs' } })
  for (const choice of ['source', 'target', 'fail'] as const) {
    const { unread, actions, plan } = await planned({ conflicts: { default: choice, places: [] } })
    expect([unread, actions['th-b']]).toEqual([ALL, 'none'])
    expect(plan.rows.find(({ sourceId }) => sourceId === 'th-b')?.revision).toBe('2')
  }
  await from.patch('th-b', { style: { colour: 'ours' } })
  const conflict = await planned()
  expect([conflict.unread, conflict.actions['th-b']]).toEqual([without('th-b'), 'refused'])
})

test('[SP-61] what was deleted at the target is created again, and who names it is read where its id is another one', async () => {
  await promote('s')
  await to.remove('th-b')
  const gone = await planned()
  expect([gone.actions['th-b'], gone.actions['th-a']]).toEqual(['create', 'none'])
  await to.put('new-b', { key: 'b', parents: ['th-a'] })
  const moved = await planned()
  // whatever else names the former id is to be found, so all is read
  expect([moved.unread, moved.actions['th-a']]).toEqual([[], 'patch'])
})

test('[SP-61] a pair that was made anew is read, and so is who names what was paired anew', async () => {
  await promote('s')
  await to.put('other-d', { key: 'other' })
  const pair = { type: 'thing', source_org_id: from.org, source_id: 'th-d' }
  const query = new URLSearchParams(pair)
  expect((await to.key.call('DELETE', `/v1/configs/lineage?${query}&block=true`)).status).toBe(200)
  const blocked = await planned()
  expect([blocked.unread, blocked.actions['th-d']]).toEqual([['th-a', 'th-b'], 'create'])
  const confirmed = await to.key.call('POST', '/v1/configs/lineage?include=custom', {
    ...pair,
    target_id: 'other-d',
  })
  expect(confirmed.status).toBe(201)
  const { unread, actions } = await planned()
  expect([unread, actions['th-d']]).toEqual([['th-a', 'th-b'], 'patch'])
})

test('[SP-61] what a text names counts from when there is such a thing', async () => {
  await from.patch('th-b', { note: 'ask th-new' })
  await promote('s')
  await from.put('th-new', { key: 'new' })
  await to.put('own-new', { key: 'new' })
  const { unread, actions } = await planned()
  expect([unread, actions['th-b'], actions['th-new']]).toEqual([without('th-b'), 'patch', 'none'])
})

test('[SP-61] what had no counterpart when who names it was synced counts from when it has one', async () => {
  await from.put('th-new', { key: 'new' })
  await to.put('own-new', { key: 'new' })
  await from.patch('th-b', { note: 'ask th-new' })
  const some = { resources: [{ type: 'thing', id: 'th-b' }], includeDependencies: false }
  await promote('s', some)
  expect((await planned(some)).unread).toEqual(['th-b'])
  await promote('s2', { resources: [{ type: 'thing', id: 'th-new' }] })
  const { unread, actions } = await planned(some)
  expect([unread, actions['th-b']]).toEqual([[], 'patch'])
})

test('[SP-61] after a rollback, and after that was taken back, pairs are compared by their documents', async () => {
  await promote('s')
  await from.patch('th-b', { style: { colour: 'blue' } })
  expect(await promote('s2')).toMatchObject({ patched: 1 })
  expect((await planned()).unread).toEqual(ALL)
  await rollBack('r', 's2')
  const back = await planned()
  expect([back.unread, back.actions['th-b']]).toEqual([without('th-b'), 'patch'])
  await rollBack('rr', 'r')
  const again = await planned()
  expect([again.unread, again.actions['th-b']]).toEqual([without('th-b'), 'none'])
})

test('[SP-61] a source that a snapshot restored is read', async () => {
  await promote('s')
  const [old] = await app.deps.db.query<{ document: object }>(
    sql`SELECT document FROM config_documents WHERE org = ${from.org} AND id = 'th-b'`,
  )
  const made = await from.key.call('POST', '/v1/configs/snapshots', { name: 'Before' })
  const signal = new AbortController().signal
  await takeSnapshot(app.deps, { data: { org: from.org, id: made.body.id }, signal, last: true })
  await from.patch('th-b', { style: { colour: 'blue' } })
  await promote('s2')
  expect((await planned()).unread).toEqual(ALL)
  const job = { id: 'restore', org: from.org, targetOrg: from.org, sourceOrg: null, authority: from }
  await insertJob(app.deps, { ...job, kind: 'restore' })
  await app.deps.db.query(sql`
    UPDATE config_jobs SET request = request || ${JSON.stringify({ snapshotId: made.body.id })}::jsonb
     WHERE org = ${from.org} AND id = 'restore'`)
  await attempt(app.deps, from.org, 'restore', { ...jobHooks, decide: async () => 'run' })
  expect((await from.get('th-b')).body).toMatchObject(old?.document ?? {})
  const { unread, actions } = await planned()
  expect([unread, actions['th-b']]).toEqual([without('th-b'), 'patch'])
})

test('[SP-61] after another definition of the source’s type all of the type is read', async () => {
  await to.patch('own-d', { revision: 5 })
  await promote('s')
  const define = (definition: Record<string, unknown>) =>
    app.deps.db.query(sql`
      UPDATE config_types SET definition = definition || ${JSON.stringify(definition)}::jsonb
       WHERE org = ${from.org}`)
  await define({ volatile_paths: [] })
  const counted = await planned()
  expect([counted.unread, counted.actions['th-d']]).toEqual([[], 'patch'])
  await define({ volatile_paths: TYPE.volatile_paths })
  expect((await planned()).unread).toEqual(ALL)
})

test('[SP-61] what is overridden is read, and is not taken for what the source is', async () => {
  await promote('s')
  const overrides = { 'thing:th-b': { style: { colour: 'given' } } }
  const given = await planned({ overrides })
  expect([given.unread, given.actions['th-b']]).toEqual([without('th-b'), 'patch'])
  await promote('s2', { overrides })
  const { unread, actions } = await planned()
  expect([unread, actions['th-b']]).toEqual([without('th-b'), 'patch'])
})

test('[SP-61] a base that somebody else wrote, or that counts less than that of the other direction, proves nothing', async () => {
  await promote('s')
  // as a release before this one would leave it
  await app.deps.db.query(sql`
    UPDATE config_lineage SET last_sync_job_id = 'other', base = '{"key": "b"}' WHERE org = ${to.org} AND source_id = 'th-b'`)
  const foreign = await planned()
  expect([foreign.unread, foreign.actions['th-b']]).toEqual([without('th-b'), 'none'])
  await promote('s2')
  expect((await planned()).unread).toEqual(ALL)
  // the target's own pair of it with the source, synced later from there
  const base = JSON.stringify({ key: 'b', style: { colour: 'of old' } })
  await to.patch('th-b', { style: { colour: 'theirs' } })
  await app.deps.db.query(sql`
    INSERT INTO config_lineage (org, type, source_org, source_id, target_id, last_synced_at, last_sync_job_id, base, created_at)
    VALUES (${from.org}, 'thing', ${to.org}, 'th-b', 'th-b', now() + interval '1 hour', 'back', ${base}::json, now())`)
  const back = await planned()
  expect([back.unread, back.actions['th-b']]).toEqual([without('th-b'), 'refused'])
})

test('[SP-61] a document that holds what looks like a symbol is planned as if it were read', async () => {
  await from.patch('th-b', { note: 'like ⟨thing/th-c⟩' })
  expect(await promote('s')).toEqual({ total: 4, created: 3, patched: 1 })
  expect((await planned()).actions['th-b']).toBe('none')
})

test('[SP-61] a base that needs a name which nothing is kept of will not do', () => {
  const item = { type: 'thing', id: 'one', references: [{ name: 'two', to: [{ type: 'thing', id: 'two' }] }] }
  const names = { source: (_: string, id: string) => ({ at: `${id} there` }) }
  const will = (base: object, source: object) =>
    willSettle({ ...base }, { ...source }, item as unknown as SourceItem, names)
  expect(will({ to: '⟨thing/two⟩', own: '⟨thing/one⟩' }, { to: 'two there', own: 'one there' })).toBe(true)
  expect(will({ to: '⟨thing/two⟩' }, { to: 'two' })).toBe(false)
  // as the other side calls something else
  expect(will({ to: '⟨thing/three⟩' }, { to: 'three there' })).toBe(false)
})
