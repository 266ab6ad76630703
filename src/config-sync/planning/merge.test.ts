import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Document } from '../../config-hub/index/entry.ts'
import { same } from '../../config-store/rules.ts'
import { merge } from './merge.ts'

const fail = () => 'fail' as const
const source = () => 'source' as const
const target = () => 'target' as const

const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.nat({ max: 3 }),
    fc.constantFrom('a', 'b', null, true),
    tie('object'),
    tie('list'),
  ),
  object: fc.dictionary(fc.constantFrom('p', 'q', 'r', 's'), tie('value'), { maxKeys: 4 }),
  list: fc.array(fc.oneof(fc.nat({ max: 4 }), fc.record({ id: fc.nat({ max: 3 }), v: fc.nat({ max: 2 }) })), {
    maxLength: 4,
  }),
}))
const documents = values.object as fc.Arbitrary<Document>

describe('a three-way merge', () => {
  test('[SP-33] is the other side where one side changed nothing, and either where both are alike', () => {
    fc.assert(
      fc.property(documents, documents, (base, other) => {
        expect(merge(base, base, other, fail)).toEqual({ document: other, conflicts: [] })
        expect(merge(base, other, base, fail)).toEqual({ document: other, conflicts: [] })
        expect(merge(base, other, structuredClone(other), fail)).toEqual({ document: other, conflicts: [] })
        expect(merge(undefined, base, other, fail)).toEqual({ document: other, conflicts: [] })
      }),
      { numRuns: 500 },
    )
  })

  test('[SP-33] takes over what the source alone changed and keeps what the target alone changed, member by member', () => {
    const members = fc.record({
      base: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.nat({ max: 2 })),
      ours: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.nat({ max: 2 })),
      theirs: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.nat({ max: 2 })),
    })
    fc.assert(
      fc.property(members, ({ base, ours, theirs }) => {
        const { document, conflicts } = merge({ in: base }, { in: ours }, { in: theirs }, fail)
        const merged = document.in as Document
        for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
          const [was, here, there] = [base[name], ours[name], theirs[name]]
          const isConflict = here !== there && was !== here && was !== there
          expect(conflicts.some(({ pointer }) => pointer === `/in/${name}`)).toBe(isConflict)
          expect(merged[name]).toBe(isConflict || was === there ? here : there)
        }
        const kept = Object.keys(merged).filter((name) => name in ours)
        expect(kept).toEqual(Object.keys(ours).filter((name) => name in merged))
      }),
      { numRuns: 500 },
    )
  })

  test('[SP-33] with a choice leaves no conflict open, and merging its result again changes nothing', () => {
    fc.assert(
      fc.property(documents, documents, documents, (base, ours, theirs) => {
        for (const choice of [source, target]) {
          const { document, conflicts } = merge(base, ours, theirs, choice)
          expect(conflicts.every((each) => each.choice === choice())).toBe(true)
          // the source is the base of the next comparison, and has not changed since
          expect(merge(theirs, document, theirs, fail)).toEqual({ document, conflicts: [] })
        }
      }),
      { numRuns: 500 },
    )
  })

  test('[SP-34] follows elements of lists by what identifies them, wherever they moved', () => {
    const list = (...names: string[]) => ({ list: names.map((name) => ({ name, at: name.length })) })
    const { document, conflicts } = merge(
      list('a', 'b', 'c'),
      {
        list: [
          { name: 'c', at: 1 },
          { name: 'a', at: 9 },
          { name: 'b', at: 1 },
          { name: 'own', at: 3 },
        ],
      },
      {
        list: [
          { name: 'a', at: 1 },
          { name: 'b', at: 7 },
          { name: 'new', at: 3 },
        ],
      },
      fail,
    )
    expect(conflicts).toEqual([])
    expect(document.list).toEqual([
      { name: 'a', at: 9 },
      { name: 'b', at: 7 },
      { name: 'new', at: 3 },
      { name: 'own', at: 3 },
    ])
  })

  test('[SP-34] of sets of names is what both added and neither took away', () => {
    const names = fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'c', 'd', 'e'), { maxLength: 5 })
    fc.assert(
      fc.property(names, names, names, (base, ours, theirs) => {
        const { document } = merge({ list: base }, { list: ours }, { list: theirs }, source)
        const expected = ['a', 'b', 'c', 'd', 'e'].filter((each) => {
          const [was, here, there] = [base, ours, theirs].map((list) => list.includes(each))
          return here === there ? here : was === here ? there : here
        })
        expect([...(document.list as string[])].sort()).toEqual(expected)
        if (same(base, theirs)) expect(document.list).toEqual(ours)
      }),
      { numRuns: 500 },
    )
  })

  test('[SP-34] says where in the target a conflict within an element is, and settles it alone', () => {
    const at = (v: number, w: number) => ({
      list: [
        { id: 'x', v: 0 },
        { id: 'y', v, w },
      ],
    })
    const conflict = merge(at(1, 1), at(2, 1), at(3, 5), fail)
    expect(conflict.conflicts).toEqual([{ pointer: '/list/1/v', choice: 'fail', target: 2, source: 3 }])
    expect(merge(at(1, 1), at(2, 1), at(3, 5), target).document).toEqual(at(2, 5))
  })
})
