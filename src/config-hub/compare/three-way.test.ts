import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applied } from '../../../test/config-hub/applied.ts'
import { documents } from '../../../test/config-hub/documents.ts'
import { diff } from './diff.ts'
import { threeWay } from './three-way.ts'

const runs = { numRuns: 2_000 }
const differing = (of: ReturnType<typeof threeWay>) => of.filter(({ state }) => state !== 'both_same')
const statesOf = (of: ReturnType<typeof threeWay>) => [...new Set(of.map(({ state }) => state))]

describe('[CC-13] with the state of the last sync', () => {
  test('each place says who changed it', () => {
    const base = { both: 1, same: 1, ours: 1, theirs: 1, gone: 1, kept: { x: 1, y: 1 } }
    const current = { both: 2, same: 2, ours: 2, theirs: 1, kept: { x: 2, y: 1 }, new: 'c' }
    const source = { both: 3, same: 2, ours: 1, theirs: 2, kept: { x: 1, y: 2 }, new: 's' }
    expect(threeWay(base, current, source)).toEqual([
      { pointer: '/both', change: 'changed', current: 2, source: 3, base: 1, state: 'conflict' },
      { pointer: '/same', change: 'changed', current: 2, source: 2, base: 1, state: 'both_same' },
      { pointer: '/ours', change: 'changed', current: 2, source: 1, state: 'target_changed' },
      { pointer: '/theirs', change: 'changed', current: 1, source: 2, state: 'source_changed' },
      { pointer: '/kept/x', change: 'changed', current: 2, source: 1, state: 'target_changed' },
      { pointer: '/kept/y', change: 'changed', current: 1, source: 2, state: 'source_changed' },
      { pointer: '/new', change: 'changed', current: 'c', source: 's', state: 'conflict' },
      { pointer: '/gone', change: 'removed', base: 1, state: 'both_same' },
    ])
  })

  test('what one removed and the other changed is a conflict', () => {
    expect(threeWay({ a: { x: 1 } }, {}, { a: { x: 2 } })).toEqual([
      { pointer: '/a', change: 'added', source: { x: 2 }, base: { x: 1 }, state: 'conflict' },
    ])
  })

  test('elements that both added to a list are no conflict', () => {
    expect(threeWay({ tags: ['a'] }, { tags: ['a', 'b'] }, { tags: ['a', 'c'] })).toEqual([
      { pointer: '/tags/1', change: 'removed', current: 'b', state: 'target_changed' },
      { pointer: '/tags/1', change: 'added', source: 'c', state: 'source_changed' },
    ])
    const [a, b] = [
      { id: 'a', n: 1 },
      { id: 'b', n: 1 },
    ]
    expect(threeWay([a, b], [{ ...a, n: 2 }, b], [b, { ...a, n: 3 }])).toEqual([
      { pointer: '/0/n', change: 'changed', current: 2, source: 3, base: 1, state: 'conflict' },
      { pointer: '/0', change: 'moved', to: 1, state: 'source_changed' },
    ])
  })

  test('without it, it is the difference of the two', () => {
    fc.assert(
      fc.property(documents, documents, (current, source) => {
        expect(threeWay(undefined, current, source)).toEqual(
          diff(current, source).map((change) => ({ ...change, state: 'differs' })),
        )
      }),
      runs,
    )
  })

  test('if only one side changed, everything is that side’s', () => {
    fc.assert(
      fc.property(documents, documents, (one, other) => {
        const as = (state: string) => diff(one, other).map((change) => ({ ...change, state }))
        expect(threeWay(one, one, other)).toEqual(as('source_changed'))
        expect(threeWay(other, one, other)).toEqual(as('target_changed'))
      }),
      runs,
    )
  })

  test('if both are the same, everything is of both, and nothing if they are as they were', () => {
    fc.assert(
      fc.property(documents, documents, (base, now) => {
        const found = threeWay(base, now, structuredClone(now))
        expect(differing(found)).toEqual([])
        expect(found.length).toBe(diff(now, base).length)
        expect(threeWay(base, base, base)).toEqual([])
      }),
      runs,
    )
  })

  test('whatever the base, what is not of both makes the source of the current one', () => {
    fc.assert(
      fc.property(documents, documents, documents, (base, current, source) => {
        expect(applied(current, differing(threeWay(base, current, source)))).toEqual(source)
      }),
      { numRuns: 5_000 },
    )
  })

  test('seen from the other side, who changed what is the other way round', () => {
    const flat = fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.dictionary(fc.constantFrom('x', 'y'), fc.integer({ min: 0, max: 2 })),
    )
    const mirror = {
      source_changed: 'target_changed',
      target_changed: 'source_changed',
      conflict: 'conflict',
      both_same: 'both_same',
      differs: 'differs',
    } as const
    fc.assert(
      fc.property(flat, flat, flat, (base, current, source) => {
        const seen = (found: ReturnType<typeof threeWay>) =>
          found.map((each) => `${each.pointer} ${each.state}`)
        expect(seen(threeWay(base, source, current)).sort()).toEqual(
          threeWay(base, current, source)
            .map((each) => `${each.pointer} ${mirror[each.state]}`)
            .sort(),
        )
      }),
      runs,
    )
  })

  test('changes of different members never conflict, and taking the source’s merges both', () => {
    const side = (name: string) => fc.dictionary(fc.constantFrom(`${name}1`, `${name}2`), documents)
    fc.assert(
      fc.property(side('ours'), side('theirs'), side('ours'), side('theirs'), (b1, b2, ours, theirs) => {
        const base = { ...b1, ...b2 }
        const found = threeWay(base, { ...ours, ...b2 }, { ...b1, ...theirs })
        for (const state of statesOf(found)) expect(['source_changed', 'target_changed']).toContain(state)
        const merged = applied(
          { ...ours, ...b2 },
          found.filter(({ state }) => state === 'source_changed'),
        )
        expect(merged).toEqual({ ...ours, ...theirs })
      }),
      runs,
    )
  })
})
