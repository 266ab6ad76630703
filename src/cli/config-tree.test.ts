import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Closure, treeLines } from './config-tree.ts'

const key = (id: string) => ({ type: 't', id })

/** The closure of the first of some edges, as the server answers it: nodes nearest first, edges between them. */
function closure(edges: [string, string][], direction: Closure['direction'] = 'dependencies'): Closure {
  const root = edges[0]![0]
  const distance = new Map([[root, 0]])
  for (const [node, at] of distance)
    for (const [from, to] of edges) if (from === node && !distance.has(to)) distance.set(to, at + 1)
  const shown = edges.filter(([from]) => distance.has(from))
  return {
    root: key(root),
    direction,
    truncated: false,
    deeper: false,
    nodes: [...distance].map(([id, at]) => ({ ...key(id), title: `Title ${id}`, distance: at })),
    edges: shown.map(([a, b]) => {
      const [from, to] = direction === 'dependencies' ? [a, b] : [b, a]
      return { from: key(from), to: key(to), required: b === 'e' }
    }),
  }
}

const EDGES: [string, string][] = [
  ['a', 'b'],
  ['a', 'c'],
  ['b', 'd'],
  ['c', 'd'],
  ['c', 'e'],
  ['d', 'a'],
]

test.each(['dependencies', 'used_by'] as const)('[CS-24] %s are a tree that opens each once', (direction) => {
  expect(treeLines(closure(EDGES, direction))).toEqual([
    't/a  Title a',
    '├─ t/b  Title b',
    '│  └─ t/d  Title d',
    '│     └─ t/a  Title a ↑',
    '└─ t/c  Title c',
    '   ├─ t/d  Title d ↑',
    '   └─ t/e  Title e (required)',
  ])
})

test('[CS-24] a reference of several kinds is one line', () => {
  const twice = closure([['a', 'b']])
  twice.edges.push({ ...twice.edges[0]!, required: true })
  expect(treeLines(twice)).toEqual(['t/a  Title a', '└─ t/b  Title b (required)'])
})

test('[CS-24] whatever refers to what, the tree ends and opens each configuration once', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'f', 'g', 'h')
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(name, name), { minLength: 1, selector: String }), (pairs) => {
      const edges = pairs.filter(([from, to]) => from !== to)
      if (edges.length === 0) return
      const whole = closure(edges as [string, string][])
      const lines = treeLines(whole)
      expect(lines).toHaveLength(whole.edges.length + 1)
      expect(lines.filter((line) => !line.endsWith('↑'))).toHaveLength(whole.nodes.length)
    }),
  )
})
