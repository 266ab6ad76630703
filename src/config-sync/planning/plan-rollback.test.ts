import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyText } from './input.ts'
import type { SyncPlan } from './plan.ts'
import { type DoneWrite, planRollback } from './plan-rollback.ts'
import { planSync } from './plan-sync.ts'
import { hash, inputOf, placeOf, put, TYPES, type World, worldOf } from './testing.ts'
import { apply, dependantsIn, doneRows, liveOf } from './testing-apply.ts'
import { documentsOf, drafts } from './testing-worlds.ts'

const kinds = fc.constantFrom<World['kind']>('store', 'place')
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

const rollback = (plan: SyncPlan, writes: readonly DoneWrite[], target: World): SyncPlan =>
  planRollback({
    ...{ types: TYPES, places: places(target), rows: doneRows(plan), writes, hash },
    live: liveOf(
      target,
      writes.flatMap(({ type, targetId: id }) => (id === null ? [] : [{ type, id }])),
    ),
    dependants: dependantsIn(target),
  })

const synced = (all: Parameters<typeof documentsOf>[0], kind: World['kind'], pick: () => number) => {
  const source = worldOf('store', documentsOf(all))
  const known = documentsOf(
    all.map((each) => ({ ...each, title: each.there ?? each.title })),
    (index) => `tgt-${index}`,
  )
  const target = worldOf(
    kind,
    known.filter((_, index) => all[index]?.there !== undefined),
  )
  const was = bytes(target)
  const plan = planSync(inputOf(source, target))
  const { writes } = apply(plan, target, new Map(), pick)
  return { was, target, plan, writes }
}

describe('taking back a job', () => {
  test('[SP-41] makes every document what it was, to the letter, circles too; and taking that back does so again', () => {
    fc.assert(
      fc.property(drafts, kinds, order, (all, kind, picks) => {
        const pick = () => picks.next().value
        const { was, target, plan, writes } = synced(all, kind, pick)
        const done = bytes(target)
        const back = rollback(plan, writes, target)
        expect(back.rows.filter(({ action }) => action === 'refused')).toEqual([])
        const reversed = apply(back, target, new Map(), pick)
        expect(reversed.wrong).toEqual([])
        expect(bytes(target)).toEqual(was)
        const again = rollback(back, reversed.writes, target)
        const { wrong } = apply(again, target, new Map(), pick)
        expect(wrong).toEqual([])
        if (kind === 'store') expect(bytes(target)).toEqual(done)
        else expect(target.kept.size).toBe(done.length)
      }),
      { numRuns: 300 },
    )
  })

  test('[SP-42] leaves what changed since, and whatever that or anything new refers to; all else is as it was', () => {
    fc.assert(
      fc.property(drafts, kinds, some, some, (all, kind, edits, more) => {
        const { target, plan, writes } = synced(all, kind, () => 0)
        const own = [...target.kept.values()]
        const changed = new Set<string>()
        for (const index of edits) {
          const kept = own[index]
          if (!kept) continue
          put(target, kept, { ...kept.document, edited: true })
          changed.add(keyText(kept))
        }
        for (const index of more)
          put(
            target,
            { type: 'thing', id: `new-${index}` },
            { key: `new ${index}`, any: own[index]?.id ?? 'nobody' },
          )
        const now = new Map(target.kept)
        const before = new Map(
          writes.toReversed().map(({ type, targetId, before }) => [`${type}/${targetId}`, before]),
        )
        const dangling = () => {
          const ids = new Set([...target.kept.values()].map(({ id }) => id))
          return new Set(
            [...target.kept.values()].flatMap(
              ({ type, id, document }) =>
                JSON.stringify(document)
                  .match(/[\p{L}\p{N}_-]+/gu)
                  ?.flatMap((word) =>
                    now.has(`thing/${word}`) && !ids.has(word) ? [`${type}/${id} ${word}`] : [],
                  ) ?? [],
            ),
          )
        }
        const back = rollback(plan, writes, target)
        apply(back, target, new Map())
        for (const { type, targetId, action, refusal } of back.rows) {
          const key = `${type}/${targetId}`
          if (changed.has(key)) expect(refusal?.code, key).toBe('changed-since')
          if (action === 'refused') {
            expect(['changed-since', 'still-needed']).toContain(refusal?.code)
            expect(target.kept.get(key)).toEqual(now.get(key))
          } else expect(target.kept.get(key)?.document).toEqual(before.get(key)?.document)
        }
        // nothing that stays lost what it refers to, but what already named by chance what came later
        const lost = [...dangling()].filter(
          (each) =>
            target.kept.get(each.split(' ')[0] as string)?.document.edited || each.startsWith('thing/new-'),
        )
        expect(lost).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  test('[SP-43] of a write that was never answered does what is there now says, and refuses where that says nothing', () => {
    const target = worldOf('place', [
      { type: 'thing', id: 't1', document: { key: '1', v: 1 } },
      { type: 'thing', id: 't2', document: { key: '2', v: 2 } },
      { type: 'thing', id: 't4', document: { key: '4' } },
    ])
    const open = (
      seq: number,
      step: DoneWrite['step'],
      targetId: string | null,
      preRevision: string | null,
    ): DoneWrite => ({
      ...{ seq, step, targetId, preRevision, type: 'thing', done: false, doneOrder: Number.MAX_SAFE_INTEGER },
      ...{ before: step === 'create' ? null : { document: { key: targetId, v: 0 }, secrets: {} } },
      ...{ postRevision: null, postHash: null },
    })
    const writes = [
      open(0, 'patch', 't1', '1'),
      open(1, 'patch', 't2', '0'),
      open(2, 'delete', 't3', '1'),
      open(3, 'create', 't4', null),
      open(4, 'create', 't5', null),
      open(5, 'create', null, null),
      open(6, 'delete', 't4', '1'),
    ]
    const { rows } = rollback({ rows: [], tasks: [] } as unknown as SyncPlan, writes, target)
    const said = rows.map(({ targetId, sourceId, action, refusal }) => [
      targetId ?? sourceId,
      action,
      refusal?.code,
    ])
    // t1 and, by its deletion, t4 were not reached; of t5 nothing came; t3 is gone, as was meant
    expect(said).toEqual([
      ['', 'refused', 'changed-since'],
      ['t4', 'refused', 'changed-since'],
      ['t3', 'create', undefined],
      ['t2', 'refused', 'changed-since'],
    ])
  })
})
