import { derive } from '../../config-hub/index/derive.ts'
import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import { mergePatch } from '../../config-store/rules.ts'
import { type Secrets, split } from '../../config-store/secrets.ts'
import type { Deps } from '../../deps.ts'
import { type NameOf, namedIn, resolvedBy } from './extracted.ts'
import { keyText, type SourceItem, type SourceReference } from './input.ts'
import { answersTo, bareItemsOf, itemsOf, referencesOf, type StoredItem } from './read-store.ts'
import { AT_ONCE, allOf, isStore, namesOf, type Reader, readerOf, type Side } from './reader.ts'

type Db = Pick<Deps, 'db' | 'sealing'>

export type Selection = {
  resources: readonly NodeKey[]
  includeDependencies: boolean
  /** JSON merge patches on what the source has, by `type/id`. */
  overrides: ReadonlyMap<string, Document>
  /** Ids of the source that the target's lineage knows: names that texts may hold. */
  known: readonly NodeKey[]
  /** Of the store, by `type/id`: what may be settled without its document. */
  unread: ReadonlySet<string>
}

/** What is asked for, and with dependencies all that it refers to, wherever that leads. */
export const sourcesOf = (
  deps: Db,
  side: Side,
  selection: Selection,
  signal?: AbortSignal,
): Promise<SourceItem[]> =>
  side.kind === 'local'
    ? localSources(deps, side, selection, signal)
    : remoteSources(readerOf(side, signal), side, selection)

/** Level by level along the index of references, a few statements for each. */
async function localSources(
  deps: Db,
  side: Side,
  { resources, includeDependencies, overrides, known, unread }: Selection,
  signal?: AbortSignal,
): Promise<SourceItem[]> {
  const reader = readerOf(side, signal)
  const found = new Map<string, SourceItem>()
  const seen = new Set<string>()
  for (let level = unseen(resources, seen); level.length > 0; ) {
    const [items, references] = await Promise.all([
      readLevel(deps, side, level, unread, reader),
      referencesOf(deps.db, side.org, level, known),
    ])
    for (const item of items)
      found.set(keyText(item), { ...item, references: references.get(keyText(item)) ?? [] })
    await overrideAll(
      items.map(keyText).flatMap((key) => found.get(key) ?? []),
      found,
      side,
      overrides,
      (bare) => answersTo(deps.db, side.org, bare),
    )
    if (!includeDependencies) break
    const next = new Set<NodeKey>()
    for (const item of items)
      for (const { to } of found.get(keyText(item))?.references ?? []) for (const key of to) next.add(key)
    level = unseen([...next], seen)
  }
  return [...found.values()]
}

function unseen(keys: readonly NodeKey[], seen: Set<string>): NodeKey[] {
  return keys.filter((key) => {
    const text = keyText(key)
    if (seen.has(text)) return false
    seen.add(text)
    return true
  })
}

type Bare = Omit<SourceItem, 'references'>

/** Configurations of one level, some without their documents; whatever the store does not have is read after all. */
async function readLevel(
  deps: Db,
  side: Side,
  level: readonly NodeKey[],
  unread: ReadonlySet<string>,
  reader: Reader,
): Promise<Bare[]> {
  const bare = await bareItemsOf(
    deps.db,
    side.org,
    level.filter((key) => unread.has(keyText(key))),
  )
  const known = new Set(bare.map(keyText))
  const rest = level.filter((key) => !known.has(keyText(key)))
  const items = await readDocuments(deps, side, await itemsOf(deps.db, side.org, rest), reader)
  return [...bare.map((row): Bare => ({ ...row, document: {}, secrets: {}, unread: true })), ...items]
}

/** The same sources with the documents of these, which the store has; what is gone by now is left out. */
export async function withSources(
  deps: Db,
  side: Side,
  sources: readonly SourceItem[],
  keys: readonly NodeKey[],
): Promise<SourceItem[]> {
  const asked = new Set(keys.map(keyText))
  const rows = await itemsOf(deps.db, side.org, keys)
  const read = new Map(
    (await readDocuments(deps, side, rows, readerOf(side))).map((item) => [keyText(item), item]),
  )
  return sources.flatMap((source): SourceItem[] => {
    if (!asked.has(keyText(source))) return [source]
    const item = read.get(keyText(source))
    return item ? [{ ...item, references: source.references }] : []
  })
}

/** Of the store all at once; what lives elsewhere is asked for one by one. */
async function readDocuments(
  deps: Db,
  side: Side,
  rows: readonly StoredItem[],
  reader: Reader,
): Promise<Bare[]> {
  const elsewhere = rows.filter(({ document }) => document === null)
  const fetched = await allOf(elsewhere, AT_ONCE, (row) => reader.get(row))
  const stored = rows.flatMap((row): Bare[] => {
    const type = side.registry.get(row.type)
    if (!row.document || !type) return []
    const { visible, given } = split(type, row.document)
    const sealed = row.sealedSecrets ? (JSON.parse(deps.sealing.unseal(row.sealedSecrets)) as Secrets) : {}
    const { type: name, id, title, naturalKey, names, version } = row
    const secrets = { ...sealed, ...given }
    return [
      {
        ...{ type: name, id, title, naturalKey, names, document: visible, secrets },
        ...(isStore(side, name) ? { version } : {}),
      },
    ]
  })
  const others = fetched.flatMap((each): Bare[] => (each ? [bareOf(each)] : []))
  return [...stored, ...others]
}

