import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { components } from '../../config-hub/graph/components.ts'
import { order, type Step } from './order.ts'

const plans = fc.integer({ min: 1, max: 14 }).chain((size) =>
  fc.array(
    fc.record({
      action: fc.constantFrom<Step['action']>('create', 'create', 'create', 'patch', 'none'),
      references: fc.array(
        fc.record({
          to: fc.integer({ min: 0, max: size - 1 }),
          required: fc.integer({ min: 0, max: 4 }).map((one) => one === 0),
        }),
        { maxLength: 3 },
      ),
    }),
    { minLength: size, maxLength: size },
  ),
)
const named = (steps: Omit<Step, 'key'>[]): Step[] =>
  steps.map((step, index) => ({ key: `c${index}`, ...step }))
const create = (...references: [to: number, required?: boolean][]): Omit<Step, 'key'> => ({
  action: 'create',
  references: references.map(([to, required = false]) => ({ to, required })),
})

/** Whether `from` waits for `to`, directly or not, over references that `follows` admits. */
function reaches(
  steps: readonly Step[],
  from: number,
  to: number,
  follows: (required: boolean) => boolean,
): boolean {
  const seen = new Set<number>()
  const next = [from]
  for (let at = next.pop(); at !== undefined; at = next.pop())
    for (const each of steps[at]!.action === 'none' ? [] : steps[at]!.references) {
      if (!follows(each.required) || steps[each.to]!.action !== 'create') continue
      if (each.to === to) return true
      if (!seen.has(each.to)) next.push(each.to)
      seen.add(each.to)
    }
  return false
}

describe('the order of a plan', () => {
  test('[SP-6] makes every reference in the end, none before its target is there, with one request each but for circles', () => {
    fc.assert(
      fc.property(plans.map(named), (steps) => {
        const { tasks, levels, impossible, cycles } = order(steps)
        const there = new Set(steps.flatMap(({ action }, step) => (action === 'create' ? [] : [step])))
        const made = steps.map(() => new Set<number>())
        const byLevel = [...tasks.keys()].sort((a, b) => levels[a]! - levels[b]!)
        for (const index of byLevel) {
          const { step, kind, omits, after } = tasks[index]!
          for (const before of after) expect(levels[before]!).toBeLessThan(levels[index]!)
          for (const { to, required } of steps[step]!.references) {
            if (omits.includes(to)) {
              expect(required).toBe(false)
              continue
            }
            expect(there.has(to), `${step} refers to ${to} too early`).toBe(true)
            made[step]!.add(to)
          }
          if (kind === 'create') there.add(step)
        }
        steps.forEach(({ action, references }, step) => {
          if (action === 'none' || impossible.has(step)) return
          expect(made[step]).toEqual(new Set(references.map(({ to }) => to)))
        })
        const acting = steps.filter(({ action }, step) => action !== 'none' && !impossible.has(step))
        expect(tasks).toHaveLength(acting.length + cycles.completed)
        expect(cycles.atLeast).toBe(cycles.completed)
      }),
      { numRuns: 400 },
    )
  })

  test('[SP-7] what is in a circle of required references or waits for one is impossible, and nothing else is', () => {
    fc.assert(
      fc.property(plans.map(named), (steps) => {
        const circling = [...steps.keys()].filter(
          (step) => steps[step]!.action === 'create' && reaches(steps, step, step, (required) => required),
        )
        const expected = [...steps.keys()].filter(
          (step) =>
            circling.includes(step) || circling.some((other) => reaches(steps, step, other, () => true)),
        )
        const { impossible } = order(steps)
        expect([...impossible.keys()].sort((a, b) => a - b)).toEqual(expected)
      }),
      { numRuns: 400 },
    )
  })

  test('[SP-7] names the circle in its order', () => {
    const { impossible, tasks } = order(
      named([create([1, true]), create([2, true]), create([0, true]), create([0]), create()]),
    )
    expect(impossible.get(3)).toHaveLength(3)
    expect([...impossible.get(0)!].sort()).toEqual(['c0', 'c1', 'c2'])
    expect(tasks.map(({ step }) => step)).toEqual([4])
  })

  test('[SP-6] breaks a circle where one request more is enough', () => {
    const { tasks, cycles } = order(named([create([1], [2]), create([0, true]), create([0, true])]))
    expect(cycles).toEqual({ completed: 1, atLeast: 1, exact: true })
    expect(tasks.map(({ step, kind }) => [step, kind])).toEqual([
      [0, 'create'],
      [1, 'create'],
      [2, 'create'],
      [0, 'complete'],
    ])
  })
})

describe('components', () => {
  test('[SP-8] are the sets within which everything reaches everything, after what they refer to', () => {
    fc.assert(
      fc.property(plans.map(named), (steps) => {
        const out = steps.map(({ references }) => references.map(({ to }) => to))
        const found = components(out)
        expect(found.flat().sort((a, b) => a - b)).toEqual([...steps.keys()])
        const all = steps.map((step): Step => ({ ...step, action: 'create' }))
        const place = new Map(
          found.flatMap((members, index) => members.map((step) => [step, index] as const)),
        )
        for (const a of steps.keys())
          for (const b of steps.keys()) {
            if (a === b) continue
            const both = reaches(all, a, b, () => true) && reaches(all, b, a, () => true)
            expect(place.get(a) === place.get(b)).toBe(both)
            if (out[a]!.includes(b)) expect(place.get(b)!).toBeLessThanOrEqual(place.get(a)!)
          }
      }),
    )
  })

  test('[SP-8] a chain of 200,000 takes no recursion', () => {
    const size = 200_000
    expect(components(Array.from({ length: size }, (_, at) => (at + 1 < size ? [at + 1] : [])))).toHaveLength(
      size,
    )
  })
})
