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
  await index(
    app.deps.db,
    'laurel',
    things({
      'top-1': {
        needs: ['leaf-1', 'gone-1', 'nowhere-1', 'top-1'],
        likes: ['the-slug'],
        text: 'see leaf-2, {{ a_key }} and leaf-1',
      },
      'leaf-1': { title: 'Leaf' },
      'leaf-2': { slug: 'the-slug' },
      'leaf-3': { variable: 'a_key' },
      'gone-1': {},
    }),
  )
  await remove(app.deps.db, 'laurel', [{ type: 'thing', id: 'gone-1' }])
  await index(app.deps.db, 'other', things({ 'leaf-1': { title: 'Theirs' }, 'nowhere-1': {}, 'only-1': {} }))
})
afterAll(() => app.close())

const of = (caller: typeof own, id: string, query?: Record<string, string | number>) =>
  caller.get(`thing/${id}/dependencies`, query)

test('[CI-10] what it refers to, each once with how; itself, what is deleted and what is not there left out', async () => {
  const { status, body } = await of(own, 'top-1')
  expect(status).toBe(200)
  expect(body.total).toBe(3)
  expect(body.results.map(({ id, reference }: any) => [id, reference])).toEqual([
    ['leaf-1', { kind: 'id', required: true }],
    ['leaf-2', { kind: 'id', required: false }],
    ['leaf-3', { kind: 'variable', required: false }],
  ])
  expect(body.results[0].title).toBe('Leaf')
  expect((await of(own, 'leaf-1')).body).toEqual({ total: 0, results: [] })
})

test('[CI-11] page by page, each with the total, by cursors of this list alone', async () => {
  const first = await of(own, 'top-1', { size: 2 })
  expect(first.body).toMatchObject({ total: 3, results: [{ id: 'leaf-1' }, { id: 'leaf-2' }] })
  const cursor = first.body.next_cursor
  const rest = await of(own, 'top-1', { size: 2, cursor })
  expect(rest.body).toMatchObject({ total: 3, results: [{ id: 'leaf-3' }] })
  expect(rest.body).not.toHaveProperty('next_cursor')
  for (const reply of [
    await of(own, 'leaf-1', { cursor }),
    await own.get('thing/top-1/used_by', { cursor }),
    await of(foreign, 'leaf-1', { cursor }),
  ])
    expect(reply).toMatchObject({ status: 400, body: { code: 'cursor-invalid' } })
})

test('[CI-12] what is foreign, deleted or never was is not found, in the same words', async () => {
  const replies = [await of(own, 'only-1'), await of(own, 'gone-1'), await of(own, 'none-1')]
  const details = replies.map(({ status, body }) => [status, body.detail.replace(/\S+-1/, 'ID')])
  expect(details).toEqual(Array.from({ length: 3 }, () => [404, 'There is no thing ID.']))
})

test('[CI-6] own types are neighbours with include=custom only', async () => {
  await index(app.deps.db, 'laurel', [
    { type: 'tax', id: 'tax-1', document: { description: 'see leaf-1 and tax-2' } },
    { type: 'tax', id: 'tax-2', document: {} },
  ])
  const named = ({ body }: { body: Record<string, any> }) => body.results.map(({ id }: any) => id)
  expect(named(await own.get('tax/tax-1/dependencies'))).toEqual(['tax-2', 'leaf-1'])
  const caller = await app.key({ org: 'laurel', role: 'automation' })
  const contract = await caller.call('GET', '/v1/configs/tax/tax-1/dependencies')
  expect([contract.body.total, named(contract)]).toEqual([1, ['tax-2']])
  expect((await caller.call('GET', '/v1/configs/thing/leaf-1/dependencies')).status).toBe(400)
})
