import { setImmediate as othersFirst } from 'node:timers/promises'

/** Who refers to whom, by number: the targets of n are `targets` from `heads[n]` up to `heads[n + 1]`. */
export type Adjacency = { heads: Int32Array; targets: Int32Array }

/** Numbers that grow in number without a copy for each. */
export type Growing = { values: Int32Array; length: number }

export const growing = (): Growing => ({ values: new Int32Array(1024), length: 0 })

export function push(list: Growing, value: number): void {
  if (list.length === list.values.length) {
    const larger = new Int32Array(list.length * 2)
    larger.set(list.values)
    list.values = larger
  }
  list.values[list.length++] = value
}

/** The edges `from[i]` to `to[i]`, sorted by where they come from. */
export function adjacencyOf(nodes: number, from: Growing, to: Growing): Adjacency {
  const heads = new Int32Array(nodes + 1)
  const add = (numbers: Int32Array, at: number, more: number): number => {
    const sum = (numbers[at] as number) + more
    numbers[at] = sum
    return sum
  }
  for (let edge = 0; edge < from.length; edge++) add(heads, (from.values[edge] as number) + 1, 1)
  for (let node = 0; node < nodes; node++) add(heads, node + 1, heads[node] as number)
  const next = heads.slice(0, nodes)
  const targets = new Int32Array(from.length)
  for (let edge = 0; edge < from.length; edge++)
    targets[add(next, from.values[edge] as number, 1) - 1] = to.values[edge] as number
  return { heads, targets }
}

/** About 2 ms of work; then whoever else waits for this process may go on. */
const STEPS_AT_ONCE = 100_000

/**
 * Strongly connected components (Tarjan 1972), without recursion, so that a chain of any length fits. A component comes
 * after those it refers to. Undefined is a good moment to let others go first.
 */
function* walk({ heads, targets }: Adjacency): Generator<number[] | undefined> {
  const nodes = heads.length - 1
  const order = new Int32Array(nodes)
  const low = new Int32Array(nodes)
  const next = heads.slice(0, nodes)
  const isOpen = new Uint8Array(nodes)
  const open: number[] = []
  const path: number[] = []
  let visited = 0
  let steps = 0
  const enter = (node: number) => {
    visited += 1
    order[node] = visited
    low[node] = visited
    isOpen[node] = 1
    open.push(node)
    path.push(node)
  }
  const lower = (node: number, to: number) => {
    low[node] = Math.min(low[node] as number, to)
  }
  for (let root = 0; root < nodes; root++) {
    if (order[root] === 0) enter(root)
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      if (++steps % STEPS_AT_ONCE === 0) yield undefined
      const at = next[node] as number
      if (at < (heads[node + 1] as number)) {
        next[node] = at + 1
        const target = targets[at] as number
        if (order[target] === 0) enter(target)
        else if (isOpen[target]) lower(node, order[target] as number)
        continue
      }
      path.pop()
      const parent = path.at(-1)
      if (parent !== undefined) lower(parent, low[node] as number)
      if (low[node] !== order[node]) continue
      const members = open.splice(open.lastIndexOf(node))
      for (const member of members) isOpen[member] = 0
      yield members
    }
  }
}

/** All components of a small graph; `out` lists what each vertex refers to. A component comes after those it refers to. */
export function components(out: readonly (readonly number[])[]): number[][] {
  const heads = new Int32Array(out.length + 1)
  for (const [node, each] of out.entries()) heads[node + 1] = (heads[node] as number) + each.length
  const found = walk({ heads, targets: Int32Array.from(out.flat()) })
  return [...found].filter((members) => members !== undefined)
}

/** The components that have a cycle: their members in ascending order; one alone only when it refers to itself. */
export async function cyclicComponents(graph: Adjacency): Promise<number[][]> {
  const { heads, targets } = graph
  const refersToItself = (node: number): boolean =>
    targets.subarray(heads[node], heads[node + 1]).includes(node)
  const found: number[][] = []
  for (const members of walk(graph))
    if (!members) await othersFirst()
    else if (members.length > 1 || refersToItself(members[0] as number))
      found.push(members.sort((a, b) => a - b))
  return found
}

/**
 * A shortest way from the first member of a component back to itself: each refers to the next, the last to the first. By
 * way of others, if there are any.
 */
export function shortestCycle({ heads, targets }: Adjacency, members: readonly number[]): number[] {
  const [start] = members as [number]
  const inside = new Set(members)
  const before = new Map<number, number>()
  let level = [start]
  while (level.length > 0) {
    const further: number[] = []
    for (const node of level)
      for (let at = heads[node] as number; at < (heads[node + 1] as number); at++) {
        const target = targets[at] as number
        if (target === start && (node !== start || members.length === 1)) return wayTo(node, before)
        if (target === start || !inside.has(target) || before.has(target)) continue
        before.set(target, node)
        further.push(target)
      }
    level = further
  }
  return []
}

function wayTo(end: number, before: ReadonlyMap<number, number>): number[] {
  const way = [end]
  for (let node = before.get(end); node !== undefined; node = before.get(node)) way.push(node)
  return way.reverse()
}
