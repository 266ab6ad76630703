import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { attempt, insertJob, stateOf } from '../../../test/config-sync/jobs.ts'
import { syncTarget } from '../../../test/faults/sync-target.ts'
import { type TestApp, testApp } from '../../../test/harness/app.ts'
import { addType, documentsAs } from '../../../test/harness/store.ts'
import { connectorsOf, openConnector } from '../../config-hub/connectors/open.ts'
import type { NodeKey } from '../../config-hub/index/entry.ts'
import { registryOf } from '../../config-hub/types/registry.ts'
import { type PlanRequest, planJob, type Side } from './plan-job.ts'
import { dependantsOf } from './read-store.ts'

const TYPE = {
  type: 'thing',
  references: [
    { path: '/parents/*', type: 'thing' },
    { path: '/by_slug', type: 'thing', by: 'slug' },
    { path: '/needs', type: 'thing', required: true },
  ],
  alias_rules: [{ path: '/slug', kind: 'slug' }],
  natural_key: ['/key'],
  secret_paths: ['/password'],
  volatile_paths: ['/revision'],
}

let app: TestApp
let n = 0
let source: string
let target: string
let principal: string
let at: { source: ReturnType<typeof documentsAs>; target: ReturnType<typeof documentsAs> }

beforeAll(async () => {
  app = await testApp()
  app.deps.config.allowPrivateConnectors = true
})
afterAll(() => app.close())
beforeEach(async () => {
  n++
  ;[source, target] = [`from${n}`, `to${n}`]
  for (const org of [source, target]) {
    await app.org(org)
    await addType(app, org, TYPE)
  }
  const [own, other] = [
    await app.key({ org: source, role: 'automation' }),
    await app.key({ org: target, role: 'automation' }),
  ]
  principal = `key:${other.id}`
  at = { source: documentsAs(own, 'thing'), target: documentsAs(other, 'thing') }
})

async function sideOf(org: string): Promise<Side> {
  const registry = await registryOf(app.deps.db, org)
  const connectors = await connectorsOf(app.deps, org, registry)
  const connectorOf: Side['connectorOf'] = ({ connector }) => {
    const found = connectors.get(connector)
    if (!found) throw new Error(`no connector ${connector}`)
    return found
  }
  return { org, registry, kind: 'local', connectorOf }
}

const key = (id: string): NodeKey => ({ type: 'thing', id })
const requestOf = async (ids: readonly string[], more: Partial<PlanRequest> = {}): Promise<PlanRequest> => ({
  ...{ org: source, source: await sideOf(source), target: await sideOf(target), resources: ids.map(key) },
  ...{ includeDependencies: true, now: app.deps.clock(), ...more },
})
const planned = async (ids: readonly string[], more: Partial<PlanRequest> = {}) =>
  planJob(app.deps, await requestOf(ids, more))

/** Plans and does it, in the way of a job. */
async function promote(id: string, ids: readonly string[]) {
  await insertJob(app.deps, { id, org: source, targetOrg: target, authority: { org: target, principal } })
  await attempt(app.deps, source, id, { plan: () => planned(ids), decide: async () => 'run' })
  return (await stateOf(app.deps, source, id)).counts
}

const DOCUMENTS = {
  'th-a': { key: 'a', parents: ['th-b'], note: 'as th-c says', password: 'pw' },
  'th-b': { key: 'b', parents: ['th-a'], by_slug: 'the-d' },
  'th-c': { key: 'c', needs: 'th-e' },
  'th-d': { key: 'd', slug: 'the-d' },
  'th-e': { key: 'e' },
  'th-f': { key: 'f', parents: ['th-a'] },
}
const fill = async () => {
  for (const [id, document] of Object.entries(DOCUMENTS)) await at.source.put(id, document)
}

