import {
  movePairs,
  type PairState,
  sourceKey,
  type TakenBack,
  takeBackPairs,
} from '../../config-hub/lineage/lineage.ts'
import type { Queryable } from '../../db/pool.ts'
import type { RowWrite, SyncJob } from './job.ts'
import { findSyncJob } from './store.ts'
import { type FormerRow, formerRows, writeFormer } from './take-back-store.ts'
import { lineageOrg, rowOf, type TakenBackRow, type Work } from './work.ts'

/** Keeps in the journal what rows were paired with before they were recorded anew. */
export async function keepFormer(
  tx: Queryable,
  work: Work,
  rows: readonly RowWrite[],
  former: readonly PairState[],
): Promise<void> {
  const bySource = new Map(former.map((pair) => [sourceKey(pair), pair]))
  const kept = rows.flatMap(({ seq, targetId }) => {
    const { type, sourceId } = rowOf(work, seq)
    const source = sourceOf(work.job, work.target.kind, sourceId, targetId)
    const pair = source && bySource.get(sourceKey({ type, ...source }))
    return pair ? [{ seq, pair }] : []
  })
  await writeFormer(tx, work.job, kept)
}

type Source = { sourceOrg: string; sourceId: string }

/** Where the pair of a row of a sync is kept: mirrored, where the target is another server. */
const sourceOf = (
  { sourceOrg, targetOrg }: Pick<SyncJob, 'sourceOrg' | 'targetOrg'>,
  kind: 'local' | 'remote',
  sourceId: string,
  targetId: string | null,
): Source | undefined => {
  if (kind === 'remote') return targetId === null ? undefined : { sourceOrg: targetOrg, sourceId: targetId }
  return sourceOrg === null || sourceId === '' ? undefined : { sourceOrg, sourceId }
}

/**
 * Makes the pairs of what was just made as it was what they were: those that the former job made go, those that it
 * recorded anew have their base of before, and what has another id now keeps its pairs. What they were until now is kept
 * in the journal, so that this can be taken back as well.
 */
export async function takeBack(tx: Queryable, work: Work, rows: readonly TakenBackRow[]): Promise<void> {
  const { job, target } = work
  const org = lineageOrg(work)
  const moves = rows.flatMap(({ type, was, id }) =>
    id === null || id === was ? [] : [{ type, from: was, to: id }],
  )
  if (moves.length > 0) await movePairs(tx, org, target.kind === 'remote' ? job.targetOrg : null, moves)
  const of = job.kind === 'rollback' && job.ofJob !== null && (await findSyncJob(tx, job.org, job.ofJob))
  if (!of || (of.kind !== 'sync' && of.kind !== 'rollback')) return
  const former = await formerRows(tx, of, rows)
  const pairs = former.flatMap((row) => pairBefore(of, target.kind, row))
  const until = await takeBackPairs(
    tx,
    org,
    pairs.map(({ pair }) => pair),
    // what a rollback put back says which job recorded it first
    ({ lastSyncJobId }) => of.kind === 'rollback' || lastSyncJobId === of.id,
  )
  const bySource = new Map(until.map((pair) => [sourceKey(pair), pair]))
  const kept = pairs.flatMap(({ seq, pair }) => {
    const known = bySource.get(sourceKey(pair))
    return known ? [{ seq, pair: known }] : []
  })
  await writeFormer(tx, job, kept)
}

function pairBefore(
  of: SyncJob,
  kind: 'local' | 'remote',
  { seq, type, sourceId, targetId, former }: FormerRow,
): { seq: number; pair: TakenBack }[] {
  if (former) return [{ seq, pair: { type, sourceOrg: former.sourceOrg, sourceId: former.sourceId, former } }]
  const source = of.kind === 'sync' ? sourceOf(of, kind, sourceId, targetId) : undefined
  return source ? [{ seq, pair: { type, ...source, former: null } }] : []
}
