import type { Queryable } from '../db/pool.ts'
import { appendToFeed } from '../sync-feeds/append.ts'
import type { FindingRow } from './engine/findings-store.ts'

/**
 * Tells the feed of findings, in the transaction in which they changed: what is open or dismissed as it is now, and what
 * is resolved as a tombstone.
 */
export const tellFindings = (
  tx: Queryable,
  org: string,
  rows: readonly FindingRow[],
  at: Date,
): Promise<void> =>
  appendToFeed(tx, {
    org,
    feed: 'findings',
    entries: rows.map((row) => {
      const key = `${row.jobId}/${row.fingerprint}`
      return row.status === 'resolved'
        ? { key, at, type: 'sync.finding.delete', data: null }
        : { key, at, type: 'sync.finding.upsert', data: dataOf(row) }
    }),
  })

const dataOf = ({ openedAt, resolvedAt, ...row }: FindingRow) => ({
  ...row,
  openedAt: openedAt.toISOString(),
  resolvedAt: resolvedAt?.toISOString() ?? null,
})
