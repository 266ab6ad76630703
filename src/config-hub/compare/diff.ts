import { pointerTo, same } from '../../config-store/rules.ts'
import { align } from './lists.ts'

/**
 * One place where two documents differ, as what would become of the current one to be as the source: `added` is what
 * only the source has. Pointers are into the current document. What is added to a list has the place that it has at the
 * source, and `moved` elements go there, to the index `to`; all other elements follow in their order.
 */
export type Change = {
  pointer: string
  change: 'added' | 'removed' | 'changed' | 'moved'
  current?: unknown
  source?: unknown
  to?: number
}

/** Nothing there: neither null nor a value. */
export const ABSENT = Symbol('absent')

type Members = Record<string, unknown>

export const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const member = (value: Members, name: string): unknown =>
  Object.hasOwn(value, name) ? value[name] : ABSENT

/** Names that any of these objects has, in the order of the first that has each. */
export const namesIn = (...objects: readonly Members[]): string[] => [
  ...new Set(objects.flatMap((each) => Object.keys(each))),
]

/** Where two values differ, each deepest place once; none where they are equal. The order of members is nothing. */
export function diff(current: unknown, source: unknown, at = ''): Change[] {
  if (same(current, source)) return []
  if (isObject(current) && isObject(source))
    return namesIn(current, source).flatMap((name) =>
      diff(member(current, name), member(source, name), pointerTo(at, name)),
    )
  if (Array.isArray(current) && Array.isArray(source)) return listDiff(current, source, at)
  return [changeOf(current, source, at)]
}

/** The change of a place as a whole. */
export function changeOf(current: unknown, source: unknown, pointer: string): Change {
  if (current === ABSENT) return { pointer, change: 'added', source }
  return source === ABSENT
    ? { pointer, change: 'removed', current }
    : { pointer, change: 'changed', current, source }
}

function listDiff(current: readonly unknown[], source: readonly unknown[], at: string): Change[] {
  const { pairs, moved, removed, added } = align(current, source)
  return [
    ...pairs.flatMap(([i, j]) => diff(current[i], source[j], `${at}/${i}`)),
    ...moved.map(([i, j]) => movedTo(`${at}/${i}`, j)),
    ...removed.map((i) => changeOf(current[i], ABSENT, `${at}/${i}`)),
    ...added.map((j) => changeOf(ABSENT, source[j], `${at}/${j}`)),
  ]
}

export const movedTo = (pointer: string, to: number): Change => ({ pointer, change: 'moved', to })
