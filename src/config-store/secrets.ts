import type { Document } from '../config-hub/index/entry.ts'
import { select } from '../config-hub/references/path.ts'
import type { ConfigType } from '../config-hub/types/definition.ts'
import { canonical } from '../operation/plan.ts'
import type { Sealing } from '../operation/sealing.ts'
import { pointerTo, same } from './rules.ts'

/** Secret values by the pointer of their place. */
export type Secrets = Record<string, unknown>
export type Hashes = Record<string, string>

/** A document as sent, its secrets apart. `cleared` are the places where null was sent. */
export type Split = { visible: Document; given: Secrets; cleared: string[] }

type Type = Pick<ConfigType, 'secret_paths'>

const namesOf = (pointer: string): string[] =>
  pointer
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined

const valueAt = (document: Document, pointer: string): unknown =>
  namesOf(pointer).reduce<unknown>(member, document)

/**
 * Pointers of a document's secret members. An element of a list is no place of its own, since taking it out would move
 * the others: the whole list is then secret. Of places within each other the outer one counts.
 */
export function secretPlaces(type: Type, document: Document): string[] {
  const found = type.secret_paths.flatMap((pattern) =>
    select(document, pattern).map(({ pointer }) => outermost(document, pointer)),
  )
  const places = new Set(found.filter((pointer) => pointer !== ''))
  return [...places].filter((pointer) => !above(pointer).some((each) => places.has(each))).sort()
}

function outermost(document: Document, pointer: string): string {
  const [parent] = above(pointer)
  return parent !== undefined && Array.isArray(valueAt(document, parent))
    ? outermost(document, parent)
    : pointer
}

/** The pointers of what a place is in, nearest first, without the document itself. */
function above(pointer: string): string[] {
  const parent = pointer.slice(0, pointer.lastIndexOf('/'))
  return parent === '' ? [] : [parent, ...above(parent)]
}

export function split(type: Type, document: Document): Split {
  const places = secretPlaces(type, document)
  if (places.length === 0) return { visible: document, given: {}, cleared: [] }
  const given: Secrets = {}
  const cleared: string[] = []
  for (const pointer of places) {
    const value = valueAt(document, pointer)
    if (value === null) cleared.push(pointer)
    else given[pointer] = value
  }
  const visible = places.reduce(
    (rest: unknown, pointer) => left(rest, namesOf(pointer)),
    document,
  ) as Document
  return { visible, given, cleared }
}

/** The value without the member that the names lead to; what is on the way there is copied, the rest shared. */
function left(value: unknown, [name, ...rest]: readonly string[]): unknown {
  const copy = (Array.isArray(value) ? [...value] : { ...(value as Document) }) as Document
  if (rest.length === 0) delete copy[name as string]
  else copy[name as string] = left(copy[name as string], rest)
  return copy
}

/** The document with nothing in it that its type calls secret. */
export const withoutSecrets = (type: Type, document: Document): Document => split(type, document).visible

/**
 * The secrets of the next version: those given, and of the old ones each that was left out while what holds it is still
 * there. Through a list a secret follows its element.
 */
export function nextSecrets(old: { visible: Document; secrets: Secrets }, next: Split): Secrets {
  const settled = new Set([...Object.keys(next.given), ...next.cleared])
  const holdsSettled = new Set([...settled].flatMap(above))
  const isFree = (place: string): boolean =>
    ![place, ...above(place)].some((each) => settled.has(each)) &&
    !holdsSettled.has(place) &&
    valueAt(next.visible, place) === undefined
  const moved: Moved = new Map()
  const kept = Object.entries(old.secrets).flatMap(([pointer, value]) => {
    const place = placeIn(old.visible, next.visible, namesOf(pointer), moved)
    return place !== undefined && isFree(place) ? [[place, value] as const] : []
  })
  return { ...Object.fromEntries(kept), ...next.given }
}

/** Of lists, where each element is in the next version. */
type Moved = Map<unknown, (number | undefined)[]>

/** Where a secret's place of the old document is in the new one, if what holds it is. */
function placeIn(
  old: unknown,
  next: unknown,
  names: readonly string[],
  moved: Moved,
  at = '',
): string | undefined {
  const [name, ...rest] = names as [string, ...string[]]
  if (typeof next !== 'object' || next === null || Array.isArray(old) !== Array.isArray(next))
    return undefined
  const there = Array.isArray(old) ? elementIn(old, next as unknown[], name, moved) : name
  if (there === undefined) return undefined
  const pointer = pointerTo(at, there)
  return rest.length === 0 ? pointer : placeIn(member(old, name), member(next, there), rest, moved, pointer)
}

function elementIn(old: unknown[], next: unknown[], index: string, moved: Moved): string | undefined {
  const places = moved.get(old) ?? placesOf(old, next)
  moved.set(old, places)
  return places[Number(index)]?.toString()
}

/**
 * Where each element of a list went: to the one with its identity, or to the one that equals it, if both are alone with
 * that. Never merely to its index, where a list that was reordered would give one element the secret of another.
 */
function placesOf(old: readonly unknown[], next: readonly unknown[]): (number | undefined)[] {
  if (same(old, next)) return old.map((_, index) => index)
  const before = Map.groupBy(old.keys(), (index) => identityOf(old[index]))
  const after = Map.groupBy(next.keys(), (index) => identityOf(next[index]))
  return old.map((element) => {
    const identity = identityOf(element)
    const found = after.get(identity) ?? []
    return before.get(identity)?.length === 1 && found.length === 1 ? found[0] : undefined
  })
}

/** By what elements of a list are known, the first that one has; else by all of it. */
const IDENTITIES = ['id', '_id', 'key', 'name', 'slug'] as const

function identityOf(element: unknown): string {
  const name = IDENTITIES.find((each) => ['string', 'number'].includes(typeof member(element, each)))
  return name ? JSON.stringify([name, member(element, name)]) : canonical(element)
}

/** Keyed hashes tell whether a secret changed, also between organisations, without showing it. */
export const hashesOf = (sealing: Pick<Sealing, 'hash'>, secrets: Secrets): Hashes =>
  Object.fromEntries(
    Object.entries(secrets).map(([pointer, value]) => [pointer, sealing.hash(canonical(value))]),
  )

/** What becomes of each secret, in the words that plans use, by pointer. */
export function secretStates(
  before: Hashes,
  after: Hashes,
): Record<string, 'set' | 'changed' | 'unchanged' | 'removed'> {
  const pointers = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  const stateOf = (pointer: string) => {
    if (!(pointer in after)) return 'removed'
    if (!(pointer in before)) return 'set'
    return before[pointer] === after[pointer] ? 'unchanged' : 'changed'
  }
  return Object.fromEntries(pointers.map((pointer) => [pointer, stateOf(pointer)]))
}
