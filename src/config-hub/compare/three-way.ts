import { pointerTo, same } from '../../config-store/rules.ts'
import { ABSENT, type Change, changeOf, diff, isObject, member, movedTo, namesIn } from './diff.ts'
import { align, type Identity, identityIn } from './lists.ts'

/**
 * Who changed a place since the base. `target` is the current side, which a sync would write; `conflict`: both changed
 * it, differently; `both_same`: both made the same change, so that they do not differ there; `differs`: no base.
 */
export type State = 'source_changed' | 'target_changed' | 'both_same' | 'conflict' | 'differs'

/** `base` is given where it is neither side's value. */
export type Difference = Change & { base?: unknown; state: State }

/**
 * Where two documents differ, and who changed that since they were `base`. Leave out what is `both_same`, and the rest
 * makes the source of the current document, as `diff` does.
 */
export const threeWay = (base: unknown, current: unknown, source: unknown): Difference[] =>
  base === undefined ? as('differs', diff(current, source)) : walk(base, current, source, '')

const as = (state: State, changes: readonly Change[]): Difference[] =>
  changes.map((change) => ({ ...change, state }))

function walk(base: unknown, current: unknown, source: unknown, at: string): Difference[] {
  if (same(current, source)) return bothSame(base, current, at)
  if (same(base, current)) return as('source_changed', diff(current, source, at))
  if (same(base, source)) return as('target_changed', diff(current, source, at))
  if (isObject(base) && isObject(current) && isObject(source))
    return namesIn(current, source, base).flatMap((name) =>
      walk(member(base, name), member(current, name), member(source, name), pointerTo(at, name)),
    )
  if (Array.isArray(current) && Array.isArray(source)) return listWalk(base, current, source, at)
  return as('conflict', [changeOf(current, source, at)]).map((each) =>
    base === ABSENT ? each : { ...each, base },
  )
}

/** Seen from the current side, whose pointers they have: what became of the base. */
function bothSame(base: unknown, now: unknown, at: string): Difference[] {
  return diff(now, base, at).map(({ pointer, change, current, source: was }): Difference => {
    const place = { pointer, state: 'both_same' as const }
    if (change === 'added') return { ...place, change: 'removed', base: was }
    if (change === 'moved') return { ...place, change }
    const both = { current, source: current }
    return change === 'removed'
      ? { ...place, change: 'added', ...both }
      : { ...place, change, ...both, base: was }
  })
}

/** Lists of which all three are known element by element; of others each difference counts as a conflict. */
function listWalk(base: unknown, current: unknown[], source: unknown[], at: string): Difference[] {
  if (!Array.isArray(base)) return as('conflict', diff(current, source, at))
  const identity = identityIn(base, current, source)
  if (identity) return keyedWalk(base, current, source, at, identity)
  if (base.length === current.length && current.length === source.length)
    return current.flatMap((element, i) => walk(base[i], element, source[i], `${at}/${i}`))
  return as('conflict', diff(current, source, at))
}

function keyedWalk(
  base: readonly unknown[],
  current: readonly unknown[],
  source: readonly unknown[],
  at: string,
  identity: Identity,
): Difference[] {
  const placesIn = (list: readonly unknown[]): Places =>
    new Map(list.map((element, index) => [identity(element), { element, index }]))
  const [was, ours, theirs] = [placesIn(base), placesIn(current), placesIn(source)]
  const keys = [...new Set([...ours.keys(), ...theirs.keys(), ...was.keys()])]
  const elements = keys.flatMap((key) => {
    const { index } = (ours.get(key) ?? theirs.get(key) ?? was.get(key)) as Place
    const [b, c, s] = [was, ours, theirs].map((places) => places.get(key)?.element ?? ABSENT)
    return walk(b, c, s, `${at}/${index}`)
  })
  const moves = align(current, source, identity).moved.map(([i, j]) => movedTo(`${at}/${i}`, j))
  return [...elements, ...as(orderState(was, ours, theirs), moves)]
}

type Place = { element: unknown; index: number }
type Places = ReadonlyMap<string, Place>

/** Who changed the order, by what all three have. */
function orderState(was: Places, ours: Places, theirs: Places): State {
  const order = (places: Places) =>
    [...places.keys()].filter((key) => was.has(key) && ours.has(key) && theirs.has(key))
  const [before, here, there] = [order(was), order(ours), order(theirs)]
  if (same(here, there)) return 'conflict'
  if (same(before, here)) return 'source_changed'
  return same(before, there) ? 'target_changed' : 'conflict'
}
