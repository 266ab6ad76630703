import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Edge, feedback } from './feedback.ts'

const edge = (from: number, to: number, required = false): Edge => ({ from, to, required })

/** Whether creation is possible in some order when the members of `chosen` leave out their optional references. */
function possible(size: number, edges: readonly Edge[], chosen: ReadonlySet<number>): boolean {
  const left = edges.filter(({ from, required }) => required || !chosen.has(from))
  const done = new Set<number>()
  for (let before = -1; before < done.size; ) {
    before = done.size
    for (let vertex = 0; vertex < size; vertex++)
      if (left.every(({ from, to }) => from !== vertex || done.has(to))) done.add(vertex)
  }
  return done.size === size
}

/** Every subset, smallest first. */
function smallest(size: number, edges: readonly Edge[]): number | undefined {
  const subsets = Array.from({ length: 2 ** size }, (_, bits) =>
    Array.from({ length: size }, (_, vertex) => vertex).filter((vertex) => bits & (1 << vertex)),
  ).sort((a, b) => a.length - b.length)
  return subsets.find((chosen) => possible(size, edges, new Set(chosen)))?.length
}

const graphs = (maxSize: number, maxEdges: number) =>
  fc.integer({ min: 1, max: maxSize }).chain((size) => {
    const vertex = fc.integer({ min: 0, max: size - 1 })
    const required = fc.integer({ min: 0, max: 3 }).map((one) => one === 0)
    return fc.record({
      size: fc.constant(size),
      edges: fc.array(fc.record({ from: vertex, to: vertex, required }), { maxLength: maxEdges }),
    })
  })

describe('the configurations to patch afterwards', () => {
  test('[SP-1] are as few as any search of all subsets finds, and make creation possible', () => {
    fc.assert(
      fc.property(graphs(7, 20), ({ size, edges }) => {
        const result = feedback(size, edges)
        const fewest = smallest(size, edges)
        if ('hardCycle' in result) {
          expect(fewest).toBeUndefined()
          return
        }
        expect(possible(size, edges, new Set(result.vertices))).toBe(true)
        expect(result).toMatchObject({ exact: true, lowerBound: fewest })
        expect(result.vertices).toHaveLength(fewest as number)
      }),
      { numRuns: 400 },
    )
  })

  test('[SP-1] without the time for an exact search still make creation possible, and the bound holds', () => {
    fc.assert(
      fc.property(graphs(7, 24), ({ size, edges }) => {
        const result = feedback(size, edges, 0)
        if ('hardCycle' in result) return
        const fewest = smallest(size, edges) as number
        expect(possible(size, edges, new Set(result.vertices))).toBe(true)
        expect(result.lowerBound).toBeLessThanOrEqual(fewest)
        if (result.exact) expect(result.vertices).toHaveLength(fewest)
      }),
      { numRuns: 400 },
    )
  })

  test('[SP-2] a cycle of required references is named, in order', () => {
    const edges = [edge(0, 1, true), edge(1, 2, true), edge(2, 0, true), edge(2, 3), edge(3, 2)]
    const result = feedback(4, edges)
    if (!('hardCycle' in result)) throw new Error('a hard cycle was not found')
    const { hardCycle } = result
    hardCycle.forEach((from, index) => {
      const to = hardCycle[(index + 1) % hardCycle.length] as number
      expect(edges).toContainEqual(edge(from, to, true))
    })
  })

  test('[SP-1] one member breaks all cycles through a hub', () => {
    const spokes = [1, 2, 3, 4, 5].flatMap((spoke) => [edge(0, spoke), edge(spoke, 0)])
    expect(feedback(6, spokes)).toEqual({ vertices: [0], exact: true, lowerBound: 1 })
  })

  test('[SP-1] a large component is done in the budget and says how good it is', () => {
    const size = 400
    const edges = Array.from({ length: 1200 }, (_, at) => edge(at % size, (at * 7 + 3) % size))
    const result = feedback(size, edges, 20)
    if ('hardCycle' in result) throw new Error('there is none')
    expect(possible(size, edges, new Set(result.vertices))).toBe(true)
    expect(result.lowerBound).toBeGreaterThan(0)
    expect(result.lowerBound).toBeLessThanOrEqual(result.vertices.length)
  })

  test('[SP-1] a component of thousands takes no more than the budget allows', () => {
    const size = 5_000
    // as many references as configurations of an organisation have, without an order in them
    const edges = Array.from({ length: 4 * size }, (_, at) =>
      edge((at * 7_919) % size, (at * at + 17 * at) % size),
    )
    const result = feedback(size, edges, 1_000)
    if ('hardCycle' in result) throw new Error('there is none')
    expect(possibleInOrder(size, edges, new Set(result.vertices))).toBe(true)
    expect(result.lowerBound).toBeGreaterThan(0)
    expect(result.lowerBound).toBeLessThanOrEqual(result.vertices.length)
  }, 20_000)
})

/** As `possible`, by peeling off what waits for nothing. */
function possibleInOrder(size: number, edges: readonly Edge[], chosen: ReadonlySet<number>): boolean {
  const left = edges.filter(({ from, required }) => required || !chosen.has(from))
  const open = Array.from({ length: size }, () => 0)
  for (const { from } of left) open[from]!++
  const into = Map.groupBy(left, ({ to }) => to)
  const ready = open.flatMap((count, vertex) => (count === 0 ? [vertex] : []))
  let done = 0
  for (let vertex = ready.pop(); vertex !== undefined; vertex = ready.pop()) {
    done++
    for (const { from } of into.get(vertex) ?? []) if (--open[from]! === 0) ready.push(from)
  }
  return done === size
}
