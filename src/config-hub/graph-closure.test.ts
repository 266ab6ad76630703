import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestApp } from '../../test/harness/app.ts'
import { graphApp, graphAs, index, keyOf, remove, things } from './graph/testing.ts'

let app: TestApp
let own: ReturnType<typeof graphAs>
let foreign: ReturnType<typeof graphAs>
const thing = (id: string) => ({ type: 'thing', id })

beforeAll(async () => {
  app = await graphApp()
  own = graphAs(await app.key({ org: 'laurel', role: 'automation' }))
  foreign = graphAs(await app.key({ org: 'other', role: 'automation' }))
  await index(
    app.deps.db,
    'laurel',
    things({
      'top-1': { title: 'Top', needs: ['left-1', 'right-1'], likes: ['top-1', 'nowhere-1'] },
      'left-1': { needs: ['leaf-1'], slug: 'the-left' },
      'right-1': { likes: ['leaf-1', 'the-left'], text: 'see leaf-1 and {{ leaf_key }}' },
      'leaf-1': { variable: 'leaf_key', likes: ['top-1'] },
      'gone-1': { needs: ['leaf-1'] },
      'last-1': { needs: ['gone-1', 'leaf-1'] },
    }),
  )
  await remove(app.deps.db, 'laurel', [thing('gone-1')])
  await index(app.deps.db, 'other', things({ 'top-1': { needs: ['other-1'] }, 'other-1': {} }))
})
afterAll(() => app.close())

const steps = (body: any) => body.nodes.map((node: any) => `${node.distance} ${node.id}`)
const edges = (body: any) =>
  body.edges
    .map(({ from, to, kind, required }: any) => `${from.id} ${required ? '!' : ''}${kind} ${to.id}`)
    .sort()

test('[CG-1] what a configuration needs, directly and by way of others, with its fewest steps', async () => {
  const { status, body } = await own.closure(thing('top-1'))
  expect(status, JSON.stringify(body)).toBe(200)
  expect(body).toMatchObject({
    root: thing('top-1'),
    direction: 'dependencies',
    truncated: false,
    deeper: false,
  })
  expect(steps(body)).toEqual(['0 top-1', '1 left-1', '1 right-1', '2 leaf-1'])
  expect(body.nodes[0]).toMatchObject({ type: 'thing', title: 'Top', updated_at: '2026-03-04T05:06:07.000Z' })
  expect(edges(body)).toEqual([
    'leaf-1 id top-1',
    'left-1 !id leaf-1',
    'right-1 id leaf-1',
    'right-1 slug left-1',
    'right-1 variable leaf-1',
    'top-1 !id left-1',
    'top-1 !id right-1',
  ])
})

test('[CG-1] what needs it, the other way round; deleted ones are left out', async () => {
  const { body } = await own.closure(thing('leaf-1'), { direction: 'used_by' })
  expect(steps(body)).toEqual(['0 leaf-1', '1 last-1', '1 left-1', '1 right-1', '2 top-1'])
})

test('[CG-2] depth and limit say that they left something out', async () => {
  const near = (await own.closure(thing('top-1'), { depth: 1 })).body
  expect(steps(near)).toEqual(['0 top-1', '1 left-1', '1 right-1'])
  expect(edges(near)).toEqual(['right-1 slug left-1', 'top-1 !id left-1', 'top-1 !id right-1'])
  expect(near).toMatchObject({ truncated: false, deeper: true })
  expect((await own.closure(thing('top-1'), { depth: 2 })).body).toMatchObject({ deeper: false })
  const few = (await own.closure(thing('top-1'), { limit: 2 })).body
  expect(steps(few)).toEqual(['0 top-1', '1 left-1'])
  expect(few).toMatchObject({ truncated: true, deeper: false })
  for (const wrong of [{ depth: 21 }, { depth: 0 }, { limit: 5001 }, { direction: 'up' }])
    expect((await own.closure(thing('top-1'), wrong as never)).status).toBe(400)
})

test('[CG-3] another organisation’s configuration is not there, nor one that is deleted or unknown', async () => {
  const answers = await Promise.all([
    foreign.closure(thing('leaf-1')),
    own.closure(thing('other-1')),
    own.closure(thing('gone-1')),
    own.closure(thing('never-1')),
    own.impact(thing('other-1')),
    own.impact(thing('gone-1')),
  ])
  expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
    answers.map(() => [404, 'not-found']),
  )
  expect(steps((await foreign.closure(thing('top-1'))).body)).toEqual(['0 top-1', '1 other-1'])
})

test('[CG-4] own types are neither shown nor passed through without include=custom', async () => {
  await index(app.deps.db, 'laurel', [
    {
      type: 'product',
      id: 'product-1',
      document: { _id: 'product-1', description: 'by middle-1 and tax-1' },
    },
    { type: 'tax', id: 'tax-1', document: { _id: 'tax-1' } },
    { type: 'tax', id: 'tax-2', document: { _id: 'tax-2' } },
    { type: 'thing', id: 'middle-1', document: { needs: ['tax-2'] } },
  ])
  const product = { type: 'product', id: 'product-1' }
  const caller = await app.key({ org: 'laurel', role: 'automation' })
  const plain = await caller.call('GET', '/v1/configs/product/product-1/closure')
  expect(plain.body.nodes.map(keyOf)).toEqual(['product/product-1', 'tax/tax-1'])
  const { body } = await own.closure(product)
  expect(body.nodes.map(keyOf)).toEqual(['product/product-1', 'tax/tax-1', 'thing/middle-1', 'tax/tax-2'])
  const hidden = await caller.call('GET', '/v1/configs/thing/middle-1/closure')
  expect([hidden.status, hidden.body.errors[0].pointer]).toEqual([400, '/type'])
})

test('[CG-5] a limit on references ends the answer, and says so', async () => {
  const ids = Array.from({ length: 220 }, (_, n) => `mesh-${n}`)
  const documents = Object.fromEntries(ids.map((id) => [id, { likes: ids }]))
  await index(app.deps.db, 'other', things(documents))
  const { body } = await foreign.closure(thing('mesh-0'))
  expect(body.edges.length).toBe(20_000)
  expect(body).toMatchObject({ truncated: true })
})
