import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applied } from '../../../test/config-hub/applied.ts'
import { documents } from '../../../test/config-hub/documents.ts'
import { diff } from './diff.ts'
import { align } from './lists.ts'

const runs = { numRuns: 2_000 }

describe('[CC-11] the difference of two documents', () => {
  test('names each place, the deepest, with what either side has there', () => {
    const current = { title: 'A', only: 1, same: { x: [1] }, nested: { 'a/b': true } }
    const source = { title: 'B', same: { x: [1] }, nested: { 'a/b': false, more: null } }
    expect(diff(current, source)).toEqual([
      { pointer: '/title', change: 'changed', current: 'A', source: 'B' },
      { pointer: '/only', change: 'removed', current: 1 },
      { pointer: '/nested/a~1b', change: 'changed', current: true, source: false },
      { pointer: '/nested/more', change: 'added', source: null },
    ])
  })

  test('is nothing between equals, whatever the order of their members', () => {
    expect(diff({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 })).toEqual([])
    fc.assert(
      fc.property(documents, (document) => {
        expect(diff(document, structuredClone(document))).toEqual([])
      }),
      runs,
    )
  })

  test('is something between others, and makes the one of the other', () => {
    fc.assert(
      fc.property(documents, documents, (current, source) => {
        const changes = diff(current, source)
        expect(applied(current, changes)).toEqual(source)
        expect(changes.length === 0).toBe(JSON.stringify(sorted(current)) === JSON.stringify(sorted(source)))
      }),
      runs,
    )
  })
})

describe('[CC-12] of lists', () => {
  const list = (current: unknown[], source: unknown[]) => diff({ list: current }, { list: source })

  test('elements with an id are followed by it, wherever they are', () => {
    const [a, b, c] = [
      { id: 'a', n: 1 },
      { id: 'b', n: 1 },
      { id: 'c', n: 1 },
    ]
    expect(list([a, b, c], [c, a, { ...b, n: 2 }])).toEqual([
      { pointer: '/list/1/n', change: 'changed', current: 1, source: 2 },
      { pointer: '/list/2', change: 'moved', to: 0 },
    ])
    expect(list([a, b], [a, c, b])).toEqual([{ pointer: '/list/1', change: 'added', source: c }])
    expect(list([a, b, c], [b, c])).toEqual([{ pointer: '/list/0', change: 'removed', current: a }])
  })

  test('by the member that most have kept where ids were made anew', () => {
    expect(
      list(
        [
          { id: 1, name: 'x' },
          { id: 2, name: 'y' },
        ],
        [
          { id: 8, name: 'y' },
          { id: 2, name: 'z' },
        ],
      ),
    ).toEqual([
      { pointer: '/list/1/name', change: 'changed', current: 'y', source: 'z' },
      { pointer: '/list/0', change: 'removed', current: { id: 1, name: 'x' } },
      { pointer: '/list/0', change: 'added', source: { id: 8, name: 'y' } },
    ])
    expect(
      list(
        [
          { id: 1, name: 'x' },
          { id: 2, name: 'y' },
        ],
        [
          { id: 8, name: 'x' },
          { id: 9, name: 'y' },
        ],
      ),
    ).toEqual([
      { pointer: '/list/0/id', change: 'changed', current: 1, source: 8 },
      { pointer: '/list/1/id', change: 'changed', current: 2, source: 9 },
    ])
  })

  test('plain values are followed by themselves', () => {
    expect(list(['a', 'b', 'c'], ['b', 'c', 'd'])).toEqual([
      { pointer: '/list/0', change: 'removed', current: 'a' },
      { pointer: '/list/2', change: 'added', source: 'd' },
    ])
  })

  test('others by what is equal in order, and between two such by their place', () => {
    const step = (is: string, n = 1) => ({ is, n })
    expect(list([step('a'), step('a'), step('b')], [step('z'), step('a'), step('a'), step('b')])).toEqual([
      { pointer: '/list/0', change: 'added', source: step('z') },
    ])
    expect(
      list([step('a'), step('b'), step('c'), step('a')], [step('b'), step('c', 2), step('d'), step('a')]),
    ).toEqual([
      { pointer: '/list/2/n', change: 'changed', current: 1, source: 2 },
      { pointer: '/list/0', change: 'removed', current: step('a') },
      { pointer: '/list/2', change: 'added', source: step('d') },
    ])
  })

  test('no fewer elements could be moved, and no more be kept', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 7 }), { maxLength: 7 })
    fc.assert(
      fc.property(numbers, numbers, (one, other) => {
        const { pairs, moved } = align(one, other)
        expect(pairs.length - moved.length).toBe(longestCommon(one, other))
      }),
      runs,
    )
  })

  test('a very long one is compared too', () => {
    const long = (of: number) => Array.from({ length: 3_000 }, (_, n) => ({ is: n % 7, n: n + of }))
    const [current, source] = [long(0), [{ is: -1 }, ...long(1)]]
    expect(applied({ list: current }, list(current, source))).toEqual({ list: source })
  })
})

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, each]) => [name, sorted(each)]),
  )
}

/** Of distinct numbers, by trying all. */
function longestCommon(one: number[], other: number[]): number {
  if (one.length === 0 || other.length === 0) return 0
  const [first, ...rest] = one as [number, ...number[]]
  const at = other.indexOf(first)
  const without = longestCommon(rest, other)
  return at < 0 ? without : Math.max(without, 1 + longestCommon(rest, other.slice(at + 1)))
}
