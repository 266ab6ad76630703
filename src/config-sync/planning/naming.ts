import { symbolOf } from '../../config-hub/compare/normalise.ts'
import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import { declaredPlaces, eachString, nameIn } from '../../config-hub/references/extract.ts'
import { at, select } from '../../config-hub/references/path.ts'
import { scanWords } from '../../config-hub/references/words.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import { placed } from './content.ts'
import { type KnownPair, keyText, type SourceItem, type SourceReference, type SyncInput } from './input.ts'
import type { Pairing } from './pairing.ts'
import { type Renaming, rewritten } from './rewrite.ts'

/** What a source id is at the target: known or a symbol (`at`), and what both sides call it in a base (`shared`). */
export type Meaning = { at: string; shared: string }

/** An id that the target will make within what it creates. */
export type Derived = Meaning & { row: string; pointer: string }

export type Naming = {
  /** Undefined: it is not at the target and will not be. */
  meaningOf(key: NodeKey): Meaning | undefined
  /** By the id within the source's document. */
  derived: ReadonlyMap<string, Derived>
}

type Given = Pick<SyncInput, 'pairs' | 'alive'>

/** Names of everything: what the plan is about (`pairings`, those that are refused left out), and what lineage knows. */
export function namingOf(
  { pairs, alive }: Given,
  planned: ReadonlyMap<string, Pairing>,
  derived: ReadonlyMap<string, Derived>,
): Naming {
  const paired = new Map<string, KnownPair>()
  const taken = new Map<string, string>()
  for (const [key, { targetId }] of planned)
    if (targetId !== null) taken.set(`${key.slice(0, key.indexOf('/'))}/${targetId}`, key)
  for (const pair of pairs) {
    const key = `${pair.type}/${pair.sourceId}`
    const target = `${pair.type}/${pair.targetId}`
    if (!alive.has(target) || (taken.get(target) ?? key) !== key) continue
    if (!paired.has(key) || !pair.mirrored) paired.set(key, pair)
  }
  return {
    derived,
    meaningOf(key) {
      const own = planned.get(keyText(key))
      const shared = symbolOf(key.type, key.id)
      if (own) return { at: own.targetId ?? shared, shared }
      const pair = paired.get(keyText(key))
      if (!pair) return undefined
      return {
        at: pair.targetId,
        shared: pair.mirrored ? symbolOf(pair.type, pair.targetId) : shared,
      }
    },
  }
}

/** How the ids in one document are renamed, and which of its references several things answer to differently. */
export function renamingOf(
  item: SourceItem,
  naming: Naming,
  part: keyof Meaning,
): { renaming: Renaming; unclear: SourceReference[] } {
  const declared = new Map<string, string>()
  const texts = new Map<string, string>()
  const unclear: SourceReference[] = []
  const rename = (reference: SourceReference, among: readonly NodeKey[]): void => {
    const becomes = new Set(among.map((key) => naming.meaningOf(key)?.[part]))
    const [to] = becomes
    if (becomes.size > 1) unclear.push(reference)
    else if (to !== undefined && reference.kind === 'text') texts.set(reference.name, to)
    else if (to !== undefined) declared.set(`${reference.toType} ${reference.name}`, to)
  }
  for (const reference of item.references) {
    const byId = reference.to.filter(({ id }) => id === reference.name)
    if (byId.length > 0) rename(reference, byId)
  }
  const own = naming.meaningOf(item)?.[part]
  if (own !== undefined) {
    if (!texts.has(item.id)) texts.set(item.id, own)
    for (const toType of ['', item.type])
      if (!declared.has(`${toType} ${item.id}`)) declared.set(`${toType} ${item.id}`, own)
  }
  for (const [id, meaning] of derivedNamedIn(item.document, naming.derived))
    if (!texts.has(id)) texts.set(id, meaning[part])
  return {
    unclear,
    renaming: {
      texts: part === 'at' ? withoutSame(texts) : texts,
      declared: (name, toType) => declared.get(`${toType} ${name}`) ?? naming.derived.get(name)?.[part],
    },
  }
}

/** Of all ids that the target makes within something, those that this document has: a plan may have as many as words. */
function derivedNamedIn(document: Document, derived: Naming['derived']): Map<string, Derived> {
  const found = new Map<string, Derived>()
  const learn = (id: string): void => {
    const meaning = derived.get(id)
    if (meaning) found.set(id, meaning)
  }
  if (derived.size > 0)
    eachString(document, (text) => {
      learn(text)
      scanWords(text, (_, start, end) => learn(text.slice(start, end)))
    })
  return found
}

/** Nothing has to be searched for what keeps its name; the own id of most is nowhere in their documents anyway. */
const withoutSame = (texts: ReadonlyMap<string, string>): Map<string, string> =>
  new Map([...texts].filter(([name, to]) => name !== to))

