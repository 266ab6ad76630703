import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SyncInput } from './input.ts'
import type { PlanRow, PlanTask } from './plan.ts'
import { planSync } from './plan-sync.ts'
import { topological } from './schedule.ts'
import { inputOf, type Pairs, put, worldOf } from './testing.ts'
import { apply } from './testing-apply.ts'
import { documentsOf, drafts } from './testing-worlds.ts'

/** Rows that must name what is made later anyway, whoever names whom: the fewest that leave no circle, by trying all. */
function fewestCompletions(
  size: number,
  waits: readonly (readonly number[])[],
  hard: readonly (readonly number[])[],
): number {
  let fewest = Number.POSITIVE_INFINITY
  for (let set = 0; set < 1 << size; set++) {
    const count = [...set.toString(2)].filter((bit) => bit === '1').length
    if (count >= fewest) continue
    // what is in the set waits for what it requires only
    const left = waits.map((each, row) => ((set >> row) & 1 ? (hard[row] as readonly number[]) : each))
    const open = new Set(left.keys())
    for (let again = true; again; ) {
      again = false
      for (const row of open)
        if (!left[row]?.some((to) => open.has(to))) {
          open.delete(row)
          again = true
        }
    }
    if (open.size === 0) fewest = count
  }
  return fewest
}

/** Who names whom among what is created, as the documents say. */
function namings(input: SyncInput, keys: readonly string[]): { all: number[][]; required: number[][] } {
  const index = new Map(keys.map((key, row) => [key, row]))
  const of = (isRequired: boolean) =>
    keys.map((key) => {
      const item = input.sources.find(({ type, id }) => `${type}/${id}` === key)
      const own = item?.references.filter((each) => !isRequired || each.required) ?? []
      // its own id is no reference, and not known before it is there either
      const words = JSON.stringify({ ...item?.document, id: '' }).split(/[^\p{L}\p{N}_-]+/u)
      const itself = !isRequired && words.includes(item?.id as string) ? (index.get(key) ?? []) : []
      const named = own.flatMap(({ to }) => to.flatMap(({ type, id }) => index.get(`${type}/${id}`) ?? []))
      return [...new Set([itself, named].flat())]
    })
  return { all: of(false), required: of(true) }
}

