import sql from 'sql-template-tag'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Connector, ConnectorError, Item } from '../../src/config-hub/connectors/connector.ts'
import { connectorOf, openConnector } from '../../src/config-hub/connectors/open.ts'
import { findConnector } from '../../src/config-hub/connectors/store.ts'
import { storeConnector } from '../../src/config-hub/connectors/store-connector.ts'
import type { ConfigType, Registry } from '../../src/config-hub/types/definition.ts'
import { registryOf } from '../../src/config-hub/types/registry.ts'
import { type Jobs, startJobs } from '../../src/jobs/start.ts'
import { type Caller, type TestApp, testApp } from '../harness/app.ts'
import { type ForgetfulRoad, forgetful } from '../harness/forgetful.ts'
import { type JsonServer, jsonServer } from '../harness/json-server.ts'
import { addType } from '../harness/store.ts'

/** The same promises whatever the place is: the built-in store, another Countersign, a REST server that is not ours. */

let app: TestApp
let away: TestApp
let key: Caller
let rest: JsonServer
let roadAway: ForgetfulRoad
let roadRest: ForgetfulRoad
let registry: Registry
const places: Record<string, Connector> = {}

const MAPPING = (url: string) => `
base_url: ${url}
types:
  gadget:
    list:
      path: /gadgets
      page_size: 3
      paging: { style: page, page_param: _page, size_param: _limit }
    get: { path: "/gadgets/{id}" }
    create: { path: /gadgets, id_in_body: true }
    put: { path: "/gadgets/{id}" }
    delete: { path: "/gadgets/{id}" }
    title_path: /label
    natural_key: [{ path: /sku, query_param: sku }]
    marker: { path: /external_key, query_param: external_key }
    updated_at_path: /changed
`

beforeAll(async () => {
  ;[app, away, rest] = await Promise.all([testApp(), testApp(), jsonServer({ gadgets: [] })])
  ;[roadAway, roadRest] = await Promise.all([forgetful(away.url), forgetful(rest.url)])
  app.deps.config.allowPrivateConnectors = true
  await app.org('laurel')
  await away.org('faraway')
  for (const [where, org] of [[app, 'laurel'] as const, [away, 'faraway'] as const])
    await addType(where, org, { type: 'widget', secret_paths: ['/token'], natural_key: ['/sku'] })
  key = await app.key({ org: 'laurel', role: 'automation' })
  const { bearer } = await away.key({ org: 'faraway', role: 'automation' })
  const countersign = { kind: 'countersign', base_url: roadAway.url, credential: bearer }
  for (const [id, body] of Object.entries({
    faraway: { ...countersign, external_org_id: 'faraway' },
    gadgets: { kind: 'rest', mapping_yaml: MAPPING(roadRest.url) },
  })) {
    const put = await key.call('PUT', `/v1/connectors/${id}`, body)
    expect([put.status, put.body]).toMatchObject([200, { id, version: 1 }])
    const row = await findConnector(app.deps.db, 'laurel', id)
    places[id] = openConnector(app.deps, 'laurel', row!)
  }
  registry = await registryOf(app.deps.db, 'laurel')
  places.store = storeConnector(app.deps, 'laurel', registry, 'Test')
})
afterAll(async () => {
  await Promise.all([roadAway.close(), roadRest.close()])
  await Promise.all([rest.close(), app.close(), away.close()])
})

const failure = (work: Promise<unknown>): Promise<ConnectorError> =>
  work.then(
    () => expect.unreachable(),
    (error) => error,
  )

