import type { Queryable } from '../../db/pool.ts'
import { deleteDead, type SyncedPair, writeSynced } from './store.ts'

export { basesOf, blocksOf, type LineageRow, lineageOf, type Pair, type SyncedPair } from './store.ts'

/**
 * Records what a sync left behind, in the transaction that wrote it: new pairs, and of those that stand when they were
 * synced, by which job, and what both were then (`base`, normalised: what a three-way comparison starts from). A pair
 * that a person confirmed stays known as such. A source whose counterpart was deleted takes its new one. Answers those
 * that were not recorded, because their source or target is paired otherwise.
 */
export async function recordLineage(
  tx: Queryable,
  org: string,
  rows: readonly SyncedPair[],
): Promise<SyncedPair[]> {
  const left = await unrecorded(tx, org, rows)
  if (left.length === 0) return []
  await deleteDead(tx, org, left)
  return unrecorded(tx, org, left)
}

async function unrecorded(tx: Queryable, org: string, rows: readonly SyncedPair[]): Promise<SyncedPair[]> {
  if (rows.length === 0) return []
  const recorded = new Set((await writeSynced(tx, org, rows)).map(keyOf))
  return rows.filter((row) => !recorded.has(keyOf(row)))
}

const keyOf = ({ type, sourceOrg, sourceId, targetId }: Omit<SyncedPair, 'syncedAt' | 'jobId' | 'base'>) =>
  JSON.stringify([sourceOrg, type, sourceId, targetId])
