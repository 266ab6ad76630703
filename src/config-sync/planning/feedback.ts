/** One configuration refers to another. A required reference cannot be left out when the referring one is created. */
export type Edge = { from: number; to: number; required: boolean }

/**
 * Which configurations must be created without their optional references, to be patched afterwards. `exact`: there is
 * no smaller set; otherwise at least `lowerBound` are needed. Or a cycle of required references, which nothing breaks.
 */
export type Feedback = { vertices: number[]; exact: boolean; lowerBound: number } | { hardCycle: number[] }

type Out = { to: number; required: boolean }[]
/** `visits` counts the references that were looked at, which is what searching costs. */
type Graph = { out: readonly Out[]; visits: number }

/** References that the exact search may look at, about a second on one core; most components take a few thousand. */
const BUDGET = 20_000_000

/**
 * A minimum feedback vertex set: leaving out the optional references of its members makes creation possible in some
 * order. Every member costs one more request, so the smallest set is the fewest requests. Vertices are 0 to size - 1.
 */
export function feedback(size: number, edges: readonly Edge[], budget = BUDGET): Feedback {
  const out: Out[] = Array.from({ length: size }, () => [])
  for (const { from, to, required } of edges) out[from]?.push({ to, required })
  const hardCycle = shortestCycle({ out: out.map((each) => each.filter((edge) => edge.required)), visits: 0 })
  if (hardCycle) return { hardCycle }
  const graph = { out, visits: 0 }
  const lowerBound = packing(graph, new Set())
  const search = { best: minimal(graph, greedy(graph)), until: graph.visits + budget, cut: false }
  if (search.best.size > lowerBound) branch(graph, new Set(), new Set(), search)
  const exact = !search.cut || search.best.size === lowerBound
  const vertices = [...search.best].sort((a, b) => a - b)
  return { vertices, exact, lowerBound: exact ? vertices.length : lowerBound }
}

/** The references that remain when the members of `chosen` leave theirs out. */
const kept = (graph: Graph, chosen: ReadonlySet<number>, from: number): Out => {
  const out = graph.out[from] as Out
  return chosen.has(from) ? out.filter((edge) => edge.required) : out
}

/** Members of a cycle that can break it: those whose next reference along it is optional. */
function breakers(graph: Graph, cycle: readonly number[]): number[] {
  return cycle.filter((from, index) => {
    const to = cycle[(index + 1) % cycle.length]
    const along = (graph.out[from] as Out).filter((edge) => edge.to === to)
    return along.length > 0 && along.every((edge) => !edge.required)
  })
}

/** A cycle of the fewest members, each followed by what it refers to; undefined when there is none. */
function shortestCycle(graph: Graph, chosen: ReadonlySet<number> = new Set()): number[] | undefined {
  let best: number[] | undefined
  for (const start of cyclic(graph, chosen)) {
    const found = cycleThrough(graph, chosen, start, best ? best.length - 1 : Number.POSITIVE_INFINITY)
    if (found) best = found
    if (best?.length === 1) return best
  }
  return best
}

/** Breadth first from `start` back to it, over at most `limit` references. */
function cycleThrough(
  graph: Graph,
  chosen: ReadonlySet<number>,
  start: number,
  limit: number,
): number[] | undefined {
  const cameFrom = new Map<number, number>()
  let level = [start]
  for (let length = 1; level.length > 0 && length <= limit; length++) {
    const next: number[] = []
    for (const from of level)
      for (const { to } of kept(graph, chosen, from)) {
        graph.visits++
        if (to === start) return pathTo(cameFrom, start, from)
        if (cameFrom.has(to)) continue
        cameFrom.set(to, from)
        next.push(to)
      }
    level = next
  }
  return undefined
}

function pathTo(cameFrom: ReadonlyMap<number, number>, start: number, end: number): number[] {
  const path = [end]
  for (let at = end; at !== start; path.push(at)) at = cameFrom.get(at) as number
  return path.reverse()
}

