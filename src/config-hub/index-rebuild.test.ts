import sql from 'sql-template-tag'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { snapshot } from '../../test/config-hub/snapshot.ts'
import { type Caller, type Reply, type TestApp, testApp } from '../../test/harness/app.ts'
import { type OtherPlace, otherPlace } from '../../test/harness/place.ts'
import { addType, documentsAs } from '../../test/harness/store.ts'
import { type Jobs, startJobs } from '../jobs/start.ts'
import { BUILT_IN } from './types/builtin.ts'

let app: TestApp
let key: Caller
let place: OtherPlace
let jobs: Jobs | undefined
let orgs = 0
let org: string

beforeAll(async () => {
  app = await testApp()
  app.deps.config.allowPrivateConnectors = true
  place = await otherPlace()
})
afterAll(async () => {
  await place.close()
  await app.close()
})
beforeEach(async () => {
  org = `org${++orgs}`
  await app.org(org)
  key = await app.key({ org, role: 'automation' })
  Object.assign(place, { items: {}, broken: new Set(), hold: undefined, asked: [] })
})
afterEach(async () => {
  await jobs?.stop()
  jobs = undefined
})

const work = async () => {
  jobs = await startJobs(app.deps, app.database.connection)
}
const read = async (): Promise<Record<string, any>> => (await key.call('GET', '/v1/configs/index')).body
const begin = (): Promise<Reply> => key.call('POST', '/v1/configs/index:rebuild', {})

/** Until the rebuild is over. */
const ended = () =>
  vi.waitFor(
    async () => {
      const index = await read()
      expect(index.status).not.toBe('building')
      return index
    },
    { timeout: 20_000, interval: 50 },
  )

async function rebuilt(): Promise<Record<string, any>> {
  const { status } = await begin()
  expect(status).toBe(200)
  if (!jobs) await work()
  return ended()
}

/** Titles of a type by id, as readers see them. */
const titles = async (type: string): Promise<Record<string, string>> => {
  const { body } = await key.call('GET', `/v1/configs/${type}?include=custom&size=100`)
  return Object.fromEntries(body.results.map((each: any) => [each.id, each.title]))
}

const item = (id: string, title: string, more = {}) => ({
  id,
  title,
  name: title,
  updated_at: '2026-01-01T00:00:00Z',
  ...more,
})

/** Types that live in the other place. */
async function elsewhere(...types: string[]): Promise<void> {
  const mapping = place.mapping(Object.fromEntries(types.map((type) => [type, type])))
  const put = await key.call('PUT', '/v1/connectors/place', { kind: 'rest', mapping })
  expect([put.status, put.body]).toMatchObject([200, { id: 'place' }])
  for (const type of types) {
    const definition = BUILT_IN.some((known) => known.type === type)
      ? { connector: 'place' }
      : { label: 'Things', icon: 'Box', connector: 'place', secret_paths: ['/api/key'] }
    expect((await key.call('PUT', `/v1/configs/types/${type}`, definition)).status).toBe(200)
  }
}

