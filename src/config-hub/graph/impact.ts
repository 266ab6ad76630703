import type { NodeKey } from '../index/entry.ts'
import { fromOf, keyText, toOf } from './closure.ts'
import type { Edge } from './store.ts'

/** What happens to a configuration when another goes, and by which references: the first is its own, the last to that other. */
export type Impact = NodeKey & { breaks: boolean; path: Edge[] }

/**
 * What breaks when the root goes: whatever requires it, or requires something that breaks. Whatever else refers to it,
 * to something that breaks or to something affected is affected. Each once, by a shortest path: nearest first.
 */
export function impactOf(root: NodeKey, edges: readonly Edge[]): Impact[] {
  const referring = Map.groupBy(edges, (edge) => keyText(toOf(edge)))
  const reached = new Map<string, Impact>()
  const start: Impact = { ...root, breaks: true, path: [] }
  const spread = (from: readonly Impact[], along: (edge: Edge) => boolean, breaks: boolean): Impact[] =>
    from.flatMap(({ path, ...to }) =>
      (referring.get(keyText(to)) ?? []).filter(along).flatMap((edge) => {
        const key = fromOf(edge)
        if (keyText(key) === keyText(root) || reached.has(keyText(key))) return []
        const impact = { ...key, breaks, path: [edge, ...path] }
        reached.set(keyText(key), impact)
        return [impact]
      }),
    )
  for (let level = [start]; level.length > 0; ) level = spread(level, ({ required }) => required, true)
  const broken = Map.groupBy([start, ...reached.values()], ({ path }) => path.length)
  const farthest = Math.max(...broken.keys())
  let level: Impact[] = []
  for (let length = 0; length <= farthest || level.length > 0; length++)
    level = spread([...(broken.get(length) ?? []), ...level], () => true, false)
  return [...reached.values()].sort((a, b) => a.path.length - b.path.length)
}
