import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import type { Queryable } from '../../db/pool.ts'
import { type KnownPair, keyText } from './input.ts'
import { aliveOf, basesWith, blocksWith, type PairRow, pairsWith } from './read-store.ts'
import { AT_ONCE, allOf, readerOf, type Side } from './reader.ts'
import { symbolsIn } from './rewrite.ts'

/** A pair with when it was last synced, and who keeps it. */
export type DatedPair = Omit<KnownPair, 'base' | 'baseMirrored'> & { syncedAt: Date | null }
export type Blocked = { type: string; sourceId: string; targetId: string }

/**
 * What lineage says of two organisations: what the target imported from the source, and mirrored, what the source
 * imported from the target. An organisation elsewhere has no lineage here.
 */
export async function pairsOf(
  db: Queryable,
  source: Side,
  target: Side,
): Promise<{ pairs: DatedPair[]; blocked: Blocked[] }> {
  const [direct, mirrored, blocks, mirroredBlocks] = await Promise.all([
    target.kind === 'local' ? pairsWith(db, target.org, source.org) : [],
    source.kind === 'local' ? pairsWith(db, source.org, target.org) : [],
    target.kind === 'local' ? blocksWith(db, target.org, source.org) : [],
    source.kind === 'local' ? blocksWith(db, source.org, target.org) : [],
  ])
  const back = new Map(
    mirrored.map(({ settledAs: _, ...row }: PairRow) => {
      const pair = { ...turned(row), mirrored: true }
      return [bothKey(pair), pair] as const
    }),
  )
  return {
    pairs: [
      ...direct.map(({ settledAs, ...row }: PairRow) => {
        const isLast = settledAs !== null && !isOlder(row, back.get(bothKey(row)))
        return { ...row, mirrored: false, settledAs: isLast ? settledAs : undefined }
      }),
      ...back.values(),
    ],
    blocked: [...blocks, ...mirroredBlocks.map(turned)],
  }
}

/** Which of two that say the same pair was synced before the other; the base of that one counts. */
const isOlder = (
  pair: Pick<DatedPair, 'syncedAt'>,
  other: Pick<DatedPair, 'syncedAt'> | undefined,
): boolean =>
  other !== undefined && other.syncedAt !== null && (pair.syncedAt === null || pair.syncedAt < other.syncedAt)

/** Which of these live on a side. An answer takes one statement here, one request for each elsewhere. */
async function livingOf(db: Queryable, side: Side, keys: readonly NodeKey[]): Promise<Set<string>> {
  if (side.kind === 'local') return new Set((await aliveOf(db, side.org, keys)).map(keyText))
  const reader = readerOf(side)
  const found = await allOf(keys, AT_ONCE, (key) => reader.get(key))
  return new Set(keys.filter((_, index) => found[index]).map(keyText))
}

const sourceOf = ({ type, sourceId }: Blocked): NodeKey => ({ type, id: sourceId })
const targetOf = ({ type, targetId }: Blocked): NodeKey => ({ type, id: targetId })

/**
 * Each direction keeps pairs of its own, which outlive what they pair. Where two have one end in common, the one of
 * which more lives counts.
 */
export async function withoutDead(
  db: Queryable,
  source: Side,
  target: Side,
  pairs: readonly DatedPair[],
): Promise<readonly DatedPair[]> {
  const once = new Map(pairs.map((pair) => [bothKey(pair), pair]))
  const bySource = Map.groupBy(once.values(), (pair) => keyText(sourceOf(pair)))
  const byTarget = Map.groupBy(once.values(), (pair) => keyText(targetOf(pair)))
  const rivals = (pair: DatedPair): DatedPair[] =>
    [
      ...(bySource.get(keyText(sourceOf(pair))) ?? []),
      ...(byTarget.get(keyText(targetOf(pair))) ?? []),
    ].filter((other) => bothKey(other) !== bothKey(pair))
  if (bySource.size === once.size && byTarget.size === once.size) return pairs
  const contested = pairs.filter((pair) => rivals(pair).length > 0)
  const [sources, targets] = await Promise.all([
    livingOf(db, source, contested.map(sourceOf)),
    livingOf(db, target, contested.map(targetOf)),
  ])
  const living = (pair: DatedPair): number =>
    Number(sources.has(keyText(sourceOf(pair)))) + Number(targets.has(keyText(targetOf(pair))))
  // of two that are both gone in part the later one is what was there last
  const since = ({ syncedAt }: DatedPair): number => syncedAt?.getTime() ?? Number.POSITIVE_INFINITY
  const yields = (pair: DatedPair, other: DatedPair): boolean =>
    living(other) > living(pair) ||
    (living(other) === living(pair) && living(pair) < 2 && since(other) > since(pair))
  return pairs.filter((pair) => !rivals(pair).some((other) => yields(pair, other)))
}

