import { components } from '../../config-hub/graph/components.ts'
import { type Edge, feedback } from './feedback.ts'
import { type Task, topological } from './schedule.ts'

/** What is to happen to one configuration, and which others of the same plan it refers to, by index. */
export type Step = {
  key: string
  action: 'create' | 'patch' | 'none'
  references: readonly { to: number; required: boolean }[]
}

/**
 * One request for a step. A create may leave references out; then a `complete` of the same step sets them later.
 * `omits` are the indexes of the steps that it does not refer to yet.
 */
export type OrderedTask = Task & {
  step: number
  kind: 'create' | 'patch' | 'complete'
  omits: readonly number[]
}

export type Order = {
  tasks: OrderedTask[]
  /** By task: 0 waits for nothing, each other one for some task of the level below. */
  levels: number[]
  /** Steps that cannot happen, each with the circle of required references that it is in or refers to, by key. */
  impossible: Map<number, string[]>
  /** How many creates leave something out; no fewer than `atLeast` would do, and `exact` says that none would. */
  cycles: { completed: number; atLeast: number; exact: boolean }
}

type Waits = readonly (readonly { to: number; required: boolean }[])[]

/**
 * The requests of a plan and what each waits for. Only what is created is waited for: what is there already has its id.
 * Circles are broken by as few later patches as possible. Those of required references cannot be, so that they fail
 * with all that refers to them, and everything else goes on.
 */
export function order(steps: readonly Step[]): Order {
  const waits = waitsOf(steps)
  const impossible = hardCircles(steps, waits)
  const possible = waits.map((each, step) => (impossible.has(step) ? [] : each))
  const { completed, ...cycles } = breakCircles(possible)
  const tasks = tasksOf(steps, possible, completed, impossible)
  return { tasks, levels: levelsOf(tasks), impossible, cycles: { completed: completed.size, ...cycles } }
}

/** What is there already has its id. */
const waitsOf = (steps: readonly Step[]): Waits =>
  steps.map(({ action, references }) =>
    action === 'none' ? [] : references.filter(({ to }) => steps[to]?.action === 'create'),
  )

/** Steps that cannot happen, as `order` says it, without ordering the rest. */
export const impossibleSteps = (steps: readonly Step[]): Map<number, string[]> =>
  hardCircles(steps, waitsOf(steps))

/** Steps in a circle of required references, and everything that waits for one. */
function hardCircles(steps: readonly Step[], waits: Waits): Map<number, string[]> {
  const found = new Map<number, string[]>()
  const required = waits.map((each) => each.filter((one) => one.required).map(({ to }) => to))
  for (const members of components(required)) {
    const result = feedback(members.length, edgesAmong(members, waits), 0)
    if (!('hardCycle' in result)) continue
    const circle = result.hardCycle.map((index) => (steps[members[index] as number] as Step).key)
    for (const step of members) found.set(step, circle)
  }
  // what a component refers to comes before it
  for (const members of components(waits.map((each) => each.map(({ to }) => to)))) {
    const cause = members
      .flatMap((step) => [step, ...(waits[step] ?? []).map(({ to }) => to)])
      .map((step) => found.get(step))
      .find((circle) => circle !== undefined)
    if (cause) for (const step of members) if (!found.has(step)) found.set(step, cause)
  }
  return found
}

function breakCircles(waits: Waits): { completed: Set<number>; atLeast: number; exact: boolean } {
  const completed = new Set<number>()
  let atLeast = 0
  let exact = true
  for (const members of components(waits.map((each) => each.map(({ to }) => to)))) {
    const edges = edgesAmong(members, waits)
    if (edges.length === 0) continue
    const result = feedback(members.length, edges)
    if ('hardCycle' in result) throw new Error('a circle of required references was left')
    for (const index of result.vertices) completed.add(members[index] as number)
    atLeast += result.lowerBound
    exact &&= result.exact
  }
  return { completed, atLeast, exact }
}

function edgesAmong(members: readonly number[], waits: Waits): Edge[] {
  const place = new Map(members.map((step, index) => [step, index]))
  return members.flatMap((step, from) =>
    (waits[step] ?? []).flatMap(({ to, required }) => {
      const at = place.get(to)
      return at === undefined ? [] : [{ from, to: at, required }]
    }),
  )
}

function tasksOf(
  steps: readonly Step[],
  waits: Waits,
  completed: ReadonlySet<number>,
  impossible: ReadonlyMap<number, unknown>,
): OrderedTask[] {
  const acting = [...steps.keys()].filter((step) => steps[step]?.action !== 'none' && !impossible.has(step))
  const first = new Map(acting.map((step, index) => [step, index]))
  const tasks = acting.map((step): OrderedTask => {
    const refersTo = [...new Set(waits[step]?.map(({ to }) => to))]
    const needs = new Set(waits[step]?.filter(({ required }) => required).map(({ to }) => to))
    const omits = completed.has(step) ? refersTo.filter((to) => !needs.has(to)) : []
    const after = refersTo.filter((to) => !omits.includes(to)).map((to) => first.get(to) as number)
    return { step, kind: steps[step]?.action as 'create' | 'patch', omits, after }
  })
  for (const step of completed) {
    const own = first.get(step) as number
    const omitted = (tasks[own] as OrderedTask).omits.map((to) => first.get(to) as number)
    tasks.push({ step, kind: 'complete', omits: [], after: [...new Set([own, ...omitted])] })
  }
  return tasks
}

function levelsOf(tasks: readonly OrderedTask[]): number[] {
  const levels = tasks.map(() => 0)
  for (const index of topological(tasks))
    for (const before of (tasks[index] as OrderedTask).after)
      levels[index] = Math.max(levels[index] as number, (levels[before] as number) + 1)
  return levels
}