/** Ids within a document that its place makes anew, by where they are. */
export function derivedIn(paths: readonly string[], document: Document): Map<string, string> {
  const found = new Map<string, string>()
  for (const path of paths)
    for (const { pointer, value } of select(document, path)) {
      const name = nameIn(value)
      if (name !== undefined) found.set(pointer, name)
    }
  return found
}

const SYMBOL = /⟨([^⟨⟩/]+)\/([^⟨⟩]*)⟩/g

/**
 * The base of a pair with the names that the target has now. `isCurrent`: all that it names has a counterpart; what has
 * none any more is called by its id.
 */
export function namedBase(
  base: Document,
  pair: Pick<KnownPair, 'baseMirrored'>,
  names: BaseNames,
): { document: Document; isCurrent: boolean } {
  let isCurrent = true
  const document = walk(base, (type, id) => {
    const [first, second] = pair.baseMirrored ? [names.target, names.source] : [names.source, names.target]
    const found = first(type, id) ?? second(type, id)
    isCurrent &&= found !== undefined && !found.isGone
    return found?.at ?? id
  }) as Document
  return { document, isCurrent }
}

type Lookup = (type: string, id: string) => { at: string; isGone?: boolean } | undefined
/** What a symbol made of a source id, or of a target id, means at the target. */
export type BaseNames = { source: Lookup; target: Lookup }

/** Whatever has no counterpart any more is called as the source calls it, in whichever direction it was synced last. */
export function baseNames(naming: Naming, pairs: readonly KnownPair[]): BaseNames {
  const sources = new Set(pairs.map(({ type, sourceId }) => `${type}/${sourceId}`))
  const targets = new Map(pairs.map(({ type, sourceId, targetId }) => [`${type}/${targetId}`, sourceId]))
  const derived = new Map([...naming.derived.values()].map(({ shared, at }) => [shared, at]))
  const source: Lookup = (type, id) => {
    const at = naming.meaningOf({ type, id })?.at ?? derived.get(symbolOf(type, id))
    if (at !== undefined) return { at }
    return sources.has(`${type}/${id}`) ? { at: id, isGone: true } : undefined
  }
  return {
    source,
    target(type, id) {
      // ids within something are called by its id and their place
      const [own, ...place] = id.split('#/')
      const of = targets.get(`${type}/${own}`)
      return of === undefined ? undefined : source(type, [of, ...place].join('#/'))
    },
  }
}

/** What had another id at the target before it was deleted there: its id now, by its type and the id that it had. */
export function renamedAtTarget({ pairs, alive }: Given, naming: Naming): Map<string, string> {
  const anew = new Map<string, string>()
  for (const { type, sourceId, targetId } of pairs) {
    const now = alive.has(`${type}/${targetId}`) ? undefined : naming.meaningOf({ type, id: sourceId })?.at
    if (now !== undefined && now !== targetId) anew.set(`${type}/${targetId}`, now)
  }
  return anew
}

/**
 * The ids that things of the plan had at the target before they were deleted there, in a document of the target: what
 * they become now.
 */
export function renewed(
  given: Given,
  naming: Naming,
): (type: Parameters<typeof rewritten>[0], document: Document) => Document {
  const anew = renamedAtTarget(given, naming)
  const texts = new Map([...anew].map(([key, now]) => [key.slice(key.indexOf('/') + 1), now]))
  const declared = (name: string, toType: string) =>
    toType === '' ? texts.get(name) : anew.get(`${toType}/${name}`)
  return (type, document) => (anew.size === 0 ? document : rewritten(type, document, { declared, texts }))
}

/** What stays is shared with the value, not copied. */
function walk(value: unknown, lookup: (type: string, id: string) => string): unknown {
  if (typeof value === 'string')
    return value.includes('⟨')
      ? value.replace(SYMBOL, (_, type: string, id: string) => lookup(type, id))
      : value
  if (typeof value !== 'object' || value === null) return value
  let next: Document | undefined
  for (const name of Object.keys(value)) {
    const each = (value as Document)[name]
    const become = walk(each, lookup)
    if (become === each) continue
    next ??= (Array.isArray(value) ? [...value] : { ...value }) as Document
    next[name] = become
  }
  return next ?? value
}

/** The document of a source in the names of the target (`at`), and in those that both sides share. */
export function renamed(
  type: ConfigType,
  item: SourceItem,
  naming: Naming,
): Record<keyof Meaning, () => Document> {
  const places = declaredPlaces(type, item.document)
  // a natural key that is called like the id is no reference to it: it is the same everywhere
  const own = type.natural_key.filter(
    (pointer) => pointer !== type.id_path && at(item.document, pointer) === item.id,
  )
  const kept = new Map(own.map((pointer) => [pointer, item.id]))
  const as = (part: keyof Meaning) => () =>
    placed(rewritten(type, item.document, renamingOf(item, naming, part).renaming, places), kept)
  return { at: as('at'), shared: as('shared') }
}
