import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Connector, ConnectorError, Item } from '../../src/config-hub/connectors/connector.ts'
import { openConnector } from '../../src/config-hub/connectors/open.ts'
import { findConnector } from '../../src/config-hub/connectors/store.ts'
import { storeConnector } from '../../src/config-hub/connectors/store-connector.ts'
import type { ConfigType, Registry } from '../../src/config-hub/types/definition.ts'
import { registryOf } from '../../src/config-hub/types/registry.ts'
import { type Jobs, startJobs } from '../../src/jobs/start.ts'
import { type Caller, type TestApp, testApp } from '../harness/app.ts'
import { type JsonServer, jsonServer } from '../harness/json-server.ts'
import { addType } from '../harness/store.ts'

/** The same promises whatever the place is: the built-in store, another Countersign, a REST server that is not ours. */

let app: TestApp
let away: TestApp
let key: Caller
let rest: JsonServer
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
    create: { path: /gadgets }
    patch: { path: "/gadgets/{id}" }
    delete: { path: "/gadgets/{id}" }
    updated_at_path: /changed
`

beforeAll(async () => {
  ;[app, away, rest] = await Promise.all([testApp(), testApp(), jsonServer({ gadgets: [] })])
  app.deps.config.allowPrivateConnectors = true
  await app.org('laurel')
  await away.org('faraway')
  for (const [where, org] of [[app, 'laurel'] as const, [away, 'faraway'] as const])
    await addType(where, org, { type: 'widget', secret_paths: ['/token'] })
  key = await app.key({ org: 'laurel', role: 'automation' })
  const { bearer } = await away.key({ org: 'faraway', role: 'automation' })
  const countersign = { kind: 'countersign', base_url: away.url, credential: bearer }
  for (const [id, body] of Object.entries({
    faraway: { ...countersign, external_org_id: 'faraway' },
    gadgets: { kind: 'rest', mapping_yaml: MAPPING(rest.url) },
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

  test('says what it can', () => {
    const able = place().capabilities(typeName)
    for (const each of ['list', 'get', 'create', 'patch', 'delete'] as const) expect(able).toContain(each)
    expect(place().capabilities('nothing_such').size).toBe(name === 'faraway' ? able.size : 0)
    expect(place().limits.concurrency).toBeGreaterThan(0)
  })

  test('gives back what was created, changed and removed', async () => {
    const made = await place().create(
      type(),
      { name: 'First', list: [1, { a: null }], nested: { b: 'c' } },
      {},
    )
    expect(made.document).toMatchObject({ name: 'First', list: [1, { a: null }], nested: { b: 'c' } })
    expect(await place().get(type(), made.id)).toEqual(made)
    const patched = await place().patch(type(), made.id, { name: 'Second' }, { ifRevision: made.revision })
    expect(patched.document).toMatchObject({ name: 'Second', nested: { b: 'c' } })
    expect(patched.revision).not.toBe(made.revision)
    const late = await failure(
      place().patch(type(), made.id, { name: 'Late' }, { ifRevision: made.revision }),
    )
    expect(late.kind).toBe('stale')
    expect((await place().get(type(), made.id))?.document).toMatchObject({ name: 'Second' })
    expect((await failure(place().remove(type(), made.id, { ifRevision: made.revision }))).kind).toBe('stale')
    await place().remove(type(), made.id, { ifRevision: patched.revision })
    expect(await place().get(type(), made.id)).toBeUndefined()
    expect((await failure(place().patch(type(), made.id, { name: 'x' }, {}))).kind).toBe('not-found')
    expect((await failure(place().remove(type(), made.id, {}))).kind).toBe('not-found')
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
    for (const id of ids) await place().remove(type(), id, {})
    expect(await all(3)).toEqual([])
  })

  test('knows ids that a URL does not', async () => {
    if (!place().capabilities(typeName).has('create-with-id')) return
    const id = 'a b/ü?#%&.x'.replace('/', '-')
    await place().create(type(), { name: 'Odd' }, { id })
    expect((await place().get(type(), id))?.document).toMatchObject({ name: 'Odd' })
    const again = await failure(place().create(type(), { name: 'Other' }, { id }))
    expect(['conflict', 'stale']).toContain(again.kind)
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
        body: JSON.stringify({ id, name, uses }),
      })
    await addType(app, 'laurel', { type: 'gadget', connector: 'gadgets', title_paths: ['/name'] })
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
    const used = await key.call('GET', '/v1/configs/gadget/part-1/used_by?include=custom')
    expect(used.body.results).toMatchObject([{ type: 'gadget', id: 'unit-1' }])
  } finally {
    await jobs?.stop()
  }
})
