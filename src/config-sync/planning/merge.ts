import { ABSENT, isObject, member, namesIn } from '../../config-hub/compare/diff.ts'
import { type Identity, identityIn } from '../../config-hub/compare/lists.ts'
import type { Document } from '../../config-hub/index/entry.ts'
import { pointerTo, same } from '../../config-store/rules.ts'
import type { Choice } from './input.ts'

/** Both sides changed this place since the base, differently. A side that has nothing there is undefined. */
export type Conflict = { pointer: string; choice: Choice; target?: unknown; source?: unknown }
export type Merged = { document: Document; conflicts: Conflict[] }

type Merging = { choiceAt(pointer: string): Choice; conflicts: Conflict[] }

/**
 * The target's document with what the source changed since `base`: what only the target changed stays, and where both
 * changed a place the choice for it counts (with `fail` it stays as it is, and the conflict says so). Without a base the
 * source counts everywhere. Members keep the target's order. Lists whose elements have an identity are merged element by
 * element.
 */
export function merge(
  base: Document | undefined,
  target: Document,
  source: Document,
  choiceAt: (pointer: string) => Choice,
): Merged {
  const merging: Merging = { choiceAt, conflicts: [] }
  const from = base ?? target
  return { document: walk(from, target, source, '', merging) as Document, conflicts: merging.conflicts }
}

function walk(base: unknown, target: unknown, source: unknown, at: string, merging: Merging): unknown {
  if (same(target, source) || same(base, source)) return target
  if (isObject(target) && isObject(source) && (isObject(base) || same(base, target)))
    return mergeMembers(base, target, source, at, merging)
  if (same(base, target)) return source
  if (Array.isArray(target) && Array.isArray(source) && Array.isArray(base)) {
    const identity = identityIn(base, target, source)
    if (identity) return mergeElements(base, target, source, at, merging, identity)
    if (base.length === target.length && target.length === source.length)
      return target.map((each, index) => walk(base[index], each, source[index], `${at}/${index}`, merging))
  }
  return settle(target, source, at, merging)
}

/** Goes down even where the target is as it was, so that its members keep their order. */
function mergeMembers(
  base: unknown,
  target: Document,
  source: Document,
  at: string,
  merging: Merging,
): Document {
  const was = isObject(base) ? base : target
  const merged: [string, unknown][] = []
  for (const name of namesIn(target, source)) {
    const value = walk(
      member(was, name),
      member(target, name),
      member(source, name),
      pointerTo(at, name),
      merging,
    )
    if (value !== ABSENT) merged.push([name, value])
  }
  return Object.fromEntries(merged)
}

function settle(target: unknown, source: unknown, pointer: string, { choiceAt, conflicts }: Merging) {
  const choice = choiceAt(pointer)
  conflicts.push({
    pointer,
    choice,
    ...(target === ABSENT ? {} : { target }),
    ...(source === ABSENT ? {} : { source }),
  })
  return choice === 'source' ? source : target
}

function mergeElements(
  base: readonly unknown[],
  target: readonly unknown[],
  source: readonly unknown[],
  at: string,
  merging: Merging,
  identity: Identity,
): unknown[] {
  const [was, ours, theirs] = [base, target, source].map(
    (list) => new Map(list.map((element, index) => [identity(element), { element, index }])),
  ) as [Places, Places, Places]
  const merged = new Map<string, unknown>()
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    const { index } = (ours.get(key) ?? theirs.get(key)) as { index: number }
    const value = walk(
      elementOf(was, key),
      elementOf(ours, key),
      elementOf(theirs, key),
      `${at}/${index}`,
      merging,
    )
    if (value !== ABSENT) merged.set(key, value)
  }
  const leads = leadingOrder([...was.keys()], [...ours.keys()], [...theirs.keys()])
  const lead =
    leads === 'both' ? (settle(target, source, at, merging) === source ? 'source' : 'target') : leads
  const [first, second] = lead === 'source' ? [theirs, ours] : [ours, theirs]
  return inOrder([...first.keys()], [...second.keys()])
    .filter((key) => merged.has(key))
    .map((key) => merged.get(key))
}

type Places = Map<string, { element: unknown; index: number }>
const elementOf = (places: Places, key: string): unknown => {
  const place = places.get(key)
  return place ? place.element : ABSENT
}

/** Whose order counts, by what all three have: the source's when it alone changed it. */
function leadingOrder(was: string[], ours: string[], theirs: string[]): 'source' | 'target' | 'both' {
  const shared = (list: string[], ...others: string[][]) => {
    const sets = others.map((other) => new Set(other))
    return list.filter((key) => sets.every((set) => set.has(key)))
  }
  const [before, here, there] = [
    shared(was, ours, theirs),
    shared(ours, was, theirs),
    shared(theirs, was, ours),
  ]
  if (same(here, there)) {
    // what both added, each to its own place, is where the source has it
    const [addedHere, addedThere] = [shared(ours, theirs), shared(theirs, ours)]
    return same(addedHere, addedThere) ? 'target' : 'both'
  }
  if (same(before, here)) return 'source'
  return same(before, there) ? 'target' : 'both'
}

/** The keys of the first in their order, each further one of the second after what it follows there. */
function inOrder(first: readonly string[], second: readonly string[]): string[] {
  const known = new Set(first)
  const after = new Map<string | undefined, string[]>()
  let last: string | undefined
  for (const key of second)
    if (known.has(key)) last = key
    else after.set(last, [...(after.get(last) ?? []), key])
  return [...(after.get(undefined) ?? []), ...first.flatMap((key) => [key, ...(after.get(key) ?? [])])]
}