describe('the requests of a plan', () => {
  test('[SP-39] are one for each creation, and one more for each of the fewest that must name what is made later', () => {
    fc.assert(
      fc.property(drafts, (all) => {
        const plain = all.map((draft) => ({
          ...draft,
          type: draft.type === 'flow' ? ('thing' as const) : draft.type,
        }))
        const input = inputOf(worldOf('store', documentsOf(plain)), worldOf('place'))
        const { rows, tasks, cycles } = planSync(input)
        const created = rows.flatMap(({ type, sourceId, action }) =>
          action === 'create' ? [`${type}/${sourceId}`] : [],
        )
        const { all: waits, required } = namings(input, created)
        const fewest = fewestCompletions(created.length, waits, required)
        expect(cycles).toEqual({ completed: fewest, atLeast: fewest, exact: true })
        expect(tasks).toHaveLength(created.length + fewest)
      }),
      { numRuns: 200 },
    )
  })

  test('[SP-39] are one for each configuration, circles or not, where ids are chosen', () => {
    fc.assert(
      fc.property(drafts, (all) => {
        const { rows, tasks } = planSync(inputOf(worldOf('store', documentsOf(all)), worldOf('store')))
        const acting = rows.flatMap(({ action }, row) => (action === 'create' ? [row] : []))
        expect(tasks.map(({ row, kind }) => [row, kind]).sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual(
          acting.map((row) => [row, 'create']),
        )
      }),
      { numRuns: 200 },
    )
  })
})

describe('[CN-21] a place that checks references', () => {
  const checking = (input: SyncInput): SyncInput => ({
    ...input,
    places: new Map([...input.places].map(([type, place]) => [type, { ...place, checksReferences: true }])),
  })
  test('is sent nothing that refers to what comes later, and the fewest are completed', () => {
    fc.assert(
      fc.property(drafts, (all) => {
        const input = checking(inputOf(worldOf('store', documentsOf(all)), worldOf('store')))
        const { rows, tasks, cycles } = planSync(input)
        const created = rows.flatMap(({ type, sourceId, action }, row) =>
          action === 'create' ? [{ key: `${type}/${sourceId}`, row }] : [],
        )
        const waits = (isRequired: boolean) =>
          created.map(({ key }) =>
            declared(input, key, isRequired, new Map(created.map((each, at) => [each.key, at]))),
          )
        const fewest = fewestCompletions(created.length, waits(false), waits(true))
        expect(cycles).toEqual({ completed: fewest, atLeast: fewest, exact: true })
        expect(tasks).toHaveLength(created.length + fewest)
        const there = new Set<string>()
        for (const index of topological(tasks)) {
          const task = tasks[index] as PlanTask
          const { type, sourceId } = rows[task.row] as PlanRow
          const left = new Set(task.omits.map((row) => `${rows[row]?.type}/${rows[row]?.sourceId}`))
          const named = declared(
            input,
            `${type}/${sourceId}`,
            false,
            new Map(created.map(({ key }) => [key, key])),
          )
          expect(named.filter((key) => !there.has(key) && !left.has(key))).toEqual([])
          there.add(`${type}/${sourceId}`)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('refuses circles of required references, though ids are chosen', () => {
    const leaf = (id: string, twin: string) => ({ type: 'leaf', id, document: { id, twin } })
    const source = worldOf('store', [leaf('l1', 'l2'), leaf('l2', 'l1')])
    const { rows } = planSync(checking(inputOf(source, worldOf('store'))))
    expect(rows.map(({ refusal }) => refusal?.code)).toEqual(['required-circle', 'required-circle'])
  })
})

/** What a source declares to refer to by its id, as `known` calls it. */
function declared<T>(input: SyncInput, of: string, isRequired: boolean, known: ReadonlyMap<string, T>): T[] {
  const item = input.sources.find(({ type, id }) => `${type}/${id}` === of)
  const own = item?.references.filter(
    ({ kind, required }) => kind !== 'text' && kind !== 'template' && (required || !isRequired),
  )
  return [
    ...new Set(own?.flatMap(({ to }) => to.flatMap(({ type, id }) => known.get(`${type}/${id}`) ?? []))),
  ]
}

describe('ids that the target makes within what it creates', () => {
  const flow = (id: string, names: readonly string[]) => ({
    ...{ type: 'flow', id },
    document: { key: 'key of a flow', steps: names.map((name) => ({ id: `${id}-${name}`, name })) },
  })
  const thing = (note: string) => ({ type: 'thing', id: 'thing-1', document: { key: 'a', note } })

  test('[SP-40] are left out, and named elsewhere once they are known', () => {
    const source = worldOf('store', [flow('flow-1', ['one', 'two']), thing('after flow-1-two of flow-1')])
    const [target, pairs] = [worldOf('place'), new Map() as Pairs]
    const plan = planSync(inputOf(source, target, pairs))
    const [row] = plan.rows
    expect(row?.desired).toEqual({ key: 'key of a flow', steps: [{ name: 'one' }, { name: 'two' }] })
    expect(row?.derives).toEqual([
      { symbol: '⟨flow/flow-1#/steps/0/id⟩', pointer: '/steps/0/id' },
      { symbol: '⟨flow/flow-1#/steps/1/id⟩', pointer: '/steps/1/id' },
    ])
    expect(apply(plan, target, pairs).wrong).toEqual([])
    const made = target.kept.get('flow/made-1')?.document.steps as { id: string }[]
    expect([...target.kept.values()][1]?.document.note).toBe(`after ${made[1]?.id} of made-1`)
  })

  test('[SP-40] of what is there already are those of the same element, wherever that stands', () => {
    const source = worldOf('store', [flow('flow-1', ['one', 'two']), thing('nothing')])
    const [target, pairs] = [worldOf('place'), new Map() as Pairs]
    apply(planSync(inputOf(source, target, pairs)), target, pairs)
    const theirs = target.kept.get('flow/made-1')?.document as { steps: { id: string; name: string }[] }
    const [one, two] = theirs.steps
    put(target, { type: 'flow', id: 'made-1' }, { ...theirs, steps: [two, one] })
    put(source, { type: 'thing', id: 'thing-1' }, { key: 'a', note: 'after flow-1-two' })
    apply(planSync(inputOf(source, target, pairs)), target, pairs)
    expect([...target.kept.values()][1]?.document.note).toBe(`after ${two?.id}`)
  })

  test('[SP-40] are no change of the target, and what it changes beside them is no conflict', () => {
    const source = worldOf('store', [flow('flow-1', ['one']), thing('after flow-1-one')])
    const [target, pairs] = [worldOf('place'), new Map() as Pairs]
    apply(planSync(inputOf(source, target, pairs)), target, pairs)
    const [, theirs] = [...target.kept.values()]
    if (!theirs) throw new Error('nothing was created')
    const note = `${theirs.document.note}, says the target`
    put(target, theirs, { ...theirs.document, note })
    const { rows } = planSync(inputOf(source, target, pairs))
    expect(rows.map(({ action, refusal }) => [action, refusal?.code])).toEqual([
      ['none', undefined],
      ['none', undefined],
    ])
  })

  test('[SP-40] keep their place in circles: what names its own is completed', () => {
    const circle = flow('flow-1', ['one'])
    const document = { ...circle.document, note: 'flow-1-one then thing-1' }
    const source = worldOf('store', [{ ...circle, document }, thing('flow-1-one')])
    const [target, pairs] = [worldOf('place'), new Map() as Pairs]
    const plan = planSync(inputOf(source, target, pairs))
    expect(plan.tasks.map(({ kind }) => kind).sort()).toEqual(['complete', 'create', 'create'])
    expect(apply(plan, target, pairs).wrong).toEqual([])
    expect(planSync(inputOf(source, target, pairs)).tasks).toEqual([])
  })
})
