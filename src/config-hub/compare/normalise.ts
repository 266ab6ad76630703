import { split } from '../../config-store/secrets.ts'
import { canonical } from '../../operation/plan.ts'
import { joinSecrets } from '../../operation/redact.ts'
import type { Document } from '../index/entry.ts'
import { declaredPlaces } from '../references/extract.ts'
import { type Occurrence, occurrences } from '../references/occurrences.ts'
import { at, without } from '../references/path.ts'
import type { ConfigType } from '../types/definition.ts'

/** The symbol of a pair: what it is called at its source. */
export const symbolOf = (type: string, sourceId: string): string => `⟨${type}/${sourceId}⟩`

const SYMBOL = /⟨([^⟨⟩/]+)\/([^⟨⟩]*)⟩/g

/** What a configuration of one side is called on both. */
export type Named = { type: string; id: string; symbol: string }

/** The symbol of an id on one side: as one of a type, or (type '') as whatever it may be. */
export type Symbols = ReadonlyMap<string, string>

const symbolKey = (type: string, id: string): string => `${type} ${id}`

/**
 * Of several named alike the later one counts; what may be of any type is the first by type, so that both sides take
 * the same one.
 */
export function symbolsFrom(named: readonly Named[]): Symbols {
  const symbols = new Map(named.map(({ type, id, symbol }) => [symbolKey(type, id), symbol]))
  const firsts = new Map<string, string>()
  for (const { type, id } of named) {
    const known = firsts.get(id)
    if (known === undefined || type < known) firsts.set(id, type)
  }
  for (const [id, type] of firsts) symbols.set(symbolKey('', id), symbols.get(symbolKey(type, id)) as string)
  return symbols
}

/**
 * A document as it is compared with its counterpart: without what changes by itself, its own id and ids that its place
 * makes; with secrets as keyed hashes, or without them where `hash` is undefined because a side does not show its own;
 * and with the ids of paired configurations as symbols. So that equal configuration in two organisations has one
 * canonical text. Changes nothing of its argument. Once is enough: hashes would be hashed again.
 */
export function normalise(
  type: ConfigType,
  document: Document,
  symbols: Symbols,
  hash: ((text: string) => string) | undefined,
): Document {
  const { visible, given } = split(type, document)
  const markers = hash
    ? Object.entries(given).map(([pointer, value]) => [pointer, `secret ${hash(canonical(value))}`])
    : []
  const stable = without(joinSecrets(visible, Object.fromEntries(markers)), ignoredOf(type))
  rewrite(type, stable, symbols)
  return stable
}

const ignoredOf = ({ volatile_paths, id_path, derived_paths = [] }: ConfigType): string[] => [
  ...volatile_paths,
  ...derived_paths,
  ...(id_path === '' ? [] : [id_path]),
]

/** Replaces ids by their symbols, in texts the longest first where one lies within another. */
function rewrite(type: ConfigType, document: Document, symbols: Symbols): void {
  if (symbols.size === 0) return
  const declared = Map.groupBy(declaredPlaces(type, document), ({ pointer }) => pointer)
  const symbolAt = ({ pointer, name }: Occurrence): string | undefined => {
    const rules = declared.get(pointer)?.filter((place) => place.name === name) ?? []
    if (rules.length === 0) return symbols.get(symbolKey('', name))
    const byId = rules.filter(({ rule }) => rule.by === 'id' || rule.by === 'any')
    return byId.map(({ rule }) => symbols.get(symbolKey(rule.type ?? '', name))).find((each) => each)
  }
  const found = occurrences(type, document, (name) => symbols.has(symbolKey('', name)))
  for (const [pointer, each] of Map.groupBy(found, (occurrence) => occurrence.pointer)) {
    const text = String(at(document, pointer))
    let rewritten = ''
    let from = 0
    for (const occurrence of each.sort((a, b) => a.start - b.start || b.end - a.end)) {
      const symbol = symbolAt(occurrence)
      if (symbol === undefined || occurrence.start < from) continue
      rewritten += text.slice(from, occurrence.start) + symbol
      from = occurrence.end
    }
    if (from > 0) put(document, pointer, rewritten + text.slice(from))
  }
}

/** A base with the symbols of today: those in it are of the ids that its source had. */
export function renamedBase(base: Document, symbols: Symbols): Document {
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string')
      return value.replace(SYMBOL, (_, type: string, id: string) => symbols.get(symbolKey(type, id)) ?? id)
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(walk)
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, walk(each)]))
  }
  return walk(base) as Document
}

const SECRET = /^secret [0-9a-f]{64}$/

/** Any value of a normalised document as it may be shown: secrets in it, which its hashes compare, only as that. */
export const shown = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, each: unknown) =>
      typeof each === 'string' && SECRET.test(each) ? 'secret' : each,
    ),
  )

function put(document: Document, pointer: string, value: string): void {
  const names = pointer
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = names.pop() as string
  const holder = names.reduce<unknown>((node, name) => (node as Document)[name], document) as Document
  holder[last] = value
}
