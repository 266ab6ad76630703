import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyText } from './input.ts'
import { planDelete } from './plan-delete.ts'
import { planRestore } from './plan-restore.ts'
import { hash, placeOf, put, TYPES, type World, worldOf } from './testing.ts'
import { apply, dependantsIn, liveOf } from './testing-apply.ts'
import { documentsOf, drafts } from './testing-worlds.ts'

const some = fc.uniqueArray(fc.nat({ max: 11 }), { maxLength: 4 })
const order = fc.infiniteStream(fc.nat({ max: 1000 }))
const places = (world: World) => new Map([...TYPES.keys()].map((type) => [type, placeOf(world)]))

/** All of a place to the letter, in one order of configurations. */
const bytes = ({ kept, kind }: World): string[] =>
  [...kept.values()]
    .map(({ type, id, document, secrets }) =>
      JSON.stringify([type, id, document, kind === 'store' ? secrets : {}]),
    )
    .sort()

describe('a plan of deletions', () => {
  const input = (
    world: World,
    keys: readonly { type: string; id: string }[],
    checkDependencies: boolean,
  ) => ({
    ...{ types: TYPES, places: places(world), resources: keys, live: liveOf(world, keys), hash },
    ...{ dependants: dependantsIn(world), checkDependencies },
  })

  test('[SP-44] with dependencies checked takes away nothing that is still needed, names who needs it, and refuses nothing else', () => {
    fc.assert(
      fc.property(drafts, some, (all, picked) => {
        const world = worldOf('store', documentsOf(all))
        const keys = picked.flatMap((index) => [...world.kept.values()][index] ?? [])
        const needed = dependantsIn(world)
        const plan = planDelete(input(world, keys, true))
        expect(apply(plan, world, new Map()).wrong).toEqual([])
        for (const { of, by } of needed)
          if (world.kept.has(keyText(by))) expect(world.kept.has(keyText(of))).toBe(true)
        for (const { type, targetId, refusal } of plan.rows) {
          if (!refusal) continue
          const own = needed.filter(
            ({ of, by }) => keyText(of) === `${type}/${targetId}` && world.kept.has(keyText(by)),
          )
          expect(refusal.code).toBe('still-needed')
          expect(refusal.among).toEqual([...new Set(own.map(({ by }) => `${by.type} ${by.id}`))].sort())
          expect(own.length).toBeGreaterThan(0)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('[SP-45] goes from what refers to what is referred to, whatever is in circles', () => {
    fc.assert(
      fc.property(drafts, order, (all, picks) => {
        const world = worldOf('store', documentsOf(all))
        const keys = [...world.kept.values()]
        const needed = dependantsIn(world).map(({ of, by }) => [keyText(by), keyText(of)] as const)
        const reaches = (from: string, to: string): boolean => {
          const seen = new Set([from])
          for (const at of seen) for (const [by, of] of needed) if (by === at) seen.add(of)
          return seen.has(to)
        }
        const { writes } = apply(
          planDelete(input(world, keys, false)),
          world,
          new Map(),
          () => picks.next().value,
        )
        const at = new Map(writes.map(({ type, targetId }, index) => [`${type}/${targetId}`, index]))
        expect(at.size).toBe(keys.length)
        for (const [by, of] of needed)
          if (!reaches(of, by)) expect(at.get(by) as number).toBeLessThan(at.get(of) as number)
      }),
      { numRuns: 200 },
    )
  })

  test('[SP-46] leaves what is protected and what cannot be deleted, and has nothing to do for what is gone', () => {
    const types = new Map(TYPES)
    types.set('thing', {
      ...(TYPES.get('thing') as NonNullable<ReturnType<typeof types.get>>),
      metadata: { protected: '/kept' },
    })
    types.set('leaf', {
      ...(TYPES.get('leaf') as NonNullable<ReturnType<typeof types.get>>),
      deletable: false,
    })
    const world = worldOf('store', [
      { type: 'thing', id: 'a', document: { kept: true } },
      { type: 'thing', id: 'b', document: { kept: 'true' } },
      { type: 'leaf', id: 'c', document: {} },
    ])
    const keys = [...world.kept.values(), { type: 'thing', id: 'gone' }]
    const { rows, tasks } = planDelete({ ...input(world, keys, true), types })
    expect(rows.map(({ targetId, action, refusal }) => [targetId, action, refusal?.code])).toEqual([
      ['c', 'refused', 'protected'],
      ['a', 'refused', 'protected'],
      ['b', 'delete', undefined],
      ['gone', 'none', undefined],
    ])
    expect(tasks).toHaveLength(1)
  })
})

test('[SP-47] a restore makes a place what it was, to the letter, whatever was changed, deleted or added since', () => {
  fc.assert(
    fc.property(drafts, drafts, some, order, (all, later, removed, picks) => {
      const world = worldOf('store', documentsOf(all))
      const was = bytes(world)
      const items = [...world.kept.values()].map((kept) => ({ ...kept, title: kept.id }))
      for (const { type, id, document } of documentsOf(later)) put(world, { type, id }, document)
      for (const index of removed) if (items[index]) world.kept.delete(keyText(items[index]))
      const planned = () =>
        planRestore({
          ...{ types: TYPES, places: places(world), items, hash, dependants: dependantsIn(world) },
          live: liveOf(world, [...world.kept.values()]),
        })
      expect(apply(planned(), world, new Map(), () => picks.next().value).wrong).toEqual([])
      // what changes by itself alone is put back with the rest only
      const stable = (all: readonly string[]) => all.map((each) => each.replace(/,?"updated_at":\d+/, ''))
      expect(stable(bytes(world))).toEqual(stable(was))
      expect(planned().tasks).toEqual([])
    }),
    { numRuns: 300 },
  )
})
