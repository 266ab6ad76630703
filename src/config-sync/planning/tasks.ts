import { components } from '../../config-hub/graph/components.ts'
import { order } from './order.ts'
import type { Action, PlanTask, SyncPlan } from './plan.ts'

/**
 * Why a row waits for another one. `hard`: the other cannot be named before it is there, because the target makes its id
 * or refuses names of what it does not have; without, it is better if the other comes first, and costs nothing if it
 * does not.
 */
export type Wait = { to: number; required: boolean; hard: boolean }

/** One row of a plan as ordering sees it: what it waits for, of the rows that are created. */
export type Waiting = { key: string; action: Action; waits: readonly Wait[] }

type Ordered = Pick<SyncPlan, 'tasks' | 'cycles'> & { impossible: ReadonlyMap<number, readonly string[]> }

const isActing = ({ action }: Waiting): boolean => action === 'create' || action === 'patch'
const NO_CYCLES = { completed: 0, atLeast: 0, exact: true }

/**
 * The requests of creates and changes. Circles cost a later patch only where waits are hard; where ids are known
 * beforehand and not checked, what is in a circle is written in some order.
 */
export function writeTasks(rows: readonly Waiting[]): Ordered {
  if (!rows.some(isActing)) return { tasks: [], cycles: NO_CYCLES, impossible: new Map() }
  const waits = withoutSoftCircles(rows)
  const steps = rows.map(({ key, action }, row) => ({
    key,
    action: action === 'create' || action === 'patch' ? action : ('none' as const),
    references: waits[row] as Wait[],
  }))
  const { tasks, levels, impossible, cycles } = order(steps)
  const planned = tasks.map(
    ({ step, kind, after, omits }, index): PlanTask => ({
      ...{ row: step, kind, after: sorted(after), omits: sorted(omits) },
      level: levels[index] as number,
    }),
  )
  return { tasks: planned, cycles, impossible }
}

const sorted = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b)

/** In a circle of all waits only hard ones are kept, and of the others those that go back in an order of the hard ones. */
function withoutSoftCircles(rows: readonly Waiting[]): Wait[][] {
  const created = (to: number) => rows[to]?.action === 'create'
  const waits = rows.map(({ action, waits }) =>
    action === 'create' || action === 'patch' ? merged(waits.filter(({ to }) => created(to))) : [],
  )
  const kept = waits.map((each) => [...each])
  for (const members of components(waits.map((each) => each.map(({ to }) => to)))) {
    const inside = new Map(members.sort((a, b) => a - b).map((row, place) => [row, place]))
    const isCircle = members.some((row) => waits[row]?.some(({ to }) => inside.has(to)))
    if (!isCircle) continue
    // required ones first: where only optional ones are in the way, they are kept
    const firm = members.map((row) =>
      (waits[row] as Wait[]).flatMap(({ to, hard, required }) =>
        hard || required ? (inside.get(to) ?? []) : [],
      ),
    )
    const position = new Map<number, number>()
    for (const [place, group] of components(firm).entries())
      for (const member of group) position.set(members[member] as number, place)
    for (const row of members)
      kept[row] = (waits[row] as Wait[]).filter(
        ({ to, hard }) => hard || !inside.has(to) || (position.get(to) ?? 0) < (position.get(row) ?? 0),
      )
  }
  return kept
}

/** One wait for each row. */
function merged(waits: readonly Wait[]): Wait[] {
  const found = new Map<number, Wait>()
  for (const wait of waits) {
    const known = found.get(wait.to)
    found.set(wait.to, {
      to: wait.to,
      required: wait.required || known?.required === true,
      hard: wait.hard || known?.hard === true,
    })
  }
  return [...found.values()].sort((a, b) => a.to - b.to)
}

/** A row that may also be deleted: `after` are rows that refer to it, which are to be changed or gone before. */
export type Ending = Waiting & { after: readonly number[] }

/**
 * Creates and changes as above, and deletions after whatever refers to what they delete. Rows in a circle of deletions
 * go in the order of the plan.
 */
export function allTasks(rows: readonly Ending[]): Ordered {
  const written = writeTasks(rows)
  const tasks = [...written.tasks]
  const isDelete = (row: number) => rows[row]?.action === 'delete'
  const last = new Map(tasks.map(({ row }, task) => [row, task]))
  const after = rows.map(({ after }, row) => (isDelete(row) ? after.filter((other) => other !== row) : []))
  for (const members of components(after.map((each) => each.filter(isDelete)))) {
    const inside = new Set(members)
    for (const row of members.sort((a, b) => a - b)) {
      if (!isDelete(row)) continue
      const others = (after[row] as number[]).filter((other) => !inside.has(other) || !isDelete(other))
      const before = sorted(new Set(others.flatMap((other) => last.get(other) ?? [])))
      const level = before.reduce((most, task) => Math.max(most, (tasks[task] as PlanTask).level + 1), 0)
      last.set(row, tasks.length)
      tasks.push({ row, kind: 'delete', after: before, omits: [], level })
    }
  }
  return { ...written, tasks }
}
