import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestApp } from '../../test/harness/app.ts'
import { graphApp, graphAs, index, things } from './graph/testing.ts'

let app: TestApp
let own: ReturnType<typeof graphAs>
const thing = (id: string) => ({ type: 'thing', id })

beforeAll(async () => {
  app = await graphApp()
  own = graphAs(await app.key({ org: 'laurel', role: 'automation' }))
  await index(
    app.deps.db,
    'laurel',
    things({
      'root-1': { slug: 'two-names' },
      'needs-1': { needs: ['root-1'] },
      'needs-2': { needs: ['needs-1'] },
      // nearer as a wish than as a need: it breaks all the same
      'both-1': { likes: ['root-1'], needs: ['needs-2'] },
      'likes-1': { text: 'root-1 would be nice' },
      'needs-likes-1': { needs: ['likes-1'] },
      'likes-broken-1': { likes: ['needs-2'] },
      'apart-1': { needs: ['apart-2'] },
      'apart-2': {},
    }),
  )
})
afterAll(() => app.close())

const told = (results: any[]) =>
  results.map(({ id, path }) => [
    id,
    ...path.map((hop: any) => `${hop.required ? '!' : ''}${hop.kind} ${hop.id}`),
  ])

test('[CG-6] what requires it breaks, by way of others too; the rest is affected; each with its path', async () => {
  const { status, body } = await own.impact(thing('root-1'))
  expect(status, JSON.stringify(body)).toBe(200)
  expect(body).toMatchObject({ root: thing('root-1'), truncated: false, deeper: false })
  expect(told(body.breaks)).toEqual([
    ['needs-1', '!id root-1'],
    ['needs-2', '!id needs-1', '!id root-1'],
    ['both-1', '!id needs-2', '!id needs-1', '!id root-1'],
  ])
  expect(told(body.affected)).toEqual([
    ['likes-1', 'id root-1'],
    ['needs-likes-1', '!id likes-1', 'id root-1'],
    ['likes-broken-1', 'id needs-2', '!id needs-1', '!id root-1'],
  ])
  expect(told((await own.impact(thing('apart-2'))).body.breaks)).toEqual([['apart-1', '!id apart-2']])
})

test('[CG-6] depth and limit say that they left something out', async () => {
  const { body } = await own.impact(thing('root-1'), { depth: 1 })
  expect(told(body.breaks).map(([id]: string[]) => id)).toEqual(['needs-1'])
  expect(body).toMatchObject({ truncated: false, deeper: true })
  expect((await own.impact(thing('root-1'), { limit: 2 })).body).toMatchObject({ truncated: true })
})

test('[CG-7] a name that something else answers to breaks nothing', async () => {
  const { db } = app.deps
  await index(db, 'laurel', things({ 'needs-name': { needs: ['twin-1'] }, 'twin-1': {} }))
  await index(db, 'other', [{ type: 'widget', id: 'twin-1', document: {} }])
  expect(told((await own.impact(thing('twin-1'))).body.breaks)).toEqual([['needs-name', '!id twin-1']])
  await index(db, 'laurel', [{ type: 'widget', id: 'twin-1', document: {} }])
  const { body } = await own.impact(thing('twin-1'))
  expect([told(body.breaks), told(body.affected)]).toEqual([[], [['needs-name', 'id twin-1']]])
})
