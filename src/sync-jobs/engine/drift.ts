import type { Queryable } from '../../db/pool.ts'
import type { Coverage } from './definition.ts'
import { digestText, EMPTY_DIGEST } from './digest.ts'
import { countOpen } from './findings-store.ts'
import { findJobRow } from './store.ts'

/** What can be said about drift, and how far that reaches. */
export type Drift = {
  /** `no-drift` is said only of both sides, seen whole, with no open finding. */
  statement: 'no-drift' | 'drift' | 'unknown'
  /** When the last run completed. */
  asOf: Date | null
  coverage: Coverage | null
  /** Every change up to here has been seen. */
  completeThrough: Date | null
  /** Of all that was seen, to compare with another scan's. */
  digest: string
  openFindings: number
}

export async function driftStatement(db: Queryable, org: string, jobId: string): Promise<Drift> {
  const [row, counts] = await Promise.all([findJobRow(db, org, jobId), countOpen(db, { org, jobId })])
  const openFindings = counts.reduce((sum, { open }) => sum + open, 0)
  const isWhole = row?.coverage === 'both-sides' && row.lastFullAt !== null
  return {
    statement: openFindings > 0 ? 'drift' : isWhole ? 'no-drift' : 'unknown',
    asOf: row?.lastSuccessfulAt ?? null,
    coverage: row?.coverage ?? null,
    completeThrough: row?.completeThrough ?? null,
    digest: digestText(row?.digest ?? EMPTY_DIGEST),
    openFindings,
  }
}
