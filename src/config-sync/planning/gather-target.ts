import { translateKey } from '../../config-hub/compare/match.ts'
import type { NodeKey } from '../../config-hub/index/entry.ts'
import { titleKey } from '../../config-hub/index/store.ts'
import { hashesOf, split } from '../../config-store/secrets.ts'
import type { Deps } from '../../deps.ts'
import {
  type KnownPair,
  keyText,
  referenceKey,
  remembered,
  type SourceItem,
  type SourceReference,
  type SyncInput,
  type TargetItem,
} from './input.ts'
import { pairings } from './pairing.ts'
import {
  aliveOf,
  answersTo,
  type BareItem,
  bareItemsOf,
  itemsOf,
  likeOf,
  type MatchKey,
  type StoredItem,
} from './read-store.ts'
import { AT_ONCE, allOf, type Fetched, isStore, namesOf, readerOf, type Side } from './reader.ts'

type Found = Pick<SyncInput, 'targets' | 'alive' | 'answered'>
type Db = Pick<Deps, 'db' | 'sealing'>
type Given = Pick<SyncInput, 'sourceOrg' | 'targetOrg' | 'sources' | 'pairs' | 'blocked' | 'places'> & {
  /** Of the store, by `type/id`: what may be settled without its document. */
  unread: ReadonlySet<string>
}

/** What the target has of what is to be promoted: counterparts, whatever could be one, and what references may lead to. */
export const targetsOf = (deps: Db, side: Side, given: Given, signal?: AbortSignal): Promise<Found> =>
  side.kind === 'local' ? localTargets(deps, side, given, signal) : remoteTargets(side, given, signal)

async function localTargets(deps: Db, side: Side, given: Given, signal?: AbortSignal): Promise<Found> {
  const { sources, pairs } = given
  const { db } = deps
  const counterparts = counterpartsOf(sources, pairs)
  const live = new Set((await aliveOf(db, side.org, aboutOf(given))).map(keyText))
  const paired = counterparts.filter((key) => live.has(keyText(key)))
  const open = withoutCounterpart(sources, pairs, live)
  const [alike, answered] = await Promise.all([
    likeOf(db, side.org, matchKeysOf(open, pairs)),
    answersTo(db, side.org, unmapped(given, live)),
  ])
  const keys = new Map([...paired, ...alike].map((key) => [keyText(key), key]))
  const all = [...keys.values()]
  const bare = (
    await bareItemsOf(
      db,
      side.org,
      all.filter((key) => given.unread.has(keyText(key))),
    )
  ).map(bareTarget)
  const known = new Set(bare.map(keyText))
  const rows = await itemsOf(
    db,
    side.org,
    all.filter((key) => !known.has(keyText(key))),
  )
  const targets = await readItems(deps, side, { rows, bare }, given, signal)
  return {
    targets,
    alive: new Set([...live, ...keys.keys()]),
    answered: new Set(answered.map(referenceKey)),
  }
}

const bareTarget = ({ version, ...row }: BareItem): TargetItem => ({
  ...{ ...row, revision: String(version), document: {}, secretHashes: null, unread: true },
})

/** The same targets with the documents of these, which the store has; what is gone by now is left out. */
export async function withTargets(
  deps: Db,
  side: Side,
  targets: readonly TargetItem[],
  keys: readonly NodeKey[],
): Promise<TargetItem[]> {
  const asked = new Set(keys.map(keyText))
  const rows = await itemsOf(deps.db, side.org, keys)
  const read = new Map(
    rows.flatMap((row) => storedItem(deps, side, row)).map((each) => [keyText(each), each]),
  )
  return targets.flatMap((target) =>
    asked.has(keyText(target)) ? (read.get(keyText(target)) ?? []) : [target],
  )
}

const sourceKey = ({ type, sourceId }: KnownPair): string => `${type}/${sourceId}`

