import type { Queryable } from '../../db/pool.ts'
import type { Source } from '../connectors/open.ts'
import { pairsOf } from '../lineage/store.ts'
import { type Symbols, symbolOf, symbolsFrom } from './normalise.ts'

/** Two configurations that are one, by the ids of the current and the source organisation. */
export type Both = { type: string; current: string; source: string; symbol: string }

/**
 * All pairs of two organisations: those that the source imported, then those that the current one imported, which count
 * where both say something of one configuration. An organisation elsewhere has no lineage here.
 */
export async function pairsBetween(
  db: Queryable,
  org: string,
  source: Pick<Source, 'org' | 'kind'>,
): Promise<Both[]> {
  const [pushed, pulled] = await Promise.all([
    source.kind === 'local' ? pairsOf(db, source.org, org) : [],
    pairsOf(db, org, source.org),
  ])
  return [
    ...pushed.map(({ type, sourceId, targetId }) => ({
      ...{ type, current: sourceId, source: targetId, symbol: symbolOf(type, sourceId) },
    })),
    ...pulled.map(({ type, sourceId, targetId }) => ({
      ...{ type, current: targetId, source: sourceId, symbol: symbolOf(type, sourceId) },
    })),
  ]
}

/** For each side, what its own ids of paired configurations are called. */
export const symbolsOf = (pairs: readonly Both[]): { current: Symbols; source: Symbols } => ({
  current: symbolsFrom(pairs.map(({ type, current, symbol }) => ({ type, id: current, symbol }))),
  source: symbolsFrom(pairs.map(({ type, source, symbol }) => ({ type, id: source, symbol }))),
})

/** The current organisation's id of whatever has this id at the source; undefined where pairs say different ones. */
export function translation(pairs: readonly Both[]): (id: string) => string | undefined {
  const ids = new Map<string, string | undefined>()
  for (const { source, current } of pairs)
    ids.set(source, ids.has(source) && ids.get(source) !== current ? undefined : current)
  return (id) => ids.get(id)
}
