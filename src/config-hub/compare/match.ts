/** A configuration as matching sees it. `naturalKey` is JSON text; `names` are its aliases and slugs. */
export type Candidate = { id: string; title: string; naturalKey: string | null; names: readonly string[] }

/** By what two were matched, in the order in which it counts. */
export type MatchedBy = 'natural_key' | 'name' | 'title'

export type Match = { sourceId: string; targetId: string; by: MatchedBy }
export type Matching = {
  matches: Match[]
  /** Sources for which several targets would do, or which share what would identify them; never guessed. */
  ambiguous: Map<string, string[]>
}

type Given = {
  sources: readonly Candidate[]
  targets: readonly Candidate[]
  /** Target ids that lineage pairs with another source already. */
  claimed: ReadonlySet<string>
  blocked: readonly { sourceId: string; targetId: string }[]
  /** The id that a source id has at the target, where lineage knows it: natural keys may contain ids. */
  translate(sourceId: string): string | undefined
}

type Keys = (candidate: Candidate) => readonly string[]

const KEYS: readonly [MatchedBy, Keys][] = [
  ['natural_key', ({ naturalKey }) => (naturalKey === null ? [] : [naturalKey])],
  ['name', ({ names }) => names],
  ['title', ({ title }) => (title.trim() === '' ? [] : [title.trim().toLowerCase()])],
]

/**
 * Pairs sources with targets by what identifies them, one to one: natural key, else alias or slug, else title. A pair
 * is made only where one source and one target share it and no other does; whoever shares it with several is ambiguous
 * and is not tried by less. Pure, and independent of the order of its input.
 */
export function match({ sources, targets, claimed, blocked, translate }: Given): Matching {
  const blocks = new Set(blocked.map(({ sourceId, targetId }) => JSON.stringify([sourceId, targetId])))
  const free = targets.filter(({ id }) => !claimed.has(id))
  const translated = sources.map((source) => ({
    ...source,
    naturalKey: translateKey(source.naturalKey, translate),
  }))
  const open = new Map(translated.map((source) => [source.id, source]))
  const taken = new Set<string>()
  const matching: Matching = { matches: [], ambiguous: new Map() }
  for (const [by, keysOf] of KEYS) {
    const targetsBy = grouped(
      free.filter(({ id }) => !taken.has(id)),
      keysOf,
    )
    const sourcesBy = grouped([...open.values()], keysOf)
    const decided: { source: string; found: Set<string>; alone: boolean }[] = []
    for (const source of open.values()) {
      const keys = keysOf(source)
      const found = keys.flatMap((key) => [...(targetsBy.get(key) ?? [])])
      const left = new Set(found.filter((id) => !blocks.has(JSON.stringify([source.id, id]))))
      if (left.size === 0) continue
      decided.push({
        source: source.id,
        found: left,
        alone: keys.every((key) => sourcesBy.get(key)?.size === 1),
      })
    }
    const wanted = grouped(
      decided,
      ({ found }) => [...found],
      ({ source }) => source,
    )
    for (const { source, found, alone } of decided) {
      const [only] = found
      open.delete(source)
      if (found.size === 1 && alone && only !== undefined && wanted.get(only)?.size === 1) {
        matching.matches.push({ sourceId: source, targetId: only, by })
        taken.add(only)
      } else matching.ambiguous.set(source, [...found].sort())
    }
  }
  return matching
}

function grouped<T>(
  items: readonly T[],
  keysOf: (item: T) => readonly string[],
  idOf: (item: T) => string = (item) => (item as { id: string }).id,
): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>()
  for (const item of items)
    for (const key of keysOf(item)) {
      const group = groups.get(key) ?? new Set()
      groups.set(key, group.add(idOf(item)))
    }
  return groups
}

/** Ids of the source organisation within a natural key, as the target knows them. */
export function translateKey(
  naturalKey: string | null,
  translate: (sourceId: string) => string | undefined,
): string | null {
  if (naturalKey === null) return null
  const values = JSON.parse(naturalKey) as unknown[]
  return JSON.stringify(
    values.map((value) => (typeof value === 'string' ? (translate(value) ?? value) : value)),
  )
}
