import type { Document, EdgeKind } from '../index/entry.ts'
import type { ConfigType } from '../types/definition.ts'
import { declaredPlaces, settledPlaces } from './extract.ts'
import { pointerTo } from './path.ts'
import { scanVariables } from './variables.ts'
import { isWholeName, scanWords } from './words.ts'

/** A name at a place of a document: characters `start` to `end` of the text (or of the number as text) at `pointer`. */
export type Occurrence = { pointer: string; start: number; end: number; name: string; kind: EdgeKind }

/**
 * Where a document names what `isName` knows: declared references first, in the order of their rules, then those in
 * texts, in the document's order. Each place counts once, the declared way if it is one. In one text longer names come
 * before those that lie within them (`env.key-1` before `key-1`): who rewrites takes the first and skips what overlaps.
 */
export function occurrences(
  type: ConfigType,
  document: Document,
  isName: (word: string, kind: EdgeKind) => boolean,
): Occurrence[] {
  const found = new Map<string, Occurrence>()
  const add = (each: Occurrence): void => {
    const place = `${each.start} ${each.end} ${each.pointer}`
    if (!found.has(place) && isName(each.name, each.kind)) found.set(place, each)
  }
  const places = declaredPlaces(type, document)
  for (const { pointer, value, name, rule } of places) {
    const start = String(value).indexOf(name)
    add({ pointer, start, end: start + name.length, name, kind: rule.by })
  }
  if (type.scan) {
    const settled = settledPlaces(places)
    eachText(document, '', (text, pointer) => {
      if (!settled.has(pointer)) inText(text, pointer).forEach(add)
    })
  }
  return [...found.values()]
}

function inText(text: string, pointer: string): Occurrence[] {
  const found: Occurrence[] = []
  const as = (kind: EdgeKind) => (_: string, start: number, end: number) =>
    void found.push({ pointer, start, end, name: text.slice(start, end), kind })
  scanVariables(text, as('template'))
  scanWords(text, as('text'))
  if (isWholeName(text)) as('text')(text, 0, text.length)
  return found.sort((a, b) => a.start - b.start || b.end - a.end)
}

function eachText(value: unknown, pointer: string, onText: (text: string, pointer: string) => void): void {
  if (typeof value === 'string') onText(value, pointer)
  else if (typeof value === 'object' && value !== null)
    for (const key of Object.keys(value)) eachText((value as Document)[key], pointerTo(pointer, key), onText)
}
