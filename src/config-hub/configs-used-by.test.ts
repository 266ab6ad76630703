import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestApp } from '../../test/harness/app.ts'
import { addType, documentsAs } from '../../test/harness/store.ts'
import { graphApp, graphAs, index, remove, things } from './graph/testing.ts'

let app: TestApp
let own: ReturnType<typeof graphAs>
const MANY = Array.from({ length: 120 }, (_, n) => `user-${String(n).padStart(3, '0')}`)

beforeAll(async () => {
  app = await graphApp()
  own = graphAs(await app.key({ org: 'laurel', role: 'automation' }))
  await index(
    app.deps.db,
    'laurel',
    things({
      'hub-1': { slug: 'the-hub', variable: 'hub_key', likes: ['hub-1'] },
      // by every way at once
      'all-1': {
        needs: ['hub-1'],
        likes: ['hub-1', 'the-hub', 'hub_key'],
        text: 'hub-1 the-hub {{ hub_key }}',
      },
      'gone-1': { needs: ['hub-1'] },
      ...Object.fromEntries(MANY.map((id) => [id, { likes: ['the-hub', 'hub-1'], text: 'see hub-1' }])),
    }),
  )
  await remove(app.deps.db, 'laurel', [{ type: 'thing', id: 'gone-1' }])
  await index(app.deps.db, 'other', things({ 'hub-1': {}, 'their-1': { needs: ['hub-1'] } }))
})
afterAll(() => app.close())

const of = (id: string, query?: Record<string, string | number>) => own.get(`thing/${id}/used_by`, query)

test('[CI-10] whatever refers to it, each once with how; itself and what is deleted left out', async () => {
  const { status, body } = await of('hub-1', { size: 1 })
  expect(status).toBe(200)
  expect(body).toMatchObject({
    total: 121,
    results: [{ id: 'all-1', reference: { kind: 'id', required: true } }],
  })
})

test.each([1, 7, 100])('[CI-11] page by page, %i at a time, each one once and in order', async (size) => {
  const found: string[] = []
  for (let cursor: string | undefined, pages = 0; pages === 0 || cursor; pages++) {
    const { body } = await of('hub-1', { size, ...(cursor ? { cursor } : {}) })
    expect(body.total).toBe(121)
    found.push(...body.results.map(({ id }: { id: string }) => id))
    cursor = body.next_cursor
  }
  expect(found).toEqual(['all-1', ...MANY])
})

test('[CI-11] each once too where one refers to another in every way there is', async () => {
  const kinds = ['id', 'alias', 'slug', 'variable', 'any']
  const ways = kinds.flatMap((by) => [
    { path: `/${by}`, by },
    { path: `/${by}_typed`, by, type: 'many' },
  ])
  const names = ['alias', 'slug', 'variable'].map((kind) => ({ path: '/called', kind }))
  await addType(app, 'laurel', { type: 'many', references: ways, alias_rules: names })
  const key = await app.key({ org: 'laurel', role: 'automation' })
  const many = documentsAs(key, 'many')
  await many.put('same_1', { called: 'same_1' })
  const all = Object.fromEntries(ways.map(({ path }) => [path.slice(1), 'same_1']))
  const users = ['u_1', 'u_2', 'u_3']
  for (const id of users) await many.put(id, { ...all, text: 'see same_1', template: '{{ same_1 }}' })
  const found: string[] = []
  for (let cursor = ''; ; ) {
    const { body } = await key.call(
      'GET',
      `/v1/configs/many/same_1/used_by?include=custom&size=1${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    )
    expect(body.total).toBe(3)
    found.push(...body.results.map(({ id }: { id: string }) => id))
    cursor = body.next_cursor
    if (cursor === undefined) break
  }
  expect(found).toEqual(users)
})

test('[CI-16] the total is exact up to 1,000, and left out beyond', async () => {
  const users = (from: number, to: number) =>
    things(
      Object.fromEntries(
        Array.from({ length: to - from }, (_, n) => [`far-${from + n}`, { likes: ['big-1', 'the-big'] }]),
      ),
    )
  await index(app.deps.db, 'laurel', [...things({ 'big-1': { slug: 'the-big' } }), ...users(0, 1_000)])
  expect((await of('big-1', { size: 1 })).body.total).toBe(1_000)
  await index(app.deps.db, 'laurel', users(1_000, 1_001))
  const { body } = await of('big-1', { size: 1 })
  expect(body).not.toHaveProperty('total')
  expect(body.results).toHaveLength(1)
})

test('[CI-7] nothing of another organisation, though ids are the same', async () => {
  const theirs = graphAs(await app.key({ org: 'other', role: 'automation' }))
  const { body } = await theirs.get('thing/hub-1/used_by')
  expect([body.total, body.results.map(({ id }: { id: string }) => id)]).toEqual([1, ['their-1']])
})

test('[CI-12] what is foreign, deleted or never was is not found, in the same words', async () => {
  const replies = [await of('their-1'), await of('gone-1'), await of('none-1')]
  const details = replies.map(({ status, body }) => [status, body.detail.replace(/\S+-1/, 'ID')])
  expect(details).toEqual(Array.from({ length: 3 }, () => [404, 'There is no thing ID.']))
})

test('[CI-13] a reference is there in the moment that what it names is, and again once it is back', async () => {
  const used = async () => (await of('late-1')).body.results?.map(({ id }: { id: string }) => id)
  await index(app.deps.db, 'laurel', things({ 'early-1': { needs: ['late-1'], text: 'late-alias' } }))
  expect((await of('late-1')).status).toBe(404)
  await index(app.deps.db, 'laurel', things({ 'late-1': {} }))
  expect(await used()).toEqual(['early-1'])
  await remove(app.deps.db, 'laurel', [{ type: 'thing', id: 'late-1' }])
  await index(app.deps.db, 'laurel', things({ 'early-1': { text: 'late-alias' }, 'late-1': {} }))
  expect(await used()).toEqual([])
  await index(app.deps.db, 'laurel', things({ 'late-1': { slug: 'late-alias' } }))
  expect(await used()).toEqual(['early-1'])
})