function counterpartsOf(sources: readonly SourceItem[], pairs: readonly KnownPair[]): NodeKey[] {
  const own = new Set(sources.map(keyText))
  return pairs
    .filter((pair) => own.has(sourceKey(pair)))
    .map(({ type, targetId }) => ({ type, id: targetId }))
}

/**
 * Ids of which it matters whether they live at the target: what pairs lead to, and those that new ones would like to have.
 * Bases name the same, as sources of one direction or of the other: asked here, it need not be known which were read.
 */
function aboutOf({ sources, pairs }: Given): NodeKey[] {
  const nodes = new Set(sources.flatMap(({ references }) => references.flatMap(({ to }) => to)))
  const named = new Set([...nodes].map(keyText))
  const own = new Set(sources.map(keyText))
  const led = pairs
    .filter(
      (pair) =>
        own.has(sourceKey(pair)) || named.has(sourceKey(pair)) || named.has(`${pair.type}/${pair.targetId}`),
    )
    .map(({ type, targetId }) => ({ type, id: targetId }))
  const wished = sources.map(({ type, id }) => ({ type, id }))
  return [...new Map([...led, ...wished].map((key) => [keyText(key), key])).values()]
}

function withoutCounterpart(
  sources: readonly SourceItem[],
  pairs: readonly KnownPair[],
  live: ReadonlySet<string>,
): SourceItem[] {
  const paired = new Set(pairs.filter(({ type, targetId }) => live.has(`${type}/${targetId}`)).map(sourceKey))
  return sources.filter((source) => !paired.has(keyText(source)))
}

/** What to look for: natural keys as the target would have them, too. */
function matchKeysOf(sources: readonly SourceItem[], pairs: readonly KnownPair[]) {
  const ids = new Map(pairs.map(({ sourceId, targetId }) => [sourceId, targetId]))
  const once = (keys: readonly MatchKey[]) => [
    ...new Map(keys.map((each) => [`${each.type} ${each.key}`, each])).values(),
  ]
  return {
    naturalKeys: once(
      sources.flatMap(({ type, naturalKey }) => {
        const key = translateKey(naturalKey, (id) => ids.get(id))
        return key === null ? [] : [{ type, key }]
      }),
    ),
    names: once(sources.flatMap(({ type, names }) => names.map((key) => ({ type, key })))),
    titles: once(sources.map(({ type, title }) => ({ type, key: titleKey(title.trim()) }))),
  }
}

/** References to what neither the plan nor lineage knows. */
function unmapped({ sources, pairs }: Given, live: ReadonlySet<string>): SourceReference[] {
  const known = new Set([
    ...sources.map(keyText),
    ...pairs.filter(({ type, targetId }) => live.has(`${type}/${targetId}`)).map(sourceKey),
  ])
  const isKnown = remembered((key) => known.has(keyText(key)))
  const open = sources.flatMap(({ references }) => references.filter(({ to }) => !to.some(isKnown)))
  // what the plan refuses in the end is asked about as well: it may be there by its name
  const required = sources.flatMap(({ references }) => references.filter((each) => each.required))
  return [...new Map([...open, ...required].map((each) => [referenceKey(each), each])).values()]
}

async function readItems(
  deps: Db,
  side: Side,
  { rows, bare }: { rows: readonly StoredItem[]; bare: readonly TargetItem[] },
  given: Given,
  signal?: AbortSignal,
): Promise<TargetItem[]> {
  const stored = [
    ...bare,
    ...rows.filter(({ type }) => isStore(side, type)).flatMap((row) => storedItem(deps, side, row)),
  ]
  const elsewhere = rows.filter(({ type }) => !isStore(side, type))
  if (elsewhere.length === 0) return stored
  const reader = readerOf(side, signal)
  const candidates = elsewhere.map(
    (row): TargetItem => ({ ...row, revision: '', document: {}, secretHashes: null }),
  )
  // only what is a counterpart is asked for
  const wanted = new Set(
    counterparts({ ...given, targets: [...stored, ...candidates], alive: new Set() }).map(keyText),
  )
  const read = await allOf(
    elsewhere.filter((row) => wanted.has(keyText(row))),
    AT_ONCE,
    (row) => reader.get(row),
  )
  const others = candidates.filter((each) => !wanted.has(keyText(each)))
  return [...stored, ...others, ...read.flatMap((each) => (each ? [itemOf(each)] : []))]
}

