import { isObject } from '../../config-hub/compare/diff.ts'
import { identityIn } from '../../config-hub/compare/lists.ts'
import type { Document } from '../../config-hub/index/entry.ts'
import { at, select, without } from '../../config-hub/references/path.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import { joinSecrets } from '../../operation/redact.ts'

/** What stands for a secret while documents are compared; the base of a pair holds it too. Shown to nobody. */
const markerOf = (hash: string): string => `secret ${hash}`
const MARKER = /^secret ([0-9a-f]{64})$/

export const isMarker = (value: unknown): value is string => typeof value === 'string' && MARKER.test(value)

/** The document with what stands for its secrets in their places. */
export const marked = (document: Document, hashes: Readonly<Record<string, string>>): Document =>
  Object.keys(hashes).length === 0
    ? document
    : joinSecrets(
        document,
        Object.fromEntries(Object.entries(hashes).map(([pointer, hash]) => [pointer, markerOf(hash)])),
      )

/** The pointers of all markers in a document, and their hashes. */
export function markersIn(document: unknown): Map<string, string> {
  const found = new Map<string, string>()
  const walk = (value: unknown, pointer: string): void => {
    if (isMarker(value)) found.set(pointer, value.slice('secret '.length))
    else if (typeof value === 'object' && value !== null)
      for (const [name, each] of Object.entries(value)) walk(each, `${pointer}/${escaped(name)}`)
  }
  walk(document, '')
  return found
}

const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
const namesOf = (pointer: string): string[] =>
  pointer
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))

/** A copy in which the places at these pointers are left out. */
export const placesTaken = (document: Document, pointers: Iterable<string>): Document =>
  placed(document, new Map([...pointers].map((pointer) => [pointer, undefined])))

/** A copy with a value at each pointer whose holder is there; undefined leaves a place out. What stays is shared. */
export function placed(document: Document, values: ReadonlyMap<string, unknown>): Document {
  let copy = document
  for (const [pointer, value] of values) copy = set(copy, namesOf(pointer), value) as Document
  return copy
}

function set(holder: unknown, names: readonly string[], value: unknown): unknown {
  const [name, ...rest] = names as [string, ...string[]]
  if (rest.length === 0) {
    if (!isObject(holder)) return holder
    const { [name]: _, ...others } = holder
    if (value === undefined) return others
    return Object.hasOwn(holder, name) ? { ...holder, [name]: value } : { ...others, [name]: value }
  }
  if (Array.isArray(holder))
    return holder.map((each, index) => (String(index) === name ? set(each, rest, value) : each))
  if (!isObject(holder) || !Object.hasOwn(holder, name)) return holder
  return { ...holder, [name]: set(holder[name], rest, value) }
}

/** What of a type's documents is no part of a comparison: what changes by itself, its own id, and what its place makes. */
export const ignoredOf = (type: ConfigType): string[] => [
  ...type.volatile_paths,
  ...(type.id_path === '' ? [] : [type.id_path]),
  ...(type.derived_paths ?? []),
]

export const stableOf = (type: ConfigType, document: Document): Document => without(document, ignoredOf(type))

/**
 * A merged document with what comparing left out as the target has it: at the same place, in lists with the same element.
 * Top members stand in the target's order.
 */
export function restored(type: ConfigType, merged: Document, target: Document): Document {
  const places = ignoredOf(type).flatMap((pattern) => select(target, pattern))
  if (places.length === 0) return merged
  const copy = structuredClone(merged)
  for (const { pointer, value } of places) {
    const names = namesOf(pointer)
    const last = names.pop() as string
    const holder = counterpart(copy, target, names)
    if (isObject(holder)) holder[last] ??= value
    else if (Array.isArray(holder)) holder.push(value)
  }
  const names = [...new Set([...Object.keys(target), ...Object.keys(copy)])]
  return Object.fromEntries(
    names.flatMap((name) => (Object.hasOwn(copy, name) ? [[name, copy[name]] as const] : [])),
  )
}

/** What another document has at the place that is this one's: in lists with the same element. */
export function valueIn(other: Document, own: Document, pointer: string): unknown {
  const names = namesOf(pointer)
  const last = names.pop() as string
  return at(counterpart(other, own, names), `/${escaped(last)}`)
}

/** What in the merged document is what the target has at the place; undefined when it is gone. */
function counterpart(merged: unknown, target: unknown, names: readonly string[]): unknown {
  const [name, ...rest] = names
  if (name === undefined) return merged
  const [theirs, ours] = [at(target, `/${escaped(name)}`), elementFor(merged, target, name)]
  return theirs === undefined || ours === undefined ? undefined : counterpart(ours, theirs, rest)
}

function elementFor(merged: unknown, target: unknown, name: string): unknown {
  if (!Array.isArray(merged) || !Array.isArray(target)) return at(merged, `/${escaped(name)}`)
  const identity = identityIn(merged, target)
  if (!identity) return merged.length === target.length ? merged[Number(name)] : undefined
  const wanted = identity(target[Number(name)])
  return merged.find((element) => identity(element) === wanted)
}
