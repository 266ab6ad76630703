import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planSync } from './plan-sync.ts'
import { inputOf, type Pairs, put, turned, type World, worldOf } from './testing.ts'
import { apply } from './testing-apply.ts'
import { type Draft, documentsOf, drafts } from './testing-worlds.ts'

const kinds = fc.constantFrom<World['kind']>('store', 'place')
const choices = fc.constantFrom('source' as const, 'target' as const, 'fail' as const)
const order = fc.infiniteStream(fc.nat({ max: 1000 }))

/** What the target has before: counterparts under ids of its own, of some with another title. */
function targetOf(kind: World['kind'], all: readonly Draft[]): World {
  const idOf = (index: number) => `tgt-${index}`
  const there = documentsOf(
    all.map((draft) => ({ ...draft, title: draft.there ?? draft.title })),
    idOf,
  ).filter((_, index) => all[index]?.there !== undefined)
  return worldOf(kind, there)
}

const secretsOf = ({ kept }: World) =>
  new Map([...kept].map(([key, { document, secrets }]) => [key, { document, secrets }]))

/** How drafts of the source were edited: what has the place of another one's is written as that. */
function edited(world: World, all: readonly Draft[], next: readonly Draft[], at: readonly number[]): void {
  const changed = all.map((draft, index) => {
    const other = next[index]
    if (!at.includes(index) || !other) return draft
    // the ids of steps that are new in a flow that is there already are known at the next sync only
    const steps = draft.steps.map((thing, step) => other.steps[step] ?? thing)
    return { ...other, type: draft.type, steps }
  })
  const documents = documentsOf(changed)
  for (const index of at) {
    const each = documents[index]
    if (!each || !world.kept.has(`${each.type}/${each.id}`)) continue
    put(world, each, each.document)
  }
}

describe('a plan that was applied', () => {
  test('[SP-20] leaves nothing to plan: nothing is written by a second one, whatever the two sides were like', () => {
    fc.assert(
      fc.property(drafts, kinds, order, (all, kind, picks) => {
        const source = worldOf('store', documentsOf(all))
        const target = targetOf(kind, all)
        const pairs: Pairs = new Map()
        const first = planSync(inputOf(source, target, pairs))
        const { wrong } = apply(first, target, pairs, () => picks.next().value)
        expect(wrong).toEqual([])
        const held = secretsOf(target)
        const again = planSync(inputOf(source, target, pairs))
        expect(again.tasks).toEqual([])
        expect(secretsOf(target)).toEqual(held)
        // there is nothing new to remember of a pair either
        expect(again.rows.filter(({ base }) => base !== null)).toEqual([])
        const refused = (rows: typeof first.rows) =>
          rows.flatMap(({ type, sourceId, refusal }) =>
            refusal ? [`${type}/${sourceId} ${refusal.code}`] : [],
          )
        expect(refused(again.rows)).toEqual(refused(first.rows))
        const third = planSync(inputOf(source, target, pairs))
        expect(third.digest).toBe(again.digest)
      }),
      { numRuns: 400 },
    )
  })

  test('[SP-20] leaves nothing to plan after edits on both sides, with any choice for conflicts, nor in the other direction', () => {
    const edits = fc.record({
      next: drafts,
      at: fc.uniqueArray(fc.nat({ max: 11 }), { maxLength: 5 }),
      there: fc.uniqueArray(fc.nat({ max: 11 }), { maxLength: 4 }),
      removed: fc.uniqueArray(fc.nat({ max: 11 }), { maxLength: 2 }),
    })
    fc.assert(
      fc.property(drafts, kinds, edits, choices, order, (all, kind, edits, choice, picks) => {
        const { next, at, there, removed } = edits
        const source = worldOf('store', documentsOf(all))
        const target = targetOf(kind, all)
        const pairs: Pairs = new Map()
        const pick = () => picks.next().value
        expect(apply(planSync(inputOf(source, target, pairs)), target, pairs, pick).wrong).toEqual([])
        edited(source, all, next, at)
        const own = [...target.kept.values()]
        for (const index of there) {
          const kept = own[index]
          if (kept)
            put(target, kept, { ...kept.document, note: `${kept.document.note} Theirs.`, extra: index })
        }
        for (const index of removed) if (own[index]) target.kept.delete(`${own[index].type}/${own[index].id}`)
        const conflicts = { default: choice, places: [] }
        const second = planSync(inputOf(source, target, pairs, { conflicts }))
        expect(apply(second, target, pairs, pick).wrong).toEqual([])
        const third = planSync(inputOf(source, target, pairs, { conflicts }))
        expect(third.tasks).toEqual([])
        if (choice !== 'source') return
        // what the target alone changed goes back to the source once, and then both are one
        const back = turned(pairs)
        const home = planSync(inputOf({ ...target, kind: 'store' }, source, back, { conflicts }))
        expect(apply(home, source, back, pick).wrong).toEqual([])
        expect(planSync(inputOf({ ...target, kind: 'store' }, source, back, { conflicts })).tasks).toEqual([])
      }),
      { numRuns: 400 },
    )
  })
})