describe('the state of the index', () => {
  test('[CI-20] it is missing until there is something or a rebuild has ended', async () => {
    expect(await read()).toEqual({ status: 'missing', org_id: org, total_items: 0, failed_types: [] })
    const begun = await begin()
    expect([begun.status, begun.body]).toEqual([
      200,
      { status: 'building', build_token: expect.stringMatching(/^build_/), total_items: 0, failed_types: [] },
    ])
    expect(await read()).toMatchObject({
      status: 'building',
      progress: { types_done: 0, types_total: BUILT_IN.length, staged_items: 0, failed_types: [] },
    })
    await work()
    const index = await ended()
    expect(index).toEqual({
      status: 'ready',
      org_id: org,
      total_items: 0,
      failed_types: [],
      last_built_at: expect.any(String),
      build_duration_ms: expect.any(Number),
    })
    const again = await begin()
    const { last_built_at, build_duration_ms } = index
    expect(again.body).toMatchObject({ last_built_at, build_duration_ms })
    await ended()
  })

  test('[CI-20] what is written to the store is indexed with it: ready without a rebuild', async () => {
    await documentsAs(key, 'journey').put('j-1', { name: 'One' })
    expect(await read()).toEqual({ status: 'ready', org_id: org, total_items: 1, failed_types: [] })
  })

  test('[CI-21] while a rebuild runs: how far it is, and what readers see is as before', async () => {
    await elsewhere('journey')
    place.items.journey = [item('j-1', 'One')]
    await rebuilt()
    place.items.journey = ['1', '2', '3'].map((n) => item(`j-${n}`, `New ${n}`))
    await documentsAs(key, 'price').put('p-1', { description: 'A price' })
    const { promise, resolve } = Promise.withResolvers<void>()
    place.hold = promise
    place.asked = []
    await begin()
    await vi.waitFor(() => expect(place.asked).toEqual(['journey']), 10_000)
    const { status, total_items, progress } = await read()
    expect([status, total_items, progress.failed_types]).toEqual(['building', 2, []])
    expect(await titles('journey')).toEqual({ 'j-1': 'One' })
    resolve()
    place.hold = undefined
    expect(await ended()).toMatchObject({ status: 'ready', total_items: 4, failed_types: [] })
    expect(await titles('journey')).toEqual({ 'j-1': 'New 1', 'j-2': 'New 2', 'j-3': 'New 3' })
  })

  test('[CI-22] a new rebuild ends the one in flight, which writes nothing more', async () => {
    await elsewhere('journey')
    place.items.journey = [item('j-1', 'Of the first')]
    const { promise, resolve } = Promise.withResolvers<void>()
    place.hold = promise
    const first = await begin()
    await work()
    await vi.waitFor(() => expect(place.asked).toHaveLength(1), 10_000)
    const second = await begin()
    expect(second.body.build_token).not.toBe(first.body.build_token)
    place.hold = undefined
    place.items.journey = [item('j-1', 'Of the second'), item('j-2', 'New')]
    resolve()
    expect(await ended()).toMatchObject({ status: 'ready', total_items: 2 })
    expect(await titles('journey')).toEqual({ 'j-1': 'Of the second', 'j-2': 'New' })
    expect(await app.deps.db.query(sql`SELECT FROM config_staged WHERE org = ${org}`)).toEqual([])
  })
})

describe('a place that cannot be read', () => {
  test('[CI-23] its types keep what the index has of them and are named; the others are rebuilt', async () => {
    await elsewhere('journey', 'tariff')
    place.items.journey = [item('j-1', 'One'), item('j-2', 'Two'), item('j-3', 'Three')]
    place.items.tariff = [item('t-1', 'Tariff', { from: 'j-2' })]
    expect(await rebuilt()).toMatchObject({ status: 'ready', total_items: 4, failed_types: [] })
    const before = await snapshot(app.deps.db, org)
    // the first page can be read and the second not: none of it counts
    place.items.journey = [item('j-9', 'Nine'), item('j-8', 'Eight'), { title: 'without an id' }]
    place.items.tariff = [item('t-1', 'Renamed', { from: 'j-2' }), item('t-2', 'New')]
    expect(await rebuilt()).toMatchObject({ status: 'ready', total_items: 5, failed_types: ['journey'] })
    expect(await titles('journey')).toEqual({ 'j-1': 'One', 'j-2': 'Two', 'j-3': 'Three' })
    expect(await titles('tariff')).toEqual({ 't-1': 'Renamed', 't-2': 'New' })
    place.broken.add('tariff')
    place.items.journey = [item('j-1', 'One'), item('j-2', 'Two'), item('j-3', 'Three')]
    expect(await rebuilt()).toMatchObject({ failed_types: ['tariff'] })
    place.broken.clear()
    place.items.tariff = [item('t-1', 'Tariff', { from: 'j-2' })]
    expect(await rebuilt()).toMatchObject({ failed_types: [], total_items: 4 })
    const after = await snapshot(app.deps.db, org)
    expect(after.edges).toEqual(before.edges)
    expect(await begin().then(({ body }) => body.failed_types)).toEqual([])
    await ended()
  })

  test('[CI-24] when nothing can be read the rebuild has failed, and the index is as it was', async () => {
    await documentsAs(key, 'journey').put('j-1', { name: 'One' })
    const { last_built_at } = await rebuilt()
    await elsewhere(...BUILT_IN.map(({ type }) => type))
    for (const { type } of BUILT_IN) place.broken.add(type)
    const index = await rebuilt()
    expect(index).toMatchObject({ status: 'failed', total_items: 1, last_built_at })
    expect(index.failed_types).toHaveLength(BUILT_IN.length)
    expect(await titles('journey')).toEqual({ 'j-1': 'One' })
  })

  test('[CI-25] what a place lists no more is gone; what refers to it is found to dangle', async () => {
    await elsewhere('journey')
    place.items.journey = [item('j-1', 'One'), item('j-2', 'Two')]
    await documentsAs(key, 'emailtemplate').put('mail-1', { name: 'Mail', text: 'see j-2-x and j-2' })
    await rebuilt()
    place.items.journey = [item('j-1', 'One')]
    expect(await rebuilt()).toMatchObject({ total_items: 2 })
    expect(await titles('journey')).toEqual({ 'j-1': 'One' })
    expect((await key.call('GET', '/v1/configs/journey/j-2/used_by')).status).toBe(404)
  })
})