/** Pairs of what is not promoted here: whoever would be matched with their targets has to know whether they still count. */
export const loosened = (pairs: readonly DatedPair[], sources: readonly NodeKey[]): DatedPair[] => {
  const own = new Set(sources.map(keyText))
  return pairs.map((pair) => (own.has(keyText(sourceOf(pair))) ? pair : { ...pair, loose: true as const }))
}

/** Of these targets, which something else would become, the pairs whose source is gone are loose. */
export async function loosePairs(
  db: Queryable,
  source: Side,
  pairs: readonly DatedPair[],
  targets: ReadonlySet<string>,
): Promise<DatedPair[]> {
  const asked = pairs.filter((pair) => targets.has(keyText(targetOf(pair))))
  const living = asked.length === 0 ? undefined : await livingOf(db, source, asked.map(sourceOf))
  const gone = new Set(asked.filter((pair) => !living?.has(keyText(sourceOf(pair)))))
  return pairs.map((pair) => (gone.has(pair) ? { ...pair, loose: true as const } : pair))
}

const turned = <T extends Blocked>(row: T): T => ({ ...row, sourceId: row.targetId, targetId: row.sourceId })

/** The pairs with what those of these sources were when they were last synced, in whichever direction that was. */
export async function withBases(
  db: Queryable,
  source: Side,
  target: Side,
  pairs: readonly DatedPair[],
  sources: readonly NodeKey[],
): Promise<KnownPair[]> {
  const own = new Set(sources.map(keyText))
  const latest = new Map<string, DatedPair>()
  for (const pair of pairs) {
    if (!own.has(`${pair.type}/${pair.sourceId}`) || pair.syncedAt === null) continue
    const known = latest.get(bothKey(pair))
    if (!known || isOlder(known, pair)) latest.set(bothKey(pair), pair)
  }
  const chosen = [...latest.values()]
  const of = (mirrored: boolean): NodeKey[] =>
    chosen
      .filter((pair) => pair.mirrored === mirrored)
      .map(({ type, sourceId, targetId }) => ({ type, id: mirrored ? targetId : sourceId }))
  const [direct, turnedBases] = await Promise.all([
    basesWith(db, target.org, source.org, of(false)),
    basesWith(db, source.org, target.org, of(true)),
  ])
  const bases = {
    direct: new Map(direct.map(({ base, ...key }) => [keyText(key), base])),
    mirrored: new Map(turnedBases.map(({ base, ...key }) => [keyText(key), base])),
  }
  const baseOf = ({ type, sourceId, targetId, mirrored }: DatedPair): Document | null =>
    (mirrored ? bases.mirrored.get(`${type}/${targetId}`) : bases.direct.get(`${type}/${sourceId}`)) ?? null
  return pairs.map((pair): KnownPair => {
    const from = latest.get(bothKey(pair))
    const { syncedAt: _, ...rest } = pair
    const base = from ? baseOf(from) : null
    return { ...rest, base, baseMirrored: from?.mirrored ?? rest.mirrored }
  })
}

const bothKey = ({ type, sourceId, targetId }: Blocked): string => JSON.stringify([type, sourceId, targetId])

/**
 * Which counterparts live of all that bases name, asked for as far as that is not known: what a source does not name any
 * more may still be what the target names.
 */
export async function livingInBases(
  db: Queryable,
  target: Side,
  pairs: readonly KnownPair[],
  alive: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const names = new Set(pairs.flatMap(({ base }) => (base ? symbolsIn(base) : [])))
  const asked = pairs
    .filter((pair) => names.has(keyText(sourceOf(pair))) || names.has(keyText(targetOf(pair))))
    .map(targetOf)
    .filter((key) => !alive.has(keyText(key)))
  if (asked.length === 0) return alive
  return new Set([...alive, ...(await livingOf(db, target, asked))])
}