describe('between organisations of this server', () => {
  test('[SP-48] with dependencies all that is referred to goes too, by id, by name and in texts; without, what was asked for', async () => {
    await fill()
    const all = await planned(['th-a'])
    expect(all.rows.map(({ sourceId }) => sourceId)).toEqual(['th-a', 'th-b', 'th-c', 'th-d', 'th-e'])
    const alone = await planned(['th-a', 'th-c', 'nobody'], { includeDependencies: false })
    expect(alone.rows.map(({ sourceId, action, refusal }) => [sourceId, action, refusal?.code])).toEqual([
      ['nobody', 'refused', 'source-missing'],
      ['th-a', 'create', undefined],
      ['th-c', 'refused', 'required-missing'],
    ])
    expect(alone.rows[1]?.warnings).toEqual([
      'It refers to th-c, which has no counterpart at the target.',
      'It refers to thing th-b, which has no counterpart at the target.',
    ])
  })

  test('[SP-20] what a job did is nothing to do for the next, also from the target back; with secrets', async () => {
    await fill()
    await at.target.put('own-b', { key: 'b', title: 'Theirs' })
    expect(await promote('g1', ['th-a', 'th-f'])).toEqual({ total: 6, created: 5, patched: 1 })
    expect((await at.target.get('th-a')).body).toMatchObject({
      parents: ['own-b'],
      note: 'as th-c says',
    })
    const again = await planned(['th-a', 'th-f'])
    expect(again.rows.map(({ action, matchedBy }) => [action, matchedBy])).toEqual(
      Array.from({ length: 6 }, () => ['none', 'lineage']),
    )
    const back = { source: await sideOf(target), target: await sideOf(source) }
    const home = await planned(['th-a', 'th-f'], back)
    expect(home.rows.map(({ sourceId, targetId, action }) => [sourceId, targetId, action])).toEqual([
      ['own-b', 'th-b', 'none'],
      ...['th-a', 'th-c', 'th-d', 'th-e', 'th-f'].map((id) => [id, id, 'none']),
    ])
    await at.source.patch('th-a', { password: 'other' })
    const changed = await planned(['th-a'])
    expect(changed.tasks).toHaveLength(1)
    expect(changed.digest).not.toBe(again.digest)
    expect(JSON.stringify(changed.rows.map(({ secrets: _, ...shown }) => shown))).not.toContain('other')
  })

  test('[SP-49] overrides are merged into what the source has before anything follows from it', async () => {
    await fill()
    await at.target.put('own-x', { key: 'x' })
    const overrides = { 'thing:th-a': { key: 'x', parents: ['th-f'], note: null, password: 'given' } }
    const { rows } = await planned(['th-a'], { overrides })
    const row = rows.find(({ sourceId }) => sourceId === 'th-a')
    expect(row).toMatchObject({
      targetId: 'own-x',
      matchedBy: 'natural_key',
      secrets: { '/password': 'given' },
    })
    expect(row?.desired).toEqual({ key: 'x', parents: ['th-f'] })
    expect(rows.map(({ sourceId }) => sourceId)).toEqual(['th-a', 'th-f'])
    expect((await at.source.get('th-a')).body).toMatchObject({ key: 'a' })
  })

  test('[SP-44] who would be left with nothing is known by whichever name, unless another one answers to that', async () => {
    await at.target.put('d-1', { key: '1', slug: 'shared' })
    await at.target.put('d-2', { key: '2', slug: 'shared' })
    await at.target.put('d-3', { key: '3', by_slug: 'shared' })
    const of = async (...ids: string[]) =>
      (await dependantsOf(app.deps.db, target, ids.map(key))).map(({ of, by }) => `${by.id} > ${of.id}`)
    expect(await of('d-1')).toEqual([])
    expect(await of('d-1', 'd-2')).toEqual(['d-3 > d-1', 'd-3 > d-2'])
    await at.target.remove('d-2')
    expect(await of('d-1')).toEqual(['d-3 > d-1'])
  })
})

describe('with another server', () => {
  /** A place of the same documents, seen as an organisation elsewhere. */
  async function elsewhere<T>(documents: object, work: (side: Side) => Promise<T>): Promise<T> {
    const place = await syncTarget()
    try {
      for (const [id, { password: _, ...document }] of Object.entries(documents))
        place.things.set(id, { ...document, id, revision: 1 })
      const own = await app.key({ org: source, role: 'automation' })
      const { status } = await own.call('PUT', '/v1/connectors/place', {
        kind: 'rest',
        mapping: place.mapping(),
      })
      expect(status).toBe(200)
      const row = {
        org: source,
        id: `place${n}`,
        kind: 'rest',
        settings: place.mapping(),
        updatedAt: new Date(0),
      }
      const connector = openConnector(app.deps, source, { ...row, sealedCredentials: null } as never)
      const registry = await registryOf(app.deps.db, source)
      return await work({ org: 'elsewhere', registry, kind: 'remote', connectorOf: () => connector })
    } finally {
      await place.close()
    }
  }

  test('[SP-48] the same documents have the same dependencies there, but for names in texts of what nobody fetched', async () => {
    const { 'th-a': a, ...others } = DOCUMENTS
    const documents = { 'th-a': { ...a, note: 'as th-e says' }, ...others }
    for (const [id, document] of Object.entries(documents)) await at.source.put(id, document)
    for (const ids of [['th-a', 'th-c'], ['th-c'], ['th-f', 'th-c'], ['th-d']]) {
      const here = await planned(ids)
      const there = await elsewhere(documents, (side) => planned(ids, { source: side }))
      const brief = ({ rows }: typeof here) =>
        rows.map(({ sourceId, targetId, action, references }) => [sourceId, targetId, action, references])
      expect(brief(there)).toEqual(brief(here))
    }
  })

  test('[SP-25] into a place that makes ids, what is there is matched by its lists, what is new has none, and circles are broken', async () => {
    await fill()
    await elsewhere({ 'made-9': { key: 'b', parents: [] } }, async (side) => {
      const { rows, tasks } = await planned(['th-a'], { target: side })
      expect(
        rows.map(({ sourceId, targetId, action, matchedBy }) => [sourceId, targetId, action, matchedBy]),
      ).toEqual([
        ['th-a', null, 'create', null],
        ['th-b', 'made-9', 'patch', 'natural_key'],
        ['th-c', null, 'create', null],
        ['th-d', null, 'create', null],
        ['th-e', null, 'create', null],
      ])
      expect(rows[0]?.desired).toMatchObject({ parents: ['made-9'], note: 'as ⟨thing/th-c⟩ says' })
      expect(rows[1]?.desired?.parents).toEqual(['⟨thing/th-a⟩'])
      expect(tasks).toHaveLength(5)
    })
  })
})
