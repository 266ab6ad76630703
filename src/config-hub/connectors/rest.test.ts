import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bucket } from '../../outgoing/bucket.ts'
import { TypeDefinition } from '../types/definition.ts'
import type { Connector, ConnectorError } from './connector.ts'
import { RestMapping } from './mapping.ts'
import { everyItem } from './pages.ts'
import { PLACE_DEFAULTS } from './request.ts'
import { restConnector } from './rest.ts'

type Thing = Record<string, unknown> & { id: string; v: number }

/** An API with ETags, idempotency keys, members that PATCH replaces whole, and pages in every style. */
const place = {
  url: '',
  things: [] as Thing[],
  /** It gives no more at once, whatever it is asked for. */
  mostAtOnce: 100,
  takesPages: true,
  /** Answers of writes by their key. */
  keys: new Map<string, { status: number; body: unknown }>(),
  asked: [] as string[],
  loseWrites: 0,
}
let server: http.Server

beforeEach(async () => {
  Object.assign(place, {
    things: [],
    mostAtOnce: 100,
    takesPages: true,
    keys: new Map(),
    asked: [],
    loseWrites: 0,
  })
  server = http.createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  place.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const url = new URL(request.url as string, place.url)
  place.asked.push(`${request.method} ${url.pathname}`)
  const id = url.pathname.split('/')[2]
  const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {}
  if (request.method === 'GET' && id === undefined) return listed(url, response)
  const key = request.headers['x-once'] as string | undefined
  const known = key === undefined ? undefined : place.keys.get(key)
  const done = known ?? one(request, id, body)
  if (key !== undefined) place.keys.set(key, done)
  if (request.method !== 'GET' && place.loseWrites > 0) {
    place.loseWrites--
    return void request.socket.destroy()
  }
  const found = place.things.find((each) => each.id === ((done.body as Thing)?.id ?? id))
  response.writeHead(done.status, found ? { etag: `"v${found.v}"` } : {})
  response.end(done.body === undefined ? '' : JSON.stringify({ data: done.body }))
}

function one({ method, headers }: http.IncomingMessage, id: string | undefined, body: Thing) {
  const found = place.things.find((each) => each.id === id)
  if (method === 'POST') {
    const made = { ...body, id: `made-${place.things.length + 1}`, v: 1 }
    place.things.push(made)
    // part of it only
    return { status: 201, body: { id: made.id } }
  }
  if (!found) return { status: 404, body: undefined }
  if (method === 'GET') return { status: 200, body: found }
  if (headers['if-match'] && headers['if-match'] !== `"v${found.v}"`) return { status: 412, body: undefined }
  if (method === 'DELETE') place.things = place.things.filter((each) => each !== found)
  else Object.assign(found, body, { id, v: found.v + 1 })
  return { status: 204, body: undefined }
}

function listed(url: URL, response: http.ServerResponse): void {
  const asked = url.searchParams
  const filtered = place.things.filter(({ sku }) => asked.get('sku') === null || asked.get('sku') === sku)
  const size = Math.min(Number(asked.get('size') ?? 100), place.mostAtOnce)
  const page = Number(asked.get('page') ?? 1)
  const start = !place.takesPages ? 0 : Number(asked.get('from') ?? asked.get('after') ?? (page - 1) * size)
  const more = start + size < filtered.length
  const next = new URL(url)
  next.searchParams.set('from', String(start + size))
  response.writeHead(
    200,
    more ? { link: `<${place.url}/first>; rel="first", <${next.href}>; rel="next"` } : {},
  )
  const items = filtered.slice(start, start + size)
  response.end(JSON.stringify({ items, ...(more ? { next: next.href, after: start + size } : {}) }))
}

const TYPE = {
  ...TypeDefinition.parse({
    type: 'thing',
    label: 'T',
    icon: 'x',
    source_api: 'x',
    sdk_client: 'x',
    secret_paths: ['/token'],
  }),
  custom: true,
}
const BASE = {
  list: { path: '/things', items_path: '/items' },
  get: { path: '/things/{id}', item_path: '/data' },
  create: { path: '/things', item_path: '/data' },
  patch: { path: '/things/{id}', item_path: '/data', merge: 'shallow' },
  delete: { path: '/things/{id}' },
  revision: 'etag',
}

function connector(more: Record<string, unknown> = {}): Connector {
  const mapping = RestMapping.parse({ base_url: place.url, types: { thing: { ...BASE, ...more } } })
  return restConnector('place', mapping, {
    ...PLACE_DEFAULTS,
    baseUrl: place.url,
    headers: {},
    bucket: bucket({ concurrency: 8 }),
    allowPrivate: true,
    random: () => 0,
  })
}
const failure = (work: Promise<unknown>): Promise<ConnectorError> =>
  work.then(
    () => expect.unreachable(),
    (error) => error,
  )
const fill = (count: number) => {
  place.things = Array.from({ length: count }, (_, index) => ({ id: `t-${index}`, sku: `s-${index}`, v: 1 }))
}
async function ids(from: Connector): Promise<string[]> {
  const found: string[] = []
  for await (const { id } of everyItem(from, TYPE)) found.push(id)
  return found
}

describe('[CN-6] a list', () => {
  const STYLES = [
    { style: 'page', page_param: 'page', size_param: 'size' },
    { style: 'offset', offset_param: 'from', size_param: 'size' },
    { style: 'cursor', cursor_param: 'after', size_param: 'size', next_path: '/after' },
    { style: 'link', size_param: 'size' },
    { style: 'next_url', size_param: 'size', next_path: '/next' },
  ]
  const paged = (paging: object, page_size: number) =>
    connector({ list: { ...BASE.list, page_size, paging } })

  test.each(STYLES)(
    'in pages of the style $style has each once, also where the place gives fewer at once',
    async (paging) => {
      const sizes = fc.integer({ min: 1, max: 6 })
      await fc.assert(
        fc.asyncProperty(fc.nat(20), sizes, sizes, async (count, asked, given) => {
          fill(count)
          place.mostAtOnce = given
          expect(await ids(paged(paging, asked))).toEqual(place.things.map(({ id }) => id))
        }),
        { numRuns: 30 },
      )
    },
  )

  test.each(STYLES)(
    'of a place that takes no notice of the style $style is refused, and not read for ever',
    async (paging) => {
      fill(9)
      place.takesPages = false
      const error = await failure(ids(paged(paging, 3)))
      expect([error.kind, error.message]).toEqual(['invalid', 'The place answers the same page again.'])
      expect(place.asked.length).toBeLessThanOrEqual(3)
    },
  )

  test('goes on from a cursor of another process, and refuses one that is none', async () => {
    fill(5)
    const paging = STYLES[0] as object
    const { cursor } = await paged(paging, 3).list(TYPE, { cursor: null })
    const rest = await paged(paging, 3).list(TYPE, { cursor })
    expect(rest.items.map(({ id }) => id)).toEqual(['t-3', 't-4'])
    expect((await failure(paged(paging, 3).list(TYPE, { cursor: 'made up' }))).kind).toBe('invalid')
  })

  test('that is none, or has something without an id, is refused', async () => {
    place.things = [{ sku: 's' } as unknown as Thing]
    expect((await failure(ids(connector()))).message).toContain('without an id')
    expect(
      (await failure(ids(connector({ list: { path: '/things', items_path: '/nothing' } })))).message,
    ).toContain('does not answer a list')
  })
})

describe('[CN-4] a write', () => {
  test('over an ETag is refused when it moved on, whether a list or a read told the revision', async () => {
    fill(1)
    const at = connector()
    const {
      items: [listed],
    } = await at.list(TYPE, { cursor: null })
    const read = await at.get(TYPE, 't-0')
    expect(read?.revision).toBe('"v1"')
    // found equal once more, and guarded by the place from then on
    const patched = await at.patch(
      TYPE,
      't-0',
      { a: 1 },
      { ifRevision: (listed as { revision: string }).revision },
    )
    expect([patched.revision, patched.document.a]).toEqual(['"v2"', 1])
    for (const revision of [listed?.revision, read?.revision] as string[])
      for (const work of [
        () => at.patch(TYPE, 't-0', { a: 2 }, { ifRevision: revision }),
        () => at.remove(TYPE, 't-0', { ifRevision: revision }),
      ])
        expect((await failure(work())).kind).toBe('stale')
    expect(place.things).toMatchObject([{ a: 1, v: 2 }])
  })

  test('is a merge patch where members are replaced whole, and reads what the place does not answer', async () => {
    place.things = [{ id: 't', v: 1, deep: { a: 1, b: 2 }, gone: 'x' }]
    const item = await connector().patch(TYPE, 't', { deep: { a: null, c: 3 }, gone: null }, {})
    expect(item.document).toMatchObject({ deep: { b: 2, c: 3 }, gone: null })
    const made = await connector().create(TYPE, { name: 'Made' }, {})
    expect(made).toMatchObject({ id: 'made-2', document: { name: 'Made' }, revision: '"v1"' })
  })

  test('under a key of a place that takes keys is done once, over lost answers and crashes', async () => {
    const at = connector({ key_header: 'x-once' })
    expect(at.capabilities('thing')).toContain('keyed-write')
    place.loseWrites = 2
    const made = await at.create(TYPE, { name: 'Once' }, { key: 'key-of-create' })
    expect((await at.create(TYPE, { name: 'Once' }, { key: 'key-of-create' })).id).toBe(made.id)
    expect(place.things).toHaveLength(1)
    place.loseWrites = 1
    await at.remove(TYPE, made.id, { key: 'key-of-remove', ifRevision: made.revision })
    expect(place.things).toEqual([])
  })

  test('without one is told as unknown when its answer is lost, unless it can be found or told', async () => {
    place.loseWrites = 1
    const lost = await failure(connector().create(TYPE, { name: 'Lost' }, { key: 'a-key' }))
    expect([lost.kind, lost.unknown, place.things.length]).toEqual(['unavailable', true, 1])
    place.loseWrites = 1
    const marked = connector({ marker: { path: '/mark' } })
    const found = await marked.create(TYPE, { name: 'Found' }, { key: 'another-key' })
    expect([found.id, found.document.name, found.document.mark]).toEqual(['made-2', 'Found', undefined])
    place.loseWrites = 1
    await connector().remove(TYPE, 'made-1', {})
    expect(place.things.map(({ id }) => id)).toEqual(['made-2'])
  })

  test('that the mapping does not know is refused, and nothing is asked', async () => {
    const at = connector({ create: undefined, patch: undefined, delete: undefined })
    for (const work of [
      () => at.create(TYPE, {}, {}),
      () => at.patch(TYPE, 'x', {}, {}),
      () => at.put(TYPE, 'x', {}, {}),
      () => at.remove(TYPE, 'x', {}),
      () => at.whoami(),
      () => at.find(TYPE, { key: 'x' }),
      () => connector().create(TYPE, {}, { id: 'chosen' }),
      () => at.get({ ...TYPE, type: 'other' }, 'x'),
      () => at.get(TYPE, '..'),
      () => at.get(TYPE, '\ud800'),
    ])
      expect((await failure(work())).kind).toBe('invalid')
    expect(place.asked).toEqual([])
  })
})

test('[CN-8] a title and a natural key that the mapping names are the item’s, and no secret is', async () => {
  place.things = [{ id: 't', v: 1, label: 'Lamp', sku: 's-1', token: 'canary' }]
  const named = { title_path: '/label', natural_key: [{ path: '/sku', query_param: 'sku' }] }
  const at = connector(named)
  expect(await at.get(TYPE, 't')).toMatchObject({ title: 'Lamp', naturalKey: '["s-1"]' })
  fill(50)
  place.asked = []
  expect((await at.find(TYPE, { naturalKey: '["s-7"]' })).map(({ id }) => id)).toEqual(['t-7'])
  expect(place.asked).toEqual(['GET /things'])
  place.things = [{ id: 't', v: 1, token: 'canary' }]
  const wrong = connector({ title_path: '/token', natural_key: [{ path: '/token' }] })
  const { document: _, ...shown } = (await wrong.get(TYPE, 't')) as { document: unknown }
  expect(JSON.stringify(shown)).not.toContain('canary')
})
