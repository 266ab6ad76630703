import type { Document } from '../config-hub/index/entry.ts'
import type { FieldError } from '../operation/errors.ts'

/**
 * Levels of a document. Inputs have at most 32, and the longest way to a document is that of an import that waits for
 * approval: `/input/documents/<index>/document`.
 */
export const MAX_LEVELS = 28

/** Of a document as JSON with its secrets, in UTF-8: what a line of an export or import (4 MiB) can carry. */
export const MOST_BYTES = 4_000_000

/** A store's own ids: what a URL can carry in one segment. `.` and `..` are resolved away by clients. */
export const ID_FORM = /^(?!\.{1,2}$)[^\p{Cc}]+$/u

const isObject = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const pointerTo = (at: string, name: string): string =>
  `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`

/** JSON merge patch (RFC 7396): members of the patch replace, objects merge, null removes. Changes neither argument. */
export function mergePatch(target: unknown, patch: Document): Document {
  const merged: Document = isObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else merged[name] = isObject(value) ? mergePatch(merged[name], value) : value
  }
  return merged
}

/**
 * What no document may hold, by pointer below `at`: more than 28 levels, numbers that a double changes, U+0000 and lone
 * surrogates (which PostgreSQL does not store), and the member `__proto__`, which programs take for something else.
 */
export function documentErrors(document: unknown, at: string): FieldError[] {
  const errors: FieldError[] = []
  // names from the document to the value looked at; pointers are made of them only for what is wrong
  const path: string[] = []
  const refuse = (message: string | undefined) => {
    if (message) errors.push({ pointer: path.reduce(pointerTo, at), message })
  }
  const visit = (value: unknown): void => {
    refuse(scalarError(value))
    if (typeof value !== 'object' || value === null) return
    const names = Object.keys(value)
    if (names.length > 0 && path.length === MAX_LEVELS) {
      refuse(`must not be nested deeper than ${MAX_LEVELS} levels`)
      return
    }
    for (const name of names) {
      path.push(name)
      refuse(name === '__proto__' ? 'is no name for a member' : scalarError(name))
      visit((value as Document)[name])
      path.pop()
    }
  }
  visit(document)
  return errors
}

/** Numbers: RFC 8259, section 6: integers are interoperable up to 2^53 - 1, larger ones arrive as another number. */
function scalarError(value: unknown): string | undefined {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return 'must be a number of double precision'
    if (Number.isInteger(value) && !Number.isSafeInteger(value))
      return 'must be below 2^53; send larger integers as text'
  } else if (typeof value === 'string') {
    if (value.includes('\u0000')) return 'must not contain U+0000'
    if (!value.isWellFormed()) return 'must be well-formed Unicode'
  }
  return undefined
}

/** Whether two JSON values are equal: the order of members is nothing, and 0 is -0, which has no text of its own. */
export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every(
      (name) => Object.hasOwn(other, name) && same((one as Document)[name], (other as Document)[name]),
    )
  )
}

export type Change = { op: 'create' | 'update' | 'delete'; pointer: string; before: unknown; after: unknown }

/** More than a person reads; beyond it whole members are shown instead of the places in them. */
const MOST_CHANGES = 500

/** What differs between two documents, by pointer and completely: at the deepest places where that is few enough. */
export function changesBetween(before: Document, after: Document): Change[] {
  const deep = differences(before, after, '', Number.POSITIVE_INFINITY)
  if (deep.length <= MOST_CHANGES) return deep
  const flat = differences(before, after, '', 1)
  return flat.length <= MOST_CHANGES ? flat : [{ op: 'update', pointer: '', before, after }]
}

/** Where two values differ, down to `levels` below here. The order of members is no difference. */
function differences(before: unknown, after: unknown, pointer: string, levels: number): Change[] {
  if (same(before, after)) return []
  const bothLists = Array.isArray(before) && Array.isArray(after)
  if (levels === 0 || !(bothLists || (isObject(before) && isObject(after))))
    return [{ op: 'update', pointer, before, after }]
  const [was, is] = [new Map(Object.entries(before as object)), new Map(Object.entries(after as object))]
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((name) => {
    const at = pointerTo(pointer, name)
    if (!was.has(name)) return [{ op: 'create' as const, pointer: at, before: null, after: is.get(name) }]
    if (!is.has(name)) return [{ op: 'delete' as const, pointer: at, before: was.get(name), after: null }]
    return differences(was.get(name), is.get(name), at, levels - 1)
  })
}

/** An update's instant: now, yet at least a millisecond after the one before, whatever the clock does. */
export const nextInstant = (now: Date, last: Date | undefined): Date =>
  last && last >= now ? new Date(last.getTime() + 1) : now