const counterparts = (given: Parameters<typeof pairings>[0]): TargetItem[] =>
  [...pairings(given).values()].flatMap(({ target }) => (target ? [target] : []))

function storedItem({ sealing }: Db, side: Side, row: StoredItem): TargetItem[] {
  const type = side.registry.get(row.type)
  if (!row.document || !type) return []
  const { visible, given } = split(type, row.document)
  const hashes = { ...row.secretHashes, ...hashesOf(sealing, given) }
  const { type: name, id, title, naturalKey, names, version } = row
  return [
    {
      ...{ type: name, id, title, naturalKey, names, document: visible },
      ...{ revision: String(version), secretHashes: hashes },
    },
  ]
}

const itemOf = ({ entry, document, item }: Fetched): TargetItem => ({
  ...{ type: entry.type, id: entry.id, title: entry.title, naturalKey: entry.naturalKey },
  ...{ names: namesOf(entry), document, revision: item.revision, secretHashes: null },
})

/**
 * A place elsewhere says what it has by its lists; what becomes a counterpart is read once more by itself, since only
 * then its revision is the one that guards a write.
 */
async function remoteTargets(side: Side, given: Given, signal?: AbortSignal): Promise<Found> {
  const { sources, pairs } = given
  const reader = readerOf(side, signal)
  const types = [...new Set(sources.map(({ type }) => type))].sort()
  const targets: TargetItem[] = []
  const alive = new Set<string>()
  const named = new Map<string, Set<string>>()
  const isListed = new Set<string>()
  for (const type of types) {
    const all = await reader.all(type)
    if (all) isListed.add(type)
    for (const each of all?.values() ?? []) {
      targets.push(itemOf(each))
      alive.add(keyText(each.entry))
      for (const { name, kind } of each.entry.names)
        named.set(name, (named.get(name) ?? new Set()).add(`${type} ${kind}`))
    }
  }
  // what no list shows is asked for one by one
  const asked = aboutOf(given).filter(({ type }) => !isListed.has(type))
  const single = await allOf(asked, AT_ONCE, (key) => reader.get(key))
  for (const each of single) {
    if (!each) continue
    alive.add(keyText(each.entry))
    if (types.includes(each.entry.type)) targets.push(itemOf(each))
  }
  const known = new Map(targets.map((target) => [keyText(target), target]))
  const wanted = counterparts({ ...given, targets, alive })
  for (const each of await allOf(wanted, AT_ONCE, (key) => reader.get(key)))
    if (each) known.set(keyText(each.entry), itemOf(each))
  const answered = await answeredBy(reader, side, unmapped({ ...given, sources, pairs }, alive), named)
  return { targets: [...known.values()], alive, answered }
}

/** Of what was listed all names are known; what a reference declares by its id is asked for where it is required. */
async function answeredBy(
  reader: ReturnType<typeof readerOf>,
  side: Side,
  references: readonly SourceReference[],
  named: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<Set<string>> {
  const found = await allOf(references, AT_ONCE, async (reference) => {
    const { name, toType, kind, required } = reference
    const has = named.get(name)
    const kinds = kind === 'any' ? ['id', 'alias', 'slug', 'variable'] : [kind]
    const types = toType === '' ? [...side.registry.keys()] : [toType]
    if (has && types.some((type) => kinds.some((each) => has.has(`${type} ${each}`)))) return [reference]
    if (!required || toType === '' || (kind !== 'id' && kind !== 'any') || !side.registry.has(toType))
      return []
    return (await reader.get({ type: toType, id: name })) ? [reference] : []
  })
  return new Set(found.flat().map(referenceKey))
}
