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

/** A copy in which the places at these pointers are left out, or null where `to` says so. */
export function placesTaken(
  document: Document,
  pointers: Iterable<string>,
  isNull: (pointer: string) => boolean = () => false,
): Document {
  const copy = structuredClone(document)
  for (const pointer of pointers) {
    const names = namesOf(pointer)
    const last = names.pop() as string
    const holder = names.reduce<unknown>((node, name) => (node as Document | undefined)?.[name], copy)
    if (!isObject(holder)) continue
    if (isNull(pointer)) holder[last] = null
    else delete holder[last]
  }
  return copy
}

/** A copy with a value at a pointer whose holders are there. */
export function placed(document: Document, values: ReadonlyMap<string, unknown>): Document {
  const copy = structuredClone(document)
  for (const [pointer, value] of values) {
    const names = namesOf(pointer)
    const last = names.pop() as string
    const holder = names.reduce<unknown>((node, name) => (node as Document | undefined)?.[name], copy)
    if (isObject(holder)) holder[last] = value
  }
  return copy
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
