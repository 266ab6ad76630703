import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import type { Queryable } from '../../db/pool.ts'
import { type KnownPair, keyText, type SourceItem } from './input.ts'
import { basesWith, blocksWith, type PairRow, pairsWith } from './read-store.ts'
import type { Side } from './reader.ts'

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
  return {
    pairs: [
      ...direct.map((row: PairRow) => ({ ...row, mirrored: false })),
      ...mirrored.map((row: PairRow) => ({ ...turned(row), mirrored: true })),
    ],
    blocked: [...blocks, ...mirroredBlocks.map(turned)],
  }
}

const turned = <T extends Blocked>(row: T): T => ({ ...row, sourceId: row.targetId, targetId: row.sourceId })

/** The pairs with what those of these sources were when they were last synced, in whichever direction that was. */
export async function withBases(
  db: Queryable,
  source: Side,
  target: Side,
  pairs: readonly DatedPair[],
  sources: readonly SourceItem[],
): Promise<KnownPair[]> {
  const own = new Set(sources.map(keyText))
  const latest = new Map<string, DatedPair>()
  for (const pair of pairs) {
    if (!own.has(`${pair.type}/${pair.sourceId}`) || pair.syncedAt === null) continue
    const known = latest.get(bothKey(pair))
    if (!known?.syncedAt || known.syncedAt < pair.syncedAt) latest.set(bothKey(pair), pair)
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
    const { type, sourceId, targetId, mirrored } = pair
    const base = from ? baseOf(from) : null
    return { type, sourceId, targetId, mirrored, base, baseMirrored: from?.mirrored ?? mirrored }
  })
}

const bothKey = ({ type, sourceId, targetId }: Blocked): string => JSON.stringify([type, sourceId, targetId])