test('[SP-21] a plan does not depend on the order in which things were found, and has the same digest each time', () => {
  const shuffled = <T>(items: readonly T[], picks: readonly number[]): T[] =>
    items
      .map((item, index) => ({ item, by: picks[index % picks.length] ?? 0 }))
      .sort((a, b) => a.by - b.by)
      .map(({ item }) => item)
  fc.assert(
    fc.property(drafts, kinds, fc.array(fc.nat(), { minLength: 7, maxLength: 13 }), (all, kind, picks) => {
      const input = inputOf(worldOf('store', documentsOf(all)), targetOf(kind, all))
      const other = {
        ...input,
        sources: shuffled(input.sources, picks),
        targets: shuffled(input.targets, picks),
        alive: new Set(shuffled([...input.alive], picks)),
        answered: new Set(shuffled([...input.answered], picks)),
        selected: shuffled(input.sources, picks),
      }
      const [one, two] = [planSync(input), planSync(other)]
      expect(two).toEqual(one)
      expect(planSync(input).digest).toBe(one.digest)
    }),
    { numRuns: 200 },
  )
})

test('[SP-22] what is written is the source with ids of the target, whole words only, and nothing else is renamed', () => {
  fc.assert(
    fc.property(drafts, kinds, (all, kind) => {
      const source = worldOf('store', documentsOf(all))
      const target = worldOf(kind)
      const pairs: Pairs = new Map()
      apply(planSync(inputOf(source, target, pairs)), target, pairs)
      const ids = new Map([...pairs.values()].map(({ sourceId, targetId }) => [sourceId, targetId]))
      for (const { type, sourceId: id, targetId } of pairs.values()) {
        const flow = (of: string) => {
          const [at, step] = of.split('-step-')
          const made = target.kept.get(`flow/${ids.get(at as string)}`)?.document.steps as { id: string }[]
          return made?.[Number(step)]?.id
        }
        const named = (text: string) =>
          text.replace(
            /[\p{L}\p{N}_-]+/gu,
            (word) => ids.get(word) ?? (/-step-/.test(word) ? flow(word) : word) ?? word,
          )
        const was = source.kept.get(`${type}/${id}`)?.document
        const expected = JSON.parse(JSON.stringify(was), (_, value) =>
          typeof value === 'string' ? named(value) : value,
        )
        const { id: _own, updated_at: _time, ...rest } = expected
        const { id: own, updated_at: _now, ...is } = target.kept.get(`${type}/${targetId}`)?.document ?? {}
        expect(is).toEqual(rest)
        if (own !== undefined) expect(own).toBe(targetId)
      }
    }),
    { numRuns: 300 },
  )
})