describe('from the built-in store', () => {
  const FILLED = { label: 'Things', alias_rules: [{ path: '/slug', kind: 'slug' }], secret_paths: ['/api'] }

  /** Documents of two types that refer to one another, one of them deleted. */
  async function fill(): Promise<void> {
    await addType(app, org, { type: 'thing', ...FILLED })
    const [things, journeys] = [documentsAs(key, 'thing'), documentsAs(key, 'journey')]
    for (let n = 1; n <= 5; n++) {
      await things.put(`thing-${n}`, { title: `Thing ${n}`, slug: `slug-${n}`, text: `after thing-${n - 1}` })
      await journeys.put(`journey-${n}`, {
        name: `Journey ${n}`,
        text: `uses slug-${n}, {{ variable_${n} }}`,
      })
    }
    await things.remove('thing-3')
  }

  test('[CI-26] whatever of the index is lost or wrong is as the writers made it', async () => {
    await fill()
    const { db } = app.deps
    const right = await snapshot(db, org)
    expect(right.edges?.length).toBeGreaterThan(5)
    await db.query(sql`DELETE FROM config_nodes WHERE org = ${org} AND id IN ('thing-1', 'journey-1')`)
    await db.query(sql`DELETE FROM config_names WHERE org = ${org} AND id IN ('thing-1', 'journey-2')`)
    await db.query(sql`DELETE FROM config_edges WHERE org = ${org} AND from_id IN ('thing-2', 'journey-4')`)
    await db.query(sql`DELETE FROM config_mentions WHERE org = ${org} AND id = 'journey-5'`)
    await db.query(sql`
      UPDATE config_nodes SET title = 'Wrong', deleted_at = NULL WHERE org = ${org} AND id IN ('thing-2', 'thing-3')`)
    await db.query(sql`UPDATE config_nodes SET deleted_at = now() WHERE org = ${org} AND id = 'journey-2'`)
    await db.query(sql`
      INSERT INTO config_edges VALUES (${org}, 'thing', 'thing-5', 'slug-1', '', 'text', false);`)
    await db.query(sql`INSERT INTO config_names VALUES (${org}, 'wrong-1', 'thing', 'thing-5', 'alias')`)
    await db.query(sql`UPDATE config_mentions SET tokens = '{1,2}' WHERE org = ${org} AND id = 'thing-4'`)
    expect(await rebuilt()).toMatchObject({ status: 'ready', total_items: 9, failed_types: [] })
    const wrongTitle = (row: any) =>
      row.row.id === 'thing-3' ? { ...row, row: { ...row.row, title: '' } } : row
    const after = await snapshot(db, org)
    // of what was deleted only that it was is known
    expect({ ...after, nodes: after.nodes?.map(wrongTitle) }).toEqual({
      ...right,
      nodes: right.nodes?.map(wrongTitle),
    })
  })

  test('[CI-27] a rebuild writes nothing where the index is right', async () => {
    await fill()
    const { db } = app.deps
    const versions = () =>
      Promise.all([
        db.query(sql`SELECT ctid, xmin FROM config_nodes WHERE org = ${org}`),
        db.query(sql`SELECT ctid, xmin FROM config_names WHERE org = ${org}`),
        db.query(sql`SELECT ctid, xmin FROM config_edges WHERE org = ${org}`),
        db.query(sql`SELECT ctid, xmin FROM config_mentions WHERE org = ${org}`),
      ])
    const before = await versions()
    await rebuilt()
    expect(await versions()).toEqual(before)
  })

  test('[CI-31] what is written while all is rebuilt is in the index as it would be without', async () => {
    const { db } = app.deps
    await addType(app, org, { type: 'thing', ...FILLED })
    const document = (n: number, of: number) => ({
      title: `Thing ${n} of ${of}`,
      slug: `slug-${n}`,
      text: `see slug-${(n * 7) % COUNT} and thing-${(n * of) % COUNT}`,
    })
    // more than are switched at once
    const COUNT = 2_500
    const lines = Array.from({ length: COUNT }, (_, n) =>
      JSON.stringify({ type: 'thing', id: `thing-${n}`, document: document(n, 1) }),
    )
    const imported = await key.call('POST', '/v1/store:import', lines.join('\n'), {
      'content-type': 'application/x-ndjson',
    })
    expect(imported.status).toBe(200)
    const lose = async () => {
      await db.query(sql`DELETE FROM config_nodes WHERE org = ${org}`)
      await db.query(sql`DELETE FROM config_names WHERE org = ${org}`)
      await db.query(sql`DELETE FROM config_edges WHERE org = ${org}`)
      await db.query(sql`DELETE FROM config_mentions WHERE org = ${org}`)
    }
    await lose()
    await work()
    await begin()
    const things = documentsAs(key, 'thing')
    let writes = 0
    for (; (await read()).status === 'building'; writes++)
      expect((await things.put(`thing-${(writes * 211) % COUNT}`, document(writes, 2 + writes))).status).toBe(
        200,
      )
    expect(writes).toBeGreaterThan(20)
    expect(await ended()).toMatchObject({ status: 'ready', total_items: COUNT })
    const during = await snapshot(db, org)
    await lose()
    await rebuilt()
    const afterwards = await snapshot(db, org)
    // an edge to a name that is gone may stay: it leads nowhere
    const names = new Set(afterwards.names?.map(({ name }: any) => name))
    const leading = (edges: any[] | undefined) => edges?.filter(({ name }) => names.has(name))
    expect({ ...during, edges: leading(during.edges) }).toEqual({
      ...afterwards,
      edges: leading(afterwards.edges),
    })
  }, 60_000)

  test('[CI-28] configurations are indexed by what their type is now', async () => {
    await fill()
    const definition = { label: 'Things', icon: 'Box', title_paths: ['/slug'] }
    const defined = await key.call('PUT', '/v1/configs/types/thing', definition)
    expect(defined.body).toMatchObject({ rebuild_required: true })
    await rebuilt()
    expect(await titles('thing')).toMatchObject({ 'thing-1': 'slug-1', 'thing-2': 'slug-2' })
    // slug is no name of theirs any more
    const names = await app.deps.db.query(
      sql`SELECT 1 FROM config_names WHERE org = ${org} AND type = 'thing' AND kind = 'slug' AND id <> 'thing-3'`,
    )
    expect(names).toEqual([])
  })
})

