import type { Document } from '../index/entry.ts'
import { occurrences } from '../references/occurrences.ts'
import { at, select, without } from '../references/path.ts'
import type { ConfigType } from '../types/definition.ts'

/** What stands for both ids of a pair, by the id that this side has. */
export type Symbols = ReadonlyMap<string, string>

/** The symbol of a pair: what it is called at its source. */
export const symbolOf = (type: string, sourceId: string): string => `⟨${type}/${sourceId}⟩`

/**
 * A document as it is compared with its counterpart: without what changes by itself, with secrets as keyed hashes (or
 * left out, where `hash` is undefined because the other side cannot show its own), and with the ids of paired
 * configurations as symbols that both sides share.
 */
export function normalise(
  type: ConfigType,
  document: Document,
  symbols: Symbols,
  hash: ((text: string) => string) | undefined,
): Document {
  const gone = hash ? type.volatile_paths : [...type.volatile_paths, ...type.secret_paths]
  const stable = structuredClone(without(document, gone))
  if (hash) hideSecrets(type, stable, hash)
  rewrite(type, stable, symbols)
  return stable
}

function hideSecrets(type: ConfigType, document: Document, hash: (text: string) => string): void {
  for (const pattern of type.secret_paths)
    for (const { pointer, value } of select(document, pattern))
      if (value !== null) put(document, pointer, `secret ${hash(JSON.stringify(value))}`)
}

/** Replaces ids by their symbols, from the end of each text, the longest first where one lies within another. */
function rewrite(type: ConfigType, document: Document, symbols: Symbols): void {
  if (symbols.size === 0) return
  const found = occurrences(type, document, (name) => symbols.has(name))
  const places = Map.groupBy(found, ({ pointer }) => pointer)
  for (const [pointer, each] of places) {
    const text = String(at(document, pointer))
    let rewritten = ''
    let from = 0
    for (const { start, end, name } of each.sort((a, b) => a.start - b.start || b.end - a.end)) {
      if (start < from) continue
      rewritten += text.slice(from, start) + (symbols.get(name) as string)
      from = end
    }
    put(document, pointer, rewritten + text.slice(from))
  }
}

function put(document: Document, pointer: string, value: string): void {
  const names = pointer
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = names.pop() as string
  const holder = names.reduce<unknown>((node, name) => (node as Document)[name], document) as Document
  holder[last] = value
}
