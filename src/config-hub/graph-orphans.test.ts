import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestApp } from '../../test/harness/app.ts'
import { graphApp, graphAs, index, remove, things } from './graph/testing.ts'

let app: TestApp
let own: ReturnType<typeof graphAs>
let foreign: ReturnType<typeof graphAs>

beforeAll(async () => {
  app = await graphApp()
  own = graphAs(await app.key({ org: 'laurel', role: 'automation' }))
  foreign = graphAs(await app.key({ org: 'other', role: 'automation' }))
  await index(app.deps.db, 'laurel', [
    ...things({
      'top-1': { needs: ['used-1'] },
      'used-1': {},
      'alone-1': { likes: ['alone-1', 'nowhere-1'] },
      'alone-2': { title: 'Two' },
      'of-gone-1': {},
      'gone-1': { needs: ['of-gone-1'] },
    }),
    { type: 'product', id: 'product-1', document: { _id: 'product-1' } },
    { type: 'product', id: 'product-2', document: { _id: 'product-2' } },
    { type: 'widget', id: 'widget-1', document: { likes: ['product-2'] } },
  ])
  await remove(app.deps.db, 'laurel', [{ type: 'thing', id: 'gone-1' }])
  await index(app.deps.db, 'other', things({ 'used-1': {}, 'alone-1': { needs: ['used-1'] } }))
})
afterAll(() => app.close())

const ids = (results: any[]) => results.map(({ id }) => id)

test('[CG-11] what nothing else refers to and what refers to nothing else, deleted ones aside', async () => {
  expect(ids(await own.all('orphans'))).toEqual(['product-1', 'alone-1', 'alone-2', 'of-gone-1'])
  const { body } = await own.get('index/orphans', { type: 'thing' })
  expect(body.results[1]).toEqual({
    type: 'thing',
    id: 'alone-2',
    title: 'Two',
    updated_at: '2026-03-04T05:06:07.000Z',
  })
  expect(await foreign.all('orphans')).toEqual([])
})

test('[CG-11] unreferenced also lists what refers to others', async () => {
  const all = ['product-1', 'alone-1', 'alone-2', 'of-gone-1', 'top-1', 'widget-1']
  for (const size of [1, 4, 100])
    expect(ids(await own.all('orphans', { unreferenced: true, size }))).toEqual(all)
  expect(ids(await own.all('orphans', { unreferenced: true, type: 'widget' }))).toEqual(['widget-1'])
  expect(ids(await foreign.all('orphans', { unreferenced: true }))).toEqual(['alone-1'])
})

test('[CG-11] references of own types count where only the contract’s are listed', async () => {
  const caller = await app.key({ org: 'laurel', role: 'automation' })
  expect(ids((await caller.call('GET', '/v1/configs/index/orphans')).body.results)).toEqual(['product-1'])
})
