import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestApp } from '../../test/harness/app.ts'
import { graphApp, graphAs, index, keyOf, remove, things } from './graph/testing.ts'

let app: TestApp
let own: ReturnType<typeof graphAs>
let foreign: ReturnType<typeof graphAs>

beforeAll(async () => {
  app = await graphApp()
  own = graphAs(await app.key({ org: 'laurel', role: 'automation' }))
  foreign = graphAs(await app.key({ org: 'other', role: 'automation' }))
  await index(app.deps.db, 'laurel', [
    ...things({
      'a-11': { title: 'A', needs: ['b-11'] },
      'b-11': { likes: ['the-c'] },
      'c-11': { slug: 'the-c', text: 'back to a-11', likes: ['d-11'] },
      'd-11': { needs: ['c-11', 'out-1'] },
      'out-1': {},
      'self-1': { likes: ['self-1'] },
      'pair-1': { needs: ['pair-1', 'pair-2'] },
      'pair-2': { needs: ['pair-1'] },
      'half-1': { needs: ['half-2'] },
      'half-2': { needs: ['half-1'] },
    }),
    { type: 'widget', id: 'wheel-1', document: { needs: ['wheel-2'] } },
    { type: 'widget', id: 'wheel-2', document: { needs: ['wheel-1'] } },
  ])
  await remove(app.deps.db, 'laurel', [{ type: 'thing', id: 'half-2' }])
  await index(app.deps.db, 'other', things({ 'a-11': { needs: ['z-11'] }, 'z-11': { needs: ['a-11'] } }))
})
afterAll(() => app.close())

const told = (results: any[]) =>
  results.map(({ size, members }) => `${size}: ${members.map(keyOf).join(' ')}`)
const ALL = [
  '4: thing/a-11 thing/b-11 thing/c-11 thing/d-11',
  '2: thing/pair-1 thing/pair-2',
  '2: widget/wheel-1 widget/wheel-2',
  '1: thing/self-1',
]

test('[CG-8] everything on common circles is one entry, largest first, with one circle printed', async () => {
  const { status, body } = await own.get('index/cycles')
  expect(status, JSON.stringify(body)).toBe(200)
  expect(told(body.results)).toEqual(ALL)
  expect(body.total).toBe(4)
  expect(body.results[0].members[0]).toEqual({ type: 'thing', id: 'a-11', title: 'A' })
  const cycles = body.results.map(({ cycle }: any) =>
    cycle.map(({ id, kind, required }: any) => `${id} ${required ? '!' : ''}${kind}`),
  )
  expect(cycles).toEqual([
    ['a-11 !id', 'b-11 slug', 'c-11 id'],
    ['pair-1 !id', 'pair-2 !id'],
    ['wheel-1 !id', 'wheel-2 !id'],
    ['self-1 id'],
  ])
  expect(told(await foreign.all('cycles'))).toEqual(['2: thing/a-11 thing/z-11'])
})

test('[CG-9] page by page and by type', async () => {
  for (const size of [1, 2, 3]) expect(told(await own.all('cycles', { size }))).toEqual(ALL)
  expect(told(await own.all('cycles', { type: 'widget', size: 1 }))).toEqual([ALL[2]])
  expect(await own.all('cycles', { type: 'product' })).toEqual([])
  expect((await own.get('index/cycles', { type: 'nothing' })).status).toBe(400)
})

test('[CG-9] a page goes on where the last one ended though that component is gone', async () => {
  const { db } = app.deps
  const first = await own.get('index/cycles', { size: 2 })
  await remove(db, 'laurel', [{ type: 'thing', id: 'pair-1' }])
  const next = await own.get('index/cycles', { size: 2, cursor: first.body.next_cursor })
  expect(told(next.body.results)).toEqual(ALL.slice(2))
  await index(db, 'laurel', things({ 'pair-1': { needs: ['pair-1', 'pair-2'] } }))
  expect(told(await own.all('cycles'))).toEqual(ALL)
})

test('[CG-10] a cursor is of its list, filters and organisation', async () => {
  const { next_cursor: cursor } = (await own.get('index/cycles', { size: 1 })).body
  const refused = await Promise.all([
    own.get('index/cycles', { cursor, type: 'thing' }),
    own.get('index/orphans', { cursor }),
    own.get('index/dangling', { cursor }),
    foreign.get('index/cycles', { cursor }),
    own.get('index/cycles', { cursor: 'made-up' }),
  ])
  expect(refused.map(({ status, body }) => [status, body.code])).toEqual(
    refused.map(() => [400, 'cursor-invalid']),
  )
})

test('[CG-8] of a large one the first members are listed, and its size told', async () => {
  const ids = Array.from({ length: 300 }, (_, n) => `ring-${String(n).padStart(3, '0')}`)
  const ring = Object.fromEntries(ids.map((id, n) => [id, { needs: [ids[(n + 1) % ids.length]] }]))
  await index(app.deps.db, 'other', things(ring))
  const [largest] = await foreign.all('cycles')
  expect([largest?.size, largest?.members.length, largest?.cycle.length]).toEqual([300, 200, 300])
})
