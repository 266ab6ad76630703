/**
 * Strongly connected components (Tarjan 1972), without recursion, so that a chain of any length fits. `out` lists what
 * each vertex refers to. A component comes after those it refers to.
 */
export function components(out: readonly (readonly number[])[]): number[][] {
  const order = new Int32Array(out.length).fill(-1)
  const low = new Int32Array(out.length)
  const onStack = new Uint8Array(out.length)
  const stack: number[] = []
  const found: number[][] = []
  let next = 0
  const enter = (vertex: number) => {
    order[vertex] = next
    low[vertex] = next++
    stack.push(vertex)
    onStack[vertex] = 1
    return { vertex, at: 0 }
  }
  for (let root = 0; root < out.length; root++) {
    if (order[root] !== -1) continue
    const path = [enter(root)]
    for (let here = path.at(-1); here; here = path.at(-1)) {
      const to = out[here.vertex]?.[here.at++]
      if (to !== undefined) {
        if (order[to] === -1) path.push(enter(to))
        else if (onStack[to]) low[here.vertex] = Math.min(low[here.vertex] as number, order[to] as number)
        continue
      }
      path.pop()
      const above = path.at(-1)
      if (above) low[above.vertex] = Math.min(low[above.vertex] as number, low[here.vertex] as number)
      if (low[here.vertex] !== order[here.vertex]) continue
      const members = stack.splice(stack.lastIndexOf(here.vertex))
      for (const member of members) onStack[member] = 0
      found.push(members)
    }
  }
  return found
}