const bareOf = ({ entry, document }: NonNullable<Awaited<ReturnType<Reader['get']>>>): Bare => ({
  ...{ type: entry.type, id: entry.id, title: entry.title, naturalKey: entry.naturalKey },
  ...{ names: namesOf(entry), document, secrets: {} },
})

type Answers = (
  bare: readonly Omit<SourceReference, 'to'>[],
) => Promise<(Pick<SourceReference, 'name' | 'toType' | 'kind'> & NodeKey)[]>

/** Applies what was given for single configurations; what those refer to is then what their documents say now. */
async function overrideAll(
  items: readonly SourceItem[],
  found: Map<string, SourceItem>,
  side: Side,
  overrides: ReadonlyMap<string, Document>,
  answers: Answers,
): Promise<void> {
  for (const item of items) {
    const patch = overrides.get(keyText(item))
    const type = side.registry.get(item.type)
    if (!patch || !type) continue
    const { visible, given } = split(type, mergePatch(item.document, patch))
    const bare = namedIn(type, visible)
    const named = await answers(bare)
    const entry = derive(type, visible, {
      ...{ id: item.id, connector: type.connector, version: 0, updatedAt: new Date(0), updatedBy: null },
    })
    // what is overridden is no version of the store
    const { version: _, ...own } = item
    found.set(keyText(item), {
      ...own,
      ...{ title: entry.title, naturalKey: entry.naturalKey, names: namesOf(entry), document: visible },
      secrets: { ...item.secrets, ...given },
      references: bare
        .map((each) => ({
          ...each,
          to: named
            .filter(
              ({ name, toType, kind }) => name === each.name && toType === each.toType && kind === each.kind,
            )
            .filter(({ type, id }) => !(each.kind === 'text' && type === item.type && id === item.id))
            .map(({ type, id }) => ({ type, id })),
        }))
        .filter(({ kind, to }) => (kind !== 'text' && kind !== 'template') || to.length > 0),
    })
  }
}

/**
 * Of a place that has no index here: each document is fetched, and says by its type what it refers to. Names other than
 * ids are looked up in the list of the type that a reference declares. A text is searched for the ids of what was
 * fetched or listed, and of what lineage knows.
 */
async function remoteSources(
  reader: Reader,
  side: Side,
  { resources, includeDependencies, overrides, known }: Selection,
): Promise<SourceItem[]> {
  const found = new Map<string, Bare>()
  const names = new Map<string, NameOf[]>()
  const learn = (name: string, of: NameOf): void => {
    const all = names.get(name) ?? []
    names.set(name, all)
    if (!all.some(({ type, id, kind }) => type === of.type && id === of.id && kind === of.kind)) all.push(of)
  }
  for (const { type, id } of known) learn(id, { type, id, kind: 'id' })
  const listed = new Set<string>()
  const list = async (type: string): Promise<void> => {
    if (listed.has(type)) return
    listed.add(type)
    for (const { entry } of (await reader.all(type))?.values() ?? [])
      for (const { name, kind } of entry.names) learn(name, { type, id: entry.id, kind })
  }
  const seen = new Set<string>()
  for (let level = unseen(resources, seen); level.length > 0; ) {
    const fetched = (await allOf(level, AT_ONCE, (key) => reader.get(key))).filter(
      (each) => each !== undefined,
    )
    for (const { entry } of fetched)
      for (const { name, kind } of entry.names) learn(name, { type: entry.type, id: entry.id, kind })
    const items = fetched.map((each) => overridden(side, bareOf(each), overrides.get(keyText(each.entry))))
    for (const item of items) found.set(keyText(item), item)
    if (!includeDependencies) break
    const bare = items.map((item) => ({ item, bare: bareReferences(side, item) }))
    for (const { bare: each } of bare)
      for (const { toType, kind } of each)
        if (toType !== '' && kind !== 'id' && side.registry.has(toType)) await list(toType)
    const byId = bare.flatMap(({ bare: each }) =>
      each.flatMap(({ name, toType, kind }) =>
        toType !== '' && (kind === 'id' || kind === 'any') && side.registry.has(toType)
          ? [{ type: toType, id: name }]
          : [],
      ),
    )
    const resolved = bare.flatMap(({ item, bare: each }) =>
      resolvedBy(item, each, names).flatMap(({ to }) => to),
    )
    level = unseen([...byId, ...resolved], seen)
  }
  return [...found.values()].map((item) => ({
    ...item,
    references: resolvedBy(item, bareReferences(side, item), names),
  }))
}

const bareReferences = (side: Side, { type, document }: Bare) => {
  const of = side.registry.get(type)
  return of ? namedIn(of, document) : []
}

function overridden(side: Side, item: Bare, patch: Document | undefined): Bare {
  const type = side.registry.get(item.type)
  if (!patch || !type) return item
  const { visible, given } = split(type, mergePatch(item.document, patch))
  return { ...item, document: visible, secrets: { ...item.secrets, ...given } }
}
