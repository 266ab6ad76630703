import type { Document, EdgeKind } from '../../config-hub/index/entry.ts'
import { type DeclaredPlace, declaredPlaces, settledPlaces } from '../../config-hub/references/extract.ts'
import { isWholeName, scanWords } from '../../config-hub/references/words.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'

/** What ids become. */
export type Renaming = {
  /** Of a declared reference; undefined: it stays. `toType` is '' when it may be of any type. */
  declared(name: string, toType: string, kind: EdgeKind): string | undefined
  /** Of ids within texts: templates, rich text, URLs. */
  texts: ReadonlyMap<string, string>
}

/** By the members on the way to it, what a string becomes; null: it stays, whatever it holds. */
type Way = Map<string, Way | string | number | null>

/**
 * The document with its references renamed, declared ones and those in texts. In a text the longest of what overlaps
 * counts. What stays is shared with the document, not copied.
 */
export function rewritten(
  type: ConfigType,
  document: Document,
  renaming: Renaming,
  places: readonly DeclaredPlace[] = declaredPlaces(type, document),
): Document {
  const way: Way = new Map()
  const texts = type.scan ? [...renaming.texts.keys()] : []
  if (texts.length > 0) for (const pointer of settledPlaces(places).keys()) lead(way, pointer, null)
  const settled = new Set<string>()
  for (const place of places) {
    const to = settled.has(place.pointer) ? undefined : declaredAs(place, renaming)
    if (to === undefined) continue
    settled.add(place.pointer)
    // what keeps its name is led to only where texts are searched, which would rename it
    if (to !== place.value || texts.length > 0) lead(way, place.pointer, to)
  }
  if (way.size === 0 && texts.length === 0) return document
  return walk(document, way, { texts, renaming }) as Document
}

function declaredAs({ value, name, rule }: DeclaredPlace, renaming: Renaming): string | number | undefined {
  const to = renaming.declared(name, rule.type ?? '', rule.by)
  if (to === undefined) return undefined
  if (typeof value === 'number' && /^[1-9]\d{0,14}$/.test(to)) return Number(to)
  const text = String(value)
  const start = text.indexOf(name)
  return text.slice(0, start) + to + text.slice(start + name.length)
}

function lead(way: Way, pointer: string, to: string | number | null): void {
  const names = pointer.slice(1).split('/')
  let at = way
  for (const [index, escaped] of names.entries()) {
    const name = escaped.replaceAll('~1', '/').replaceAll('~0', '~')
    if (index === names.length - 1) at.set(name, to)
    else {
      const known = at.get(name)
      const next: Way = known instanceof Map ? known : new Map()
      at.set(name, next)
      at = next
    }
  }
}

type In = { texts: readonly string[]; renaming: Renaming }

function walk(value: unknown, way: Way | undefined, within: In): unknown {
  if (typeof value === 'string') return renamed(value, within)
  if (typeof value !== 'object' || value === null) return value
  if (!way && within.texts.length === 0) return value
  let changed = false
  const next = Object.keys(value).map((name): [string, unknown] => {
    const each = (value as Document)[name]
    const to = way?.get(name)
    const become =
      to === null ? each : typeof to === 'string' || typeof to === 'number' ? to : walk(each, to, within)
    changed ||= become !== each
    return [name, become]
  })
  if (!changed) return value
  return Array.isArray(value) ? next.map(([, each]) => each) : Object.fromEntries(next)
}

/** Most texts hold none of the names, which a search tells in a fraction of the time that reading their words takes. */
function renamed(text: string, { texts, renaming }: In): string {
  if (!texts.some((name) => text.includes(name))) return text
  const whole = isWholeName(text) ? renaming.texts.get(text) : undefined
  if (whole !== undefined) return whole
  const hits: { start: number; end: number; to: string }[] = []
  scanWords(text, (_, start, end) => {
    const to = renaming.texts.get(text.slice(start, end))
    if (to !== undefined) hits.push({ start, end, to })
  })
  if (hits.length === 0) return text
  let rewritten = ''
  let from = 0
  for (const { start, end, to } of hits.sort((a, b) => a.start - b.start || b.end - a.end)) {
    if (start < from) continue
    rewritten += text.slice(from, start) + to
    from = end
  }
  return rewritten + text.slice(from)
}

const SYMBOL = /⟨([^⟨⟩/]+\/[^⟨⟩]*)⟩/g

/** What the symbols anywhere in a document stand for (`type/id`), each once. */
export function symbolsIn(document: unknown): string[] {
  const found = new Set<string>()
  const walk = (value: unknown): void => {
    if (typeof value === 'string') {
      if (value.includes('⟨')) for (const [, key] of value.matchAll(SYMBOL)) found.add(key as string)
    } else if (typeof value === 'object' && value !== null)
      for (const each of Object.values(value)) walk(each)
  }
  walk(document)
  return [...found]
}
