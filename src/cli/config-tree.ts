type Key = { type: string; id: string }

/** What config-hub.graph.closure answers. An edge's `from` refers to its `to`. */
export type Closure = {
  root: Key
  direction: 'dependencies' | 'used_by'
  truncated: boolean
  deeper: boolean
  nodes: (Key & { title: string; distance: number })[]
  edges: { from: Key; to: Key; required: boolean }[]
}

type Child = { key: string; required: boolean }

const keyOf = ({ type, id }: Key): string => `${type}/${id}`

/**
 * A closure as the lines of a tree. What several lead to is opened below the first of them that is nearest to the root
 * and only named, with an arrow, below the others; so circles end too.
 */
export function treeLines({ root, direction, nodes, edges }: Closure): string[] {
  const known = new Map(nodes.map((node) => [keyOf(node), node]))
  const children = new Map<string, Child[]>()
  for (const { from, to, required } of edges) {
    const [near, far] = direction === 'dependencies' ? [keyOf(from), keyOf(to)] : [keyOf(to), keyOf(from)]
    const list = children.get(near) ?? []
    const there = list.find(({ key }) => key === far)
    // one that is referred to in several ways is one line
    if (there) there.required ||= required
    else if (known.has(far)) list.push({ key: far, required })
    children.set(near, list)
  }
  const distance = (key: string): number => known.get(key)?.distance ?? 0
  /** Below whom each is opened: nodes come nearest first. */
  const opener = new Map<string, string>()
  for (const near of known.keys())
    for (const { key } of children.get(near) ?? [])
      if (!opener.has(key) && distance(key) === distance(near) + 1) opener.set(key, near)
  const titled = (key: string): string => {
    const title = known.get(key)?.title
    return title && title !== known.get(key)?.id ? `${key}  ${title}` : key
  }
  const below = (near: string, indent: string): string[] =>
    (children.get(near) ?? []).flatMap(({ key, required }, index, all) => {
      const last = index === all.length - 1
      const opens = opener.get(key) === near
      const line = `${indent}${last ? '└─ ' : '├─ '}${titled(key)}${required ? ' (required)' : ''}${opens ? '' : ' ↑'}`
      return opens ? [line, ...below(key, `${indent}${last ? '   ' : '│  '}`)] : [line]
    })
  return [titled(keyOf(root)), ...below(keyOf(root), '')]
}
