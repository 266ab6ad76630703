import type { Transaction } from '../../db/pool.ts'
import type { NodeKey } from '../index/entry.ts'
import { fromOf, toOf } from './closure.ts'
import { type Adjacency, adjacencyOf, cyclicComponents, growing, push, shortestCycle } from './components.ts'
import {
  countNumbered,
  type Edge,
  edgesBetween,
  edgesOfAll,
  keysOfNumbers,
  type NumberedKey,
  oneState,
} from './store.ts'

/** Of one component in an answer; its size says how many there are. */
export const MOST_MEMBERS = 200
/** Edges in memory at once besides eight bytes of each. */
const BATCH = 10_000

export type Component = {
  size: number
  /** By type and id, the first MOST_MEMBERS. */
  members: NumberedKey[]
  /** A shortest cycle through the first member: each refers to the next in this way, the last to the first. */
  cycle: Hop[]
}
type Hop = NodeKey & Pick<Edge, 'kind' | 'required'>

export type CyclesRequest = {
  types: readonly string[]
  /** Only components with a member of this type. */
  type?: string
  /** The component of the page before that came last: its size and first member. */
  after?: { size: number } & NodeKey
  size: number
}

/**
 * Components of configurations that refer to each other in a circle, or to themselves: largest first, then by their
 * first member. The graph is read as numbers, eight bytes for each reference: a million of them are 8 MB twice.
 */
export async function cyclesOf(
  tx: Transaction,
  org: string,
  { types, type, after, size }: CyclesRequest,
): Promise<{ total: number; components: Component[] }> {
  await oneState(tx)
  const { all, through } = await countNumbered(tx, org, types, after)
  const graph = await graphOf(tx, org, types, all)
  const found = await cyclicComponents(graph)
  const ofType = type === undefined ? () => true : await hasMember(tx, org, types, type)
  const listed = found.filter(ofType).sort(largestFirst)
  const rest = listed.filter((members) => !after || comesAfter(members, after.size, through))
  const page = rest.slice(0, size).map((members) => ({ members, cycle: shortestCycle(graph, members) }))
  const shown = page.flatMap(({ members, cycle }) => [...members.slice(0, MOST_MEMBERS), ...cycle])
  const keys = new Map((await keysOfNumbers(tx, org, types, shown)).map((key) => [key.number, key]))
  const named = (numbers: readonly number[]) => numbers.flatMap((number) => keys.get(number) ?? [])
  const cycles = await withReferences(
    tx,
    org,
    page.map(({ cycle }) => named(cycle)),
  )
  const components = page.map(({ members }, index) => ({
    size: members.length,
    members: named(members.slice(0, MOST_MEMBERS)),
    cycle: cycles[index] ?? [],
  }))
  return { total: listed.length, components }
}

async function graphOf(
  tx: Transaction,
  org: string,
  types: readonly string[],
  nodes: number,
): Promise<Adjacency> {
  const [from, to] = [growing(), growing()]
  for await (const batch of edgesOfAll(tx, org, types, BATCH))
    for (const edge of batch) {
      push(from, edge.from)
      push(to, edge.to)
    }
  return adjacencyOf(nodes, from, to)
}

const largestFirst = (a: readonly number[], b: readonly number[]): number =>
  b.length - a.length || (a[0] as number) - (b[0] as number)

/** `through` numbers are at most the first member of the last component, whether it is still there or not. */
const comesAfter = (members: readonly number[], size: number, through: number): boolean =>
  members.length < size || (members.length === size && (members[0] as number) >= through)

/** Numbers go by type first, so those of one type are a range. */
async function hasMember(
  tx: Transaction,
  org: string,
  types: readonly string[],
  type: string,
): Promise<(members: readonly number[]) => boolean> {
  const before = await countNumbered(tx, org, types, { type, id: '' })
  const { all } = await countNumbered(tx, org, [type])
  const [first, last] = [before.through, before.through + all]
  return (members) => members.some((number) => number >= first && number < last)
}

/** Each with how it refers to the next. */
async function withReferences(
  tx: Transaction,
  org: string,
  cycles: readonly (readonly NodeKey[])[],
): Promise<Hop[][]> {
  const after = (cycle: readonly NodeKey[], index: number) => cycle[(index + 1) % cycle.length] as NodeKey
  const next = cycles.flatMap((cycle) => cycle.map((_, index) => after(cycle, index)))
  const edges = await edgesBetween(tx, org, cycles.flat(), next)
  const hop = (from: NodeKey, to: NodeKey) => JSON.stringify([from.type, from.id, to.type, to.id])
  const known = new Map(edges.map((edge) => [hop(fromOf(edge), toOf(edge)), edge]))
  return cycles.map((cycle) =>
    cycle.flatMap((from, index) => {
      const edge = known.get(hop(from, after(cycle, index)))
      return edge ? [{ type: from.type, id: from.id, kind: edge.kind, required: edge.required }] : []
    }),
  )
}