test('[CI-29] secrets of documents come into no table of the index, and name nothing', async () => {
  const CANARY = 'canary-4711-secret'
  await addType(app, org, { type: 'thing', title_paths: ['/api/key', '/title'], secret_paths: ['/api/key'] })
  await elsewhere('tariff')
  await documentsAs(key, 'thing').put('thing-1', { title: 'Thing', api: { key: CANARY } })
  place.items.tariff = [item('tariff-1', 'Tariff', { api: { key: CANARY } })]
  // what is called as the secret is, so that a mention of it would be an edge
  await documentsAs(key, 'price').put(CANARY, { description: 'A price' })
  await app.deps.db.query(sql`DELETE FROM config_nodes WHERE org = ${org} AND type = 'thing'`)
  expect(await rebuilt()).toMatchObject({ status: 'ready', total_items: 3, failed_types: [] })
  expect(await titles('thing')).toEqual({ 'thing-1': 'Thing' })
  const found = await app.deps.db.query(sql`
    SELECT 'nodes' FROM config_nodes n WHERE n.org = ${org} AND n.type <> 'price' AND n::text LIKE ${`%${CANARY}%`}
    UNION ALL SELECT 'names' FROM config_names m WHERE m.org = ${org} AND m.type <> 'price' AND m::text LIKE ${`%${CANARY}%`}
    UNION ALL SELECT 'edges' FROM config_edges e WHERE e.org = ${org} AND e::text LIKE ${`%${CANARY}%`}
    UNION ALL SELECT 'indexes' FROM config_indexes i WHERE i.org = ${org} AND i::text LIKE ${`%${CANARY}%`}`)
  expect(found).toEqual([])
  const used = await key.call('GET', `/v1/configs/price/${CANARY}/used_by?include=custom`)
  expect([used.status, used.body.results]).toEqual([200, []])
})
