import { recordLineage } from '../../config-hub/lineage/lineage.ts'
import type { Queryable } from '../../db/pool.ts'
import { writeEvents, writeJournal, writeRows } from './store.ts'
import { type Change, lineageOrg, type Work } from './work.ts'

/** What a transaction of a job notes, sent without waiting in between; events follow the number `after`. */
export async function writeChange(
  tx: Queryable,
  work: Work,
  { journal, rows, events, lineage }: Change,
  after: number,
  now: Date,
): Promise<void> {
  const { job } = work
  await Promise.all([
    ...(rows.length > 0 ? [writeRows(tx, job, rows, now)] : []),
    ...(journal.length > 0 ? [writeJournal(tx, job, journal, now)] : []),
    ...(events.length > 0 ? [writeEvents(tx, job, events, after, now)] : []),
    ...(lineage.length > 0 ? [recordLineage(tx, lineageOrg(work), lineage)] : []),
  ])
}
