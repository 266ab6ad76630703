import type { Document, Name, Reference } from '../index/entry.ts'
import type { ConfigType, ReferenceRule } from '../types/definition.ts'
import { type Place, select } from './path.ts'
import { scanVariables } from './variables.ts'
import { isWholeName, scanWords } from './words.ts'

export type Extracted = {
  /** References at declared places, each once; required when any of its places is. */
  declared: Reference[]
  /** Names that the document gives itself besides its id. */
  names: Name[]
  /** Distinct words of its strings that have the form of a name. */
  words: string[]
  /** Distinct variables of its templates. */
  variables: string[]
}

/**
 * What a document names and is named, by its type. Only values are searched: keys are structure, made by the type and
 * not by who configures, and name something only where a pattern of the type leads through them. `stable` is the
 * document without its volatile members: those refer to nothing.
 */
export function extract(type: ConfigType, document: Document, stable: Document = document): Extracted {
  const words = new Set<string>()
  const variables = new Set<string>()
  const onWord = (text: string, start: number, end: number) => void words.add(text.slice(start, end))
  const onVariable = (text: string, start: number, end: number) => void variables.add(text.slice(start, end))
  const places = declaredPlaces(type, stable)
  if (type.scan) {
    // how many strings of a text are no more than a reference to one type: which of them, does not matter to a set
    const settled = new Map<string, number>()
    for (const text of settledPlaces(places).values()) settled.set(text, (settled.get(text) ?? 0) + 1)
    eachString(stable, (text) => {
      const left = settled.get(text) ?? 0
      if (left > 0) return void settled.set(text, left - 1)
      scanWords(text, onWord)
      if (isWholeName(text)) words.add(text)
      scanVariables(text, onVariable)
    })
  }
  return {
    declared: declaredReferences(places),
    names: declaredNames(type, document),
    words: [...words],
    variables: [...variables],
  }
}

/**
 * Strings that are wholly a declared reference to one type, by their pointers: their type says all that they name, so
 * they are not searched for names of other types as well.
 */
export const settledPlaces = (places: readonly DeclaredPlace[]): Map<string, string> =>
  new Map(
    places.flatMap(({ pointer, value, rule }) =>
      rule.type !== undefined && typeof value === 'string' && /^[^\s{}]+$/.test(value)
        ? [[pointer, value] as const]
        : [],
    ),
  )

/** Every string in a value. */
export function eachString(value: unknown, onText: (text: string) => void): void {
  if (typeof value === 'string') onText(value)
  else if (Array.isArray(value)) for (const each of value) eachString(each, onText)
  else if (typeof value === 'object' && value !== null)
    for (const key in value) eachString((value as Document)[key], onText)
}

/** Ids have at most 300 characters; what is longer names nothing, and would not fit the index of a table. */
const LONGEST_NAME = 300

/** The name that a value is: text, or a number as text. Lists are for patterns; the rest names nothing. */
export function nameIn(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : ''
  return text === '' || text.length > LONGEST_NAME ? undefined : text
}

export type DeclaredPlace = Place & { name: string; rule: ReferenceRule }

/** Every declared reference with its place and rule, in the order of the rules. */
export const declaredPlaces = (type: ConfigType, document: Document): DeclaredPlace[] =>
  type.references.flatMap((rule) =>
    select(document, rule.path).flatMap((place) => {
      const name = nameIn(place.value)
      return name === undefined ? [] : [{ ...place, name, rule }]
    }),
  )

function declaredReferences(places: readonly DeclaredPlace[]): Reference[] {
  const found = new Map<string, Reference>()
  for (const { name, rule } of places) {
    const reference = { name, toType: rule.type ?? '', kind: rule.by, required: rule.required }
    const key = JSON.stringify([name, reference.toType, reference.kind])
    const known = found.get(key)
    if (known) known.required ||= reference.required
    else found.set(key, reference)
  }
  return [...found.values()]
}

function declaredNames(type: ConfigType, document: Document): Name[] {
  const found = new Map<string, Name>()
  for (const { path, kind, prefix } of type.alias_rules)
    for (const { value } of select(document, path)) {
      const bare = nameIn(value)
      const name = bare === undefined ? undefined : nameIn(prefix + bare)
      if (name !== undefined) found.set(`${kind} ${name}`, { name, kind })
    }
  return [...found.values()]
}
