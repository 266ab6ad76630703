import type { Queryable } from '../../db/pool.ts'
import {
  type BaseAt,
  deleteDead,
  deletePairs,
  insertPairs,
  insertSynced,
  type LineageRow,
  lockPairs,
  type PairState,
  type SyncedPair,
  updateSynced,
} from './store.ts'

export {
  basesOf,
  blocksOf,
  type LineageRow,
  lineageOf,
  movePairs,
  type Pair,
  type PairState,
  type SyncedPair,
} from './store.ts'

type Recorded = {
  /** Those that were not recorded, because their source or target is paired otherwise. */
  left: SyncedPair[]
  /** What the sources of the recorded ones were paired with before; those that were in no pair are left out. */
  former: PairState[]
}

/**
 * Records what a sync left behind, in the transaction that wrote it: new pairs, and of those that stand when they were
 * synced, by which job, and what both were then (`base`, normalised: what a three-way comparison starts from). A pair
 * that a person confirmed stays known as such. A source whose counterpart was deleted takes its new one. With `at`, bases
 * are in the database already.
 */
export async function recordPairs(
  tx: Queryable,
  org: string,
  rows: readonly SyncedPair[],
  at?: BaseAt,
): Promise<Recorded> {
  const known = rows.length === 0 ? [] : without(rows, await insertSynced(tx, org, rows, at))
  if (known.length === 0) return { left: [], former: [] }
  const former = await lockPairs(tx, org, known)
  let left = without(known, await updateSynced(tx, org, known, at))
  if (left.length > 0) {
    await deleteDead(tx, org, left)
    left = without(left, await insertSynced(tx, org, left, at))
  }
  const unrecorded = new Set(left.map(sourceKey))
  return { left, former: former.filter((pair) => !unrecorded.has(sourceKey(pair))) }
}

/** The same for whoever takes nothing back later. Answers those that were not recorded. */
export const recordLineage = async (
  tx: Queryable,
  org: string,
  rows: readonly SyncedPair[],
): Promise<SyncedPair[]> => (await recordPairs(tx, org, rows)).left

/** A pair that is to be what it was before a job recorded it; `former` null: there was none. */
export type TakenBack = Pick<LineageRow, 'type' | 'sourceOrg' | 'sourceId'> & { former: PairState | null }

/**
 * Makes pairs what they were before. Those that `isLast` does not know as the job's own any more are left alone. Answers
 * what they were until now.
 */
export async function takeBackPairs(
  tx: Queryable,
  org: string,
  pairs: readonly TakenBack[],
  isLast: (pair: PairState) => boolean,
): Promise<PairState[]> {
  if (pairs.length === 0) return []
  const now = new Map((await lockPairs(tx, org, pairs)).map((pair) => [sourceKey(pair), pair]))
  const own = pairs.filter((pair) => {
    const current = now.get(sourceKey(pair))
    return current === undefined || isLast(current)
  })
  await deletePairs(tx, org, own)
  await insertPairs(
    tx,
    org,
    own.flatMap(({ former }) => former ?? []),
  )
  return own.flatMap((pair) => now.get(sourceKey(pair)) ?? [])
}

/** Of the source, which is in one pair at most. */
export const sourceKey = ({
  type,
  sourceOrg,
  sourceId,
}: Pick<LineageRow, 'type' | 'sourceOrg' | 'sourceId'>) => JSON.stringify([sourceOrg, type, sourceId])

type Keyed = Omit<SyncedPair, 'syncedAt' | 'jobId' | 'base' | 'place'>
const keyOf = ({ type, sourceOrg, sourceId, targetId }: Keyed) =>
  JSON.stringify([sourceOrg, type, sourceId, targetId])

function without(rows: readonly SyncedPair[], others: readonly Keyed[]): SyncedPair[] {
  const keys = new Set(others.map(keyOf))
  return rows.filter((row) => !keys.has(keyOf(row)))
}
