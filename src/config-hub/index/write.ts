import type { Queryable } from '../../db/pool.ts'
import { seedOf, variableHash, wordHash } from '../references/token-hash.ts'
import type { Entry, NodeKey } from './entry.ts'
import {
  type Appearing,
  dropNames,
  lockNames,
  type NodeName,
  namesOfNodes,
  promote,
  tombstoneNodes,
  type WrittenEntry,
  writeEntries,
} from './store.ts'

const byKey = (a: NodeKey, b: NodeKey): number =>
  a.type < b.type ? -1 : a.type > b.type ? 1 : a.id < b.id ? -1 : a.id > b.id ? 1 : 0

/**
 * Makes these configurations what the index says of them: node, names, edges, mentions, in the open transaction; one
 * that was deleted lives again. Configurations that mention a name that one of them gains get their edges to it.
 */
export async function indexEntries(tx: Queryable, org: string, entries: readonly Entry[]): Promise<void> {
  if (entries.length === 0) return
  const seed = seedOf(org)
  const sorted = [...entries].sort(byKey)
  const before = await namesOfNodes(tx, org, sorted)
  const after = sorted.flatMap(({ type, id, names }) => names.map((each) => ({ type, id, ...each })))
  const gained = without(after, before)
  const lost = without(before, after)
  const known = new Set(before.map(keyText))
  const rows = sorted.map((entry) => ({ ...written(seed, entry), known: known.has(keyText(entry)) }))
  // one after the other, sent without waiting: promotion looks at what others mention, so before these are written
  await Promise.all([
    lockNames(tx, org, gained.length > 0),
    ...(gained.length > 0 ? [promote(tx, org, appearing(seed, gained))] : []),
    ...(lost.length > 0 ? [dropNames(tx, org, lost)] : []),
    writeEntries(tx, org, rows, gained),
  ])
}

/**
 * Marks configurations as gone: they refer to nothing any more. Their names stay, so that what still refers to them is
 * found to dangle.
 */
export async function tombstone(
  tx: Queryable,
  org: string,
  keys: readonly NodeKey[],
  at: Date,
): Promise<void> {
  if (keys.length === 0) return
  // not while a name appears, whose edges would be written beside those that go
  await lockNames(tx, org, false)
  await tombstoneNodes(tx, org, [...keys].sort(byKey), at)
}

const keyText = ({ type, id }: NodeKey): string => `${type}/${id}`
const nameKey = ({ type, id, name, kind }: NodeName): string => JSON.stringify([type, id, name, kind])

const without = (names: readonly NodeName[], others: readonly NodeName[]): NodeName[] => {
  const keys = new Set(others.map(nameKey))
  return names.filter((each) => !keys.has(nameKey(each)))
}

/** Each name once; variables apart from the rest, since templates alone use them. */
function appearing(seed: number, gained: readonly NodeName[]): Appearing[] {
  const all = gained.map(({ name, kind }): Appearing => {
    const variable = kind === 'variable'
    return { name, variable, hash: variable ? variableHash(seed, name) : wordHash(seed, name) }
  })
  return [...new Map(all.map((each) => [each.hash, each])).values()]
}

export function written(seed: number, entry: Entry): WrittenEntry {
  const words = entry.words.map((word) => wordHash(seed, word))
  const variables = entry.variables.map((name) => variableHash(seed, name))
  return { entry, tokens: [...new Set([...words, ...variables])].sort((a, b) => a - b) }
}
