import type { Queryable } from '../../db/pool.ts'
import type { NodeKey } from '../index/entry.ts'
import { type Edge, edgesFrom, edgesTo } from './store.ts'

export type Direction = 'dependencies' | 'used_by'

export type ClosureRequest = {
  direction: Direction
  /** Most steps from the root. */
  depth: number
  /** Most configurations, the root among them. */
  limit: number
  /** Types that are shown; others are not passed through. */
  types: readonly string[]
  /** Only for used_by: a reference is required if nothing else answers to its name. */
  sole?: boolean
}

export type Closure = {
  /** With their steps from the root, nearest first, then by type and id; the root is the first. */
  nodes: (NodeKey & { distance: number })[]
  /** Between these nodes. */
  edges: Edge[]
  /** There is more than the limits of nodes and edges let through. */
  truncated: boolean
  /** There is more beyond the depth. */
  deeper: boolean
}

/** Of one answer: at 150 bytes each 3 MB. */
export const MOST_EDGES = 20_000

export const keyText = ({ type, id }: NodeKey): string => `${type}/${id}`
export const fromOf = ({ fromType, fromId }: Edge): NodeKey => ({ type: fromType, id: fromId })
export const toOf = ({ toType, toId }: Edge): NodeKey => ({ type: toType, id: toId })

/**
 * Everything that is reached from a configuration along references, or against them, with the references between. One
 * statement for each level: a recursive query cannot know what it has seen on another way, and goes round cycles and
 * through diamonds again at each depth.
 */
export async function closureOf(
  db: Queryable,
  org: string,
  root: NodeKey,
  { direction, depth, limit, types, sole }: ClosureRequest,
): Promise<Closure> {
  const far = direction === 'used_by' ? fromOf : toOf
  const edgesOf = (keys: readonly NodeKey[], most: number) =>
    direction === 'used_by'
      ? edgesTo(db, org, keys, { types, most, ...(sole ? { sole } : {}) })
      : edgesFrom(db, org, keys, { types, most })
  const nodes = [{ ...root, distance: 0 }]
  const known = new Set([keyText(root)])
  const edges: Edge[] = []
  let [truncated, deeper] = [false, false]
  let frontier: NodeKey[] = [root]
  for (let distance = 1; frontier.length > 0; distance++) {
    const most = MOST_EDGES - edges.length
    const found = await edgesOf(frontier, most + 1)
    frontier = []
    if (found.length > most) truncated = true
    for (const edge of found.slice(0, most)) {
      const key = far(edge)
      if (!known.has(keyText(key))) {
        if (distance > depth) deeper = true
        else if (nodes.length >= limit) truncated = true
        else {
          known.add(keyText(key))
          nodes.push({ ...key, distance })
          frontier.push(key)
        }
      }
      if (known.has(keyText(key))) edges.push(edge)
    }
  }
  return { nodes, edges, truncated, deeper }
}
