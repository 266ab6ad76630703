import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestApp } from '../../test/harness/app.ts'
import { DELETED_AT, graphApp, graphAs, index, remove, things } from './graph/testing.ts'

let app: TestApp
let own: ReturnType<typeof graphAs>
let foreign: ReturnType<typeof graphAs>

beforeAll(async () => {
  app = await graphApp()
  own = graphAs(await app.key({ org: 'laurel', role: 'automation' }))
  foreign = graphAs(await app.key({ org: 'other', role: 'automation' }))
  const { db } = app.deps
  await index(db, 'laurel', [
    ...things({
      'from-1': {
        title: 'From',
        needs: ['there-1', 'never-1', 'gone-1'],
        things: ['widget-1', 'there-1'],
        likes: ['old-slug'],
        text: 'there-1, gone-1, gone-1 again, never-2, {{ old_key }}, {{ no_key }}, widget-1',
      },
      'there-1': {},
      'gone-1': { slug: 'old-slug', variable: 'old_key' },
      'gone-2': { needs: ['never-3'] },
    }),
    { type: 'widget', id: 'widget-1', document: {} },
    { type: 'product', id: 'product-1', document: { _id: 'product-1', description: 'gone-1' } },
  ])
  await remove(db, 'laurel', [
    { type: 'thing', id: 'gone-1' },
    { type: 'thing', id: 'gone-2' },
  ])
  await index(db, 'other', things({ 'gone-1': {}, 'never-1': {}, 'from-2': { needs: ['there-1'] } }))
})
afterAll(() => app.close())

const told = (results: any[]) =>
  results.map(
    ({ from, name, to_type: to, kind, required, deleted }) =>
      `${from.id} ${required ? '!' : ''}${kind} ${to ? `${to}/` : ''}${name}${deleted ? ` was ${deleted.id}` : ''}`,
  )
const ALL = [
  'product-1 text gone-1 was gone-1',
  'from-1 !id gone-1 was gone-1',
  'from-1 !id never-1',
  'from-1 template old_key was gone-1',
  'from-1 any old-slug was gone-1',
  'from-1 id thing/widget-1',
]

test('[CG-12] declared references that lead to nothing, and names in texts of what was deleted', async () => {
  const { status, body } = await own.get('index/dangling')
  expect(status, JSON.stringify(body)).toBe(200)
  expect(told(body.results).sort()).toEqual([...ALL].sort())
  expect(body.results.find(({ kind }: any) => kind === 'any')).toEqual({
    from: { type: 'thing', id: 'from-1', title: 'From' },
    name: 'old-slug',
    kind: 'any',
    required: false,
    deleted: { type: 'thing', id: 'gone-1', deleted_at: DELETED_AT },
  })
  expect(told(await foreign.all('dangling'))).toEqual(['from-2 !id there-1'])
})

test('[CG-12] page by page, by type, and the required ones alone', async () => {
  const whole = told(await own.all('dangling', { size: 100 }))
  for (const size of [1, 3]) expect(told(await own.all('dangling', { size }))).toEqual(whole)
  expect(told(await own.all('dangling', { type: 'product' }))).toEqual([ALL[0]])
  expect(told(await own.all('dangling', { required: true })).sort()).toEqual([ALL[1], ALL[2]])
  const caller = await app.key({ org: 'laurel', role: 'automation' })
  expect(told((await caller.call('GET', '/v1/configs/index/dangling')).body.results)).toEqual([ALL[0]])
})

test('[CG-12] what comes back dangles no more', async () => {
  const { db } = app.deps
  await index(db, 'laurel', things({ 'gone-1': { slug: 'new-slug' }, 'never-1': {} }))
  const left = told(await own.all('dangling'))
  expect(left.sort()).toEqual(['from-1 any old-slug', 'from-1 id thing/widget-1'])
})