describe.each([
  ['store', 'widget'],
  ['faraway', 'widget'],
  ['gadgets', 'gadget'],
])('[CN-6] the connector %s', (name, typeName) => {
  const type = () => ({ ...registry.get('widget'), type: typeName }) as ConfigType
  const place = () => places[name] as Connector
  const all = async (size: number): Promise<Item[]> => {
    const found: Item[] = []
    let cursor: string | null = null
    do {
      const page = await place().list(type(), { cursor, size })
      found.push(...page.items)
      cursor = page.cursor
    } while (cursor !== null)
    return found
  }

  const road = () => ({ store: undefined, faraway: roadAway, gadgets: roadRest })[name]
  afterEach(async () => {
    for (const { id } of await all(100)) await place().remove(type(), id, {})
  })
  const same = ({ id, document, revision }: Item) => ({ id, document, revision })

  test('says what it can', () => {
    const able = place().capabilities(typeName)
    for (const each of ['list', 'get', 'create', 'create-with-id', 'patch', 'put', 'delete'] as const)
      expect(able).toContain(each)
    expect(place().capabilities('nothing_such').size).toBe(name === 'faraway' ? able.size : 0)
    expect(place().limits.concurrency).toBeGreaterThan(0)
  })

  test('gives back what was created, changed, replaced and removed', async () => {
    const first = { name: 'First', list: [1, { a: null }], nested: { b: 'c', d: 'e' } }
    const made = await place().create(type(), first, {})
    expect(made.document).toMatchObject(first)
    expect(same((await place().get(type(), made.id)) as Item)).toEqual(same(made))
    const patch = { name: 'Second', nested: { d: null } }
    const patched = await place().patch(type(), made.id, patch, { ifRevision: made.revision })
    expect(patched.document).toMatchObject({ name: 'Second', list: first.list })
    expect(patched.document.nested).toEqual({ b: 'c' })
    expect(patched.revision).not.toBe(made.revision)
    // what a merge patch cannot say: null
    const third = { name: 'Third', nothing: null }
    const put = await place().put(type(), made.id, third, { ifRevision: patched.revision })
    expect([put.document.name, put.document.nothing, put.document.list]).toEqual(['Third', null, undefined])
    expect(same((await place().get(type(), made.id)) as Item)).toEqual(same(put))
    await place().remove(type(), made.id, { ifRevision: put.revision })
    expect(await place().get(type(), made.id)).toBeUndefined()
  })

  test('refuses a write over another revision, and one of what is not there', async () => {
    const made = await place().create(type(), { name: 'Now' }, {})
    const moved = await place().patch(type(), made.id, { name: 'Moved' }, {})
    const late = { ifRevision: made.revision }
    for (const work of [
      () => place().patch(type(), made.id, { name: 'Late' }, late),
      () => place().put(type(), made.id, { name: 'Late' }, late),
      () => place().remove(type(), made.id, late),
    ])
      expect((await failure(work())).kind).toBe('stale')
    expect(same((await place().get(type(), made.id)) as Item)).toEqual(same(moved))
    await place().remove(type(), made.id, {})
    for (const work of [
      () => place().patch(type(), made.id, { name: 'x' }, {}),
      () => place().put(type(), made.id, { name: 'x' }, {}),
      () => place().remove(type(), made.id, {}),
    ])
      expect((await failure(work())).kind).toBe('not-found')
    expect(await all(100)).toEqual([])
  })

  test('finds what has a natural key', async () => {
    const made = await place().create(type(), { name: 'Keyed', sku: 'S-1' }, {})
    await place().create(type(), { name: 'Other', sku: 'S-2' }, { id: 'other' })
    const ids = async (sku: string) =>
      (await place().find(type(), { naturalKey: JSON.stringify([sku]) })).map(({ id }) => id)
    expect(await ids('S-1')).toEqual([made.id])
    expect(await ids('S-3')).toEqual([])
  })

  test('does a write once whose answer was lost', async () => {
    const able = place().capabilities(typeName)
    const key = 'a-key-of-one-write'
    road()?.lose(1)
    const made = await place().create(type(), { name: 'Once' }, { id: 'once', key })
    expect(made).toMatchObject({ id: 'once', document: { name: 'Once' } })
    expect(made.document).not.toHaveProperty('external_key')
    expect((await all(100)).map(({ id }) => id)).toEqual(['once'])
    if (able.has('find-by-key')) {
      expect((await place().find(type(), { key })).map(({ id }) => id)).toEqual(['once'])
      expect(await place().find(type(), { key: 'another-key' })).toEqual([])
    } else expect((await failure(place().find(type(), { key }))).kind).toBe('invalid')
    if (able.has('keyed-write')) {
      // as after a crash of ours: the same write again, whatever became of it
      expect(same(await place().create(type(), { name: 'Once' }, { id: 'once', key }))).toEqual(same(made))
      // an answer that was lost and is a refusal stays one, and is told as such
      road()?.lose(1)
      const late = place().patch(type(), 'once', { name: 'Late' }, { ifRevision: '7' })
      expect((await failure(late)).kind).toBe('stale')
      road()?.lose(1)
      const changed = await place().patch(type(), 'once', { name: 'Twice' }, { ifRevision: made.revision })
      expect(changed.revision).toBe('2')
      road()?.lose(1)
      await place().remove(type(), 'once', { ifRevision: '2' })
    } else {
      road()?.lose(1)
      await place().remove(type(), 'once', {})
    }
    expect(road()?.lost ?? 0).toBe(road() === undefined ? 0 : able.has('keyed-write') ? 4 : 2)
    expect(await all(100)).toEqual([])
  })

  test('lists each once, whatever the pages', async () => {
    const ids: string[] = []
    for (let n = 0; n < 8; n++) ids.push((await place().create(type(), { name: `N ${n}` }, {})).id)
    for (const size of [1, 3, 100]) {
      const listed = await all(size)
      expect(listed.map(({ id }) => id).sort()).toEqual([...ids].sort())
      expect(listed[0]?.document).toMatchObject({ name: expect.stringMatching(/^N \d$/) })
    }
    // what is listed is what is got
    const [first] = await all(100)
    expect((await place().get(type(), first!.id))?.revision).toBe(first!.revision)
  })

  test('knows ids that a URL does not', async () => {
    const id = 'a b/ü?#%&.x'.replace('/', '-')
    await place().create(type(), { name: 'Odd' }, { id })
    expect((await place().get(type(), id))?.document).toMatchObject({ name: 'Odd' })
    const again = await failure(place().create(type(), { name: 'Other' }, { id }))
    expect(again.kind).toBe('stale')
    expect((await place().get(type(), id))?.document).toMatchObject({ name: 'Odd' })
    await place().remove(type(), id, {})
  })

  test('stops when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('stopped'))
    await expect(place().get(type(), 'x', signal)).rejects.toThrow('stopped')
    await expect(place().list(type(), { cursor: null, signal })).rejects.toThrow('stopped')
    await expect((async () => place().create(type(), { name: 'Never' }, { signal }))()).rejects.toThrow(
      'stopped',
    )
    expect(await all(100)).toEqual([])
  })
})

