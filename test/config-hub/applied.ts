import type { Change } from '../../src/config-hub/compare/diff.ts'

type Step = Change & { path: string[] }

const namesOf = (pointer: string): string[] =>
  pointer === ''
    ? []
    : pointer
        .slice(1)
        .split('/')
        .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))

/**
 * What a document becomes by changes, in the plainest way: deeper places first, by the indices that lists had, then
 * members and elements of the place itself. What is moved and added goes where its index says, the rest follows.
 */
export const applied = (document: unknown, changes: readonly Change[]): unknown =>
  apply(
    document,
    changes.map((change) => ({ ...change, path: namesOf(change.pointer) })),
  )

function apply(value: any, steps: readonly Step[]): unknown {
  const whole = steps.find(({ path }) => path.length === 0)
  if (whole) return whole.source
  const isDirect = ({ change, path }: Step) => path.length === 1 && change !== 'changed'
  const deeper = Map.groupBy(
    steps.filter((step) => !isDirect(step)),
    ({ path }) => path[0] as string,
  )
  const inner = (name: string, child: unknown) =>
    apply(
      child,
      (deeper.get(name) ?? []).map((step) => ({ ...step, path: step.path.slice(1) })),
    )
  const direct = steps.filter(isDirect)
  if (Array.isArray(value))
    return applyToList(
      value.map((each, i) => inner(String(i), each)),
      direct,
    )
  if (typeof value !== 'object' || value === null) return value
  const result = Object.fromEntries(Object.entries(value).map(([name, child]) => [name, inner(name, child)]))
  for (const { change, path, source } of direct)
    if (change === 'removed') delete result[path[0] as string]
    else result[path[0] as string] = source
  return result
}

function applyToList(list: unknown[], steps: readonly Step[]): unknown[] {
  const gone = new Set<number>()
  const placed = new Map<number, unknown>()
  for (const { change, path, source, to } of steps) {
    const index = Number(path[0])
    if (change === 'added') placed.set(index, source)
    else gone.add(index)
    if (change === 'moved') placed.set(to as number, list[index])
  }
  const rest = list.filter((_, index) => !gone.has(index))
  return Array.from({ length: rest.length + placed.size }, (_, index) =>
    placed.has(index) ? placed.get(index) : rest.shift(),
  )
}
