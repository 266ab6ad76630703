import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { changesBetween, documentErrors, ID_FORM, MAX_LEVELS, mergePatch, nextInstant } from './rules.ts'

describe('merge patch', () => {
  // the appendix of RFC 7396, those of its cases whose patch is an object
  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('[CS-5] %j with %j is %j', (target, patch, result) => {
    const given = structuredClone(target)
    expect(mergePatch(given, patch)).toEqual(result)
    expect(given).toEqual(target)
  })
})

const plain = fc.jsonValue({ maxDepth: 4 }).filter((value) => !JSON.stringify(value).includes('__proto__'))
const documents = fc.dictionary(
  fc.string().filter((name) => name !== '__proto__'),
  plain,
)

/** Sets or removes what a change says, in a copy. */
function applied(document: any, changes: ReturnType<typeof changesBetween>): unknown {
  const root = { root: structuredClone(document) }
  // elements that go, last ones first, so that the places of others hold
  for (const { op, pointer, after } of [...changes].sort(
    (a, b) =>
      (a.op === 'delete' ? 1 : 0) - (b.op === 'delete' ? 1 : 0) ||
      b.pointer.length - a.pointer.length ||
      (a.pointer < b.pointer ? 1 : -1),
  )) {
    const names = [
      'root',
      ...pointer
        .split('/')
        .slice(1)
        .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~')),
    ]
    const last = names.pop()!
    const holder = names.reduce<any>((node, name) => node[name], root)
    if (op !== 'delete') holder[last] = after
    else if (Array.isArray(holder)) holder.length = Math.min(holder.length, Number(last))
    else delete holder[last]
  }
  return root.root
}

describe('changes between two documents', () => {
  test('[CS-6] name each place, as it was and as it becomes', () => {
    const before = { name: 'A', tags: ['x', 'y'], nested: { 'a/b': 1, gone: true } }
    const after = { name: 'B', tags: ['x'], nested: { 'a/b': 2, added: null } }
    expect(changesBetween(before, after)).toEqual([
      { op: 'update', pointer: '/name', before: 'A', after: 'B' },
      { op: 'delete', pointer: '/tags/1', before: 'y', after: null },
      { op: 'update', pointer: '/nested/a~1b', before: 1, after: 2 },
      { op: 'delete', pointer: '/nested/gone', before: true, after: null },
      { op: 'create', pointer: '/nested/added', before: null, after: null },
    ])
  })

  test('[CS-6] the order of members is no change', () => {
    expect(changesBetween({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 })).toEqual([])
  })

  test('[CS-6] they lead from the one to the other, and there are none between equals', () => {
    fc.assert(
      fc.property(documents, documents, (before, after) => {
        expect(applied(before, changesBetween(before, after))).toEqual(after)
        expect(changesBetween(before, structuredClone(before))).toEqual([])
      }),
    )
  })

  test('[CS-6] very many become few that are coarser and as complete', () => {
    const many = (of: number) => Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`m${n}`, n + of]))
    const coarse = changesBetween({ list: many(0), other: 1 }, { list: many(1), other: 1 })
    expect(coarse).toEqual([{ op: 'update', pointer: '/list', before: many(0), after: many(1) }])
    expect(changesBetween(many(0), many(1))).toEqual([
      { op: 'update', pointer: '', before: many(0), after: many(1) },
    ])
  })
})

describe('what no document holds', () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) })

  test.each([
    ['2^53', { n: [1, 2 ** 53] }, '/d/n/1'],
    ['-2^53', { n: -(2 ** 53) }, '/d/n'],
    ['what is no double', { n: Number.POSITIVE_INFINITY }, '/d/n'],
    ['U+0000', { 'a/b': { t: 'x\u0000' } }, '/d/a~1b/t'],
    ['U+0000 in a name', { 'x\u0000': 1 }, '/d/x\u0000'],
    ['half a character', { t: '\ud800' }, '/d/t'],
    ['__proto__', JSON.parse('{"o": {"__proto__": {}}}'), '/d/o/__proto__'],
    ['more than 28 levels', nested(MAX_LEVELS + 1), `/d${'/a'.repeat(MAX_LEVELS)}`],
  ])('[CS-4] %s is named by its place', (_what, document, pointer) => {
    expect(documentErrors(document, '/d').map((error) => error.pointer)).toEqual([pointer])
  })

  test('[CS-4] everything else may be there', () => {
    const fine = {
      n: [2 ** 53 - 1, -(2 ** 53) + 1, 0.1, 1e-300],
      t: 'é😀',
      none: null,
      deep: nested(MAX_LEVELS - 1),
    }
    expect(documentErrors(fine, '')).toEqual([])
  })
})

test('[CS-3] an id is what one segment of a URL can carry', () => {
  for (const id of ['a', 'a/b', 'Ä ö', '...', 'x.y', '100%']) expect(ID_FORM.test(id), id).toBe(true)
  for (const id of ['', '.', '..', 'a\nb', 'a\u0000', '\u007f']) expect(ID_FORM.test(id), id).toBe(false)
})

test('[CS-8] an update is at least a millisecond after the one before', () => {
  const at = (ms: number) => new Date(ms)
  expect(nextInstant(at(5), undefined)).toEqual(at(5))
  expect(nextInstant(at(5), at(4))).toEqual(at(5))
  expect(nextInstant(at(5), at(5))).toEqual(at(6))
  expect(nextInstant(at(5), at(90))).toEqual(at(91))
})