test('[CN-7] the credential says whose it is, and a wrong one nothing', async () => {
  expect(await places.store?.whoami()).toEqual({ org: 'laurel' })
  expect(await places.faraway?.whoami()).toEqual({ org: 'faraway' })
  const row = (await findConnector(app.deps.db, 'laurel', 'faraway'))!
  const wrong = openConnector(app.deps, 'laurel', row, 'csk_wrong')
  expect((await failure(wrong.whoami())).kind).toBe('unauthorized')
  expect((await failure(wrong.get(registry.get('widget')!, 'x'))).kind).toBe('unauthorized')
})

test('[CN-8] a REST server that is not ours is indexed, its references found', async () => {
  let jobs: Jobs | undefined
  try {
    for (const [id, name, uses] of [
      ['part-1', 'Part', ''],
      ['unit-1', 'Unit', 'Made of part-1, see https://parts.example/p/part-1'],
    ])
      await fetch(`${rest.url}/gadgets`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id, label: name, sku: `sku of ${id}`, uses }),
      })
    await addType(app, 'laurel', { type: 'gadget', connector: 'gadgets' })
    jobs = await startJobs(app.deps, app.database.connection)
    expect((await key.call('POST', '/v1/configs/index:rebuild', {})).status).toBe(200)
    await vi.waitFor(
      async () => {
        const { body } = await key.call('GET', '/v1/configs/index')
        expect(body).toMatchObject({ status: 'ready', failed_types: [] })
      },
      { timeout: 20_000, interval: 100 },
    )
    const { body } = await key.call('GET', '/v1/configs/gadget?include=custom&q=unit')
    expect(body).toMatchObject({ total: 1, results: [{ id: 'unit-1', title: 'Unit' }] })
    const [node] = await app.deps.db.query(
      sql`SELECT natural_key FROM config_nodes WHERE org = 'laurel' AND type = 'gadget' AND id = 'unit-1'`,
    )
    expect(node).toEqual({ natural_key: '["sku of unit-1"]' })
    const used = await key.call('GET', '/v1/configs/gadget/part-1/used_by?include=custom')
    expect(used.body.results).toMatchObject([{ type: 'gadget', id: 'unit-1' }])
  } finally {
    await jobs?.stop()
  }
})

test('[CN-5] an operation that needs a place which fails answers unavailable, and names the connector', async () => {
  const lost = { base_url: 'http://127.0.0.1:1', retry: { attempts: 1 } }
  const mapping = { ...lost, types: { lost: { list: { path: '/l' }, get: { path: '/l/{id}' } } } }
  await key.call('PUT', '/v1/connectors/lost', { kind: 'rest', mapping })
  await addType(app, 'laurel', { type: 'lost', connector: 'lost' })
  const type = { ...registry.get('widget'), type: 'lost', connector: 'lost' } as ConfigType
  const lostPlace = await connectorOf(app.deps, 'laurel', type)
  for (const work of [() => lostPlace.get(type, 'x'), () => lostPlace.list(type, { cursor: null })])
    await expect(work()).rejects.toMatchObject({
      code: 'unavailable',
      options: { detail: 'lost: The place cannot be reached.' },
    })
  await expect(lostPlace.get(type, '..')).rejects.toMatchObject({ code: 'unavailable' })
})