/** Vertices that may lie on a cycle: what is left after peeling off, over and over, what has no way in or out. */
function cyclic(graph: Graph, chosen: ReadonlySet<number>): number[] {
  const out = graph.out.map((_, from) => kept(graph, chosen, from).map((edge) => edge.to))
  const into: number[][] = graph.out.map(() => [])
  out.forEach((targets, from) => {
    graph.visits += targets.length
    for (const to of targets) (into[to] as number[]).push(from)
  })
  const alive = new Set(graph.out.keys())
  for (const [ways, back] of [
    [out, into],
    [into, out],
  ] as const) {
    const left = ways.map((each) => each.filter((other) => alive.has(other)).length)
    const ends = [...alive].filter((vertex) => left[vertex] === 0)
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
      alive.delete(end)
      for (const other of back[end] as number[])
        if (alive.has(other) && --(left[other] as number) === 0) ends.push(other)
    }
  }
  return [...alive]
}

/** Lengths of cycles that are looked for one after another, before those of any length. */
const LENGTHS = [1, 2, 3, 4, 5, 6, 7, 8, Number.POSITIVE_INFINITY]

/** How many cycles there are at least that no vertex breaks two of, short ones first: as many vertices are needed. */
function packing(graph: Graph, chosen: ReadonlySet<number>): number {
  const used = new Set(chosen)
  let count = 0
  for (const length of LENGTHS) {
    const starts = cyclic(graph, used)
    if (starts.length === 0) return count
    for (const start of starts) {
      // what is used breaks no other, and without an optional reference there is no cycle
      const cycle = used.has(start) ? undefined : cycleThrough(graph, used, start, length)
      if (!cycle) continue
      count++
      for (const vertex of breakers(graph, cycle)) used.add(vertex)
    }
  }
  return count
}

/** Of how many vertices on cycles one is taken at a time: all at once would be far too many, single ones take too long. */
const SHARE = 200

/** Takes whatever lies most in the way until no cycle is left. */
function greedy(graph: Graph): Set<number> {
  const chosen = new Set<number>()
  for (let left = cyclic(graph, chosen); left.length > 0; left = cyclic(graph, chosen)) {
    const on = new Set(left)
    const waysIn = new Map<number, number>()
    for (const from of on)
      for (const { to } of kept(graph, chosen, from)) waysIn.set(to, (waysIn.get(to) ?? 0) + 1)
    const weightOf = (vertex: number) =>
      kept(graph, chosen, vertex).filter((edge) => !edge.required && on.has(edge.to)).length *
      (waysIn.get(vertex) ?? 0)
    const heaviest = left
      .map((vertex) => ({ vertex, weight: weightOf(vertex) }))
      .filter(({ weight }) => weight > 0)
      .sort((a, b) => b.weight - a.weight)
      .slice(0, Math.max(1, Math.floor(left.length / SHARE)))
    for (const { vertex } of heaviest) chosen.add(vertex)
    if (heaviest.length > 0) continue
    // what is left lies between cycles and on none
    const cycle = shortestCycle(graph, chosen)
    if (!cycle) return chosen
    for (const vertex of breakers(graph, cycle)) chosen.add(vertex)
  }
  return chosen
}

/** Without the members that are not needed after all: whose references, put back, close no cycle. */
function minimal(graph: Graph, chosen: ReadonlySet<number>): Set<number> {
  const needed = new Set(chosen)
  // what was taken last lay least in the way
  for (const vertex of [...chosen].reverse()) {
    needed.delete(vertex)
    if (cycleThrough(graph, needed, vertex, Number.POSITIVE_INFINITY)) needed.add(vertex)
  }
  return needed
}

type Search = { best: ReadonlySet<number>; until: number; cut: boolean }

/** Some vertex of each cycle must be chosen: tries those of a shortest one, each without the ones tried before it. */
function branch(graph: Graph, chosen: Set<number>, refused: ReadonlySet<number>, search: Search): void {
  if (graph.visits >= search.until) {
    search.cut = true
    return
  }
  const cycle = shortestCycle(graph, chosen)
  if (!cycle) {
    if (chosen.size < search.best.size) search.best = new Set(chosen)
    return
  }
  if (chosen.size + packing(graph, chosen) >= search.best.size) return
  const without = new Set(refused)
  for (const vertex of breakers(graph, cycle)) {
    if (without.has(vertex)) continue
    chosen.add(vertex)
    branch(graph, chosen, without, search)
    chosen.delete(vertex)
    without.add(vertex)
  }
}
