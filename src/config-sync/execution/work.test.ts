import { describe, expect, test } from 'vitest'
import { covers, documentOf } from './document.ts'
import { namingOf, type Work } from './work.ts'

const DESIRED = { note: 'see ⟨flow/a⟩', next: '⟨flow/a⟩', kept: 'x' }
const row = { type: 'flow', sourceId: 'a', targetId: null, derives: [] }

/** The first row was created; its id is known here once that was noted. */
const work = (ids: [string, string][]) =>
  ({ rows: [row], created: new Set([0]), ids: new Map(ids) }) as unknown as Work
const written = (of: Work) =>
  documentOf(
    { desired: DESIRED, secrets: {} },
    namingOf(of, [0], (seq) => of.created.has(seq)),
  )

test('[SX-28] what was created a moment ago is left out of a circle until its id is known', () => {
  expect(written(work([]))).toEqual({ note: 'see a', kept: 'x' })
  expect(written(work([['flow/a', 'made-1']]))).toEqual({ note: 'see made-1', next: 'made-1', kept: 'x' })
})

describe('[CN-21] a reference that is an object', () => {
  const link = (id: string) => ({ sys: { type: 'Link', linkType: 'Entry', id } })
  const desired = {
    sys: { id: 'own' },
    fields: { slug: 'a', next: { en: link('a') }, all: [link('b'), link('a'), link('⟨flow/c⟩')] },
  }
  const naming = { idOf: () => 'made-1', linkPath: '/sys/id' }

  test('is left out as a whole, and a text that is like its id is not', () => {
    const omitted = new Set(['a', 'own', '⟨flow/c⟩'])
    expect(documentOf({ desired, secrets: {} }, { ...naming, omitted })).toEqual({
      sys: { id: 'own' },
      fields: { slug: 'a', next: {}, all: [link('b')] },
    })
  })

  test('is there once nothing is left out', () => {
    const whole = documentOf({ desired, secrets: {} }, { ...naming, omitted: new Set() })
    expect(whole.fields).toMatchObject({
      next: { en: link('a') },
      all: [link('b'), link('a'), link('made-1')],
    })
  })
})

test('[CN-19] what is there is ours if it has all that was sent, but for what is empty', () => {
  const sent = { fields: { title: { en: 'One' }, all: { en: ['a'] }, none: { en: [] }, left: {} } }
  expect(covers({ sys: { version: 1 }, fields: { title: { en: 'One' }, all: { en: ['a'] } } }, sent)).toBe(
    true,
  )
  expect(covers({ fields: { ...sent.fields, title: { en: 'Two' } } }, sent)).toBe(false)
  expect(covers({ fields: { ...sent.fields, all: { en: ['a', 'b'] } } }, sent)).toBe(false)
  expect(covers({ fields: { title: { en: 'One' } } }, sent)).toBe(false)
  expect(covers({ fields: { ...sent.fields, all: { en: [] } } }, sent)).toBe(false)
})
