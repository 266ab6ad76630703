import { match } from '../../config-hub/compare/match.ts'
import type { NodeKey } from '../../config-hub/index/entry.ts'
import { sha256 } from '../../operation/plan.ts'
import { byKey, type KnownPair, keyText, type SourceItem, type SyncInput, type TargetItem } from './input.ts'
import type { PlanRow } from './plan.ts'

/** What a configuration of the source is at the target, or will be. */
export type Pairing = {
  /** What is there; undefined: it is to be created. */
  target: TargetItem | undefined
  /** Null when the target makes it. */
  targetId: string | null
  matchedBy: PlanRow['matchedBy']
  pair: KnownPair | undefined
  /** Several would do, by id; nothing is guessed. */
  ambiguous: readonly string[] | undefined
  /** There was one once, which the target has deleted since. */
  wasDeleted: boolean
}

type Given = Pick<
  SyncInput,
  'sourceOrg' | 'targetOrg' | 'sources' | 'targets' | 'pairs' | 'blocked' | 'alive' | 'places'
>

/**
 * What each source is at the target, by `type/id`: as lineage says, else as natural key, alias or title say beyond doubt,
 * else nothing yet. New ids are the source's where the target lets us choose them and they are free, else they follow
 * from the source's, so that the same plan comes out again.
 */
export function pairings(given: Given): Map<string, Pairing> {
  const found = new Map<string, Pairing>()
  const sources = Map.groupBy([...given.sources].sort(byKey), ({ type }) => type)
  const targets = Map.groupBy([...given.targets].sort(byKey), ({ type }) => type)
  const pairs = Map.groupBy(preferred(given.pairs), ({ type }) => type)
  const blocked = Map.groupBy(given.blocked, ({ type }) => type)
  const translate = translation(given.pairs)
  for (const [type, own] of sources)
    pairType(own, found, {
      ...given,
      type,
      targets: targets.get(type) ?? [],
      pairs: pairs.get(type) ?? [],
      blocked: blocked.get(type) ?? [],
      translate,
    })
  return found
}

/** Of two pairs that have a side in common, the one that is not mirrored. */
function preferred(pairs: readonly KnownPair[]): KnownPair[] {
  const [sources, targets] = [new Set<string>(), new Set<string>()]
  const inOrder = [...pairs].sort(
    (a, b) =>
      Number(a.mirrored) - Number(b.mirrored) ||
      byKey({ type: a.type, id: a.sourceId }, { type: b.type, id: b.sourceId }) ||
      byKey({ type: a.type, id: a.targetId }, { type: b.type, id: b.targetId }),
  )
  return inOrder.filter(({ type, sourceId, targetId }) => {
    const [source, target] = [`${type}/${sourceId}`, `${type}/${targetId}`]
    if (sources.has(source) || targets.has(target)) return false
    sources.add(source)
    targets.add(target)
    return true
  })
}

/** The target's id of whatever has this id at the source, of any type, unless they differ. */
function translation(pairs: readonly KnownPair[]): (id: string) => string | undefined {
  const ids = new Map<string, string | undefined>()
  for (const { sourceId, targetId } of preferred(pairs))
    ids.set(sourceId, ids.has(sourceId) && ids.get(sourceId) !== targetId ? undefined : targetId)
  return (id) => ids.get(id)
}

type OfType = Given & { type: string; translate(id: string): string | undefined }

function pairType(sources: readonly SourceItem[], found: Map<string, Pairing>, given: OfType): void {
  const { type, targets, pairs, blocked, translate, alive, places } = given
  const byId = new Map(targets.map((target) => [target.id, target]))
  const pairOf = new Map(pairs.map((pair) => [pair.sourceId, pair]))
  const open: SourceItem[] = []
  for (const source of sources) {
    const pair = pairOf.get(source.id)
    const target = pair && byId.get(pair.targetId)
    if (!target) open.push(source)
    else
      found.set(keyText(source), {
        ...{ target, targetId: target.id, matchedBy: 'lineage', pair },
        ...{ ambiguous: undefined, wasDeleted: false },
      })
  }
  const claimed = new Set(pairs.filter(({ loose }) => !loose).map(({ targetId }) => targetId))
  const { matches, ambiguous } = match({ sources: open, targets, claimed, blocked, translate })
  const matched = new Map(matches.map((each) => [each.sourceId, each]))
  // ids of what is gone are not given to something else
  const taken = new Set([...pairs, ...matches].map(({ targetId }) => targetId))
  const choosesIds = places.get(type)?.choosesIds ?? false
  const isFree = (id: string) => !taken.has(id) && !byId.has(id) && !alive.has(`${type}/${id}`)
  for (const source of open) {
    const pair = pairOf.get(source.id)
    const by = matched.get(source.id)
    const target = by && byId.get(by.targetId)
    const among = ambiguous.get(source.id)
    let targetId = target?.id ?? null
    if (!target && !among && choosesIds) {
      const before = pair?.targetId
      const isBefore = before !== undefined && !byId.has(before) && !alive.has(`${type}/${before}`)
      targetId = isBefore ? before : freeId(source, given, isFree)
      taken.add(targetId)
    }
    found.set(keyText(source), {
      ...{ target, targetId, matchedBy: by?.by ?? null, ambiguous: among },
      // of what was matched anew nothing is known that was common
      pair: target ? undefined : pair,
      wasDeleted: pair !== undefined && !target,
    })
  }
}

function freeId(
  { type, id }: NodeKey,
  { sourceOrg, targetOrg }: Given,
  isFree: (id: string) => boolean,
): string {
  for (let attempt = 0, next = id; ; attempt++) {
    if (isFree(next)) return next
    next = uuidOf(JSON.stringify([sourceOrg, targetOrg, type, id, attempt]))
  }
}

/** In the form of a UUID (version 8: made in a way of our own, RFC 9562), always the same for a text. */
function uuidOf(text: string): string {
  const hex = sha256(text)
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 3]
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
