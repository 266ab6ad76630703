import { indexEntries, tombstone } from '../../config-hub/index/write.ts'
import { recordPairs } from '../../config-hub/lineage/lineage.ts'
import type { Queryable } from '../../db/pool.ts'
import { baseAt, writeEvents, writeJournal, writeRows } from './store.ts'
import { keepFormer, takeBack } from './take-back.ts'
import { type Change, lineageOrg, type Work } from './work.ts'

/** What a transaction of a job notes, sent without waiting in between; events follow the number `after`. */
export async function writeChange(
  tx: Queryable,
  work: Work,
  { journal, rows, events, lineage, takenBack, entries, gone }: Change,
  after: number,
  now: Date,
): Promise<void> {
  const { job } = work
  const [recorded] = await Promise.all([
    lineage.length > 0 ? recordPairs(tx, lineageOrg(work), lineage, baseAt(job)) : undefined,
    rows.length > 0 ? writeRows(tx, job, rows, now) : undefined,
    journal.length > 0 ? writeJournal(tx, job, journal, now) : undefined,
    events.length > 0 ? writeEvents(tx, job, events, after, now) : undefined,
  ])
  // once the journal is there
  if (recorded && recorded.former.length > 0) await keepFormer(tx, work, rows, recorded.former)
  if (takenBack.length > 0) await takeBack(tx, work, takenBack)
  // of two writes of one configuration the later one
  const last = new Map(entries.map((entry) => [`${entry.type}/${entry.id}`, entry]))
  if (last.size > 0) await indexEntries(tx, job.targetOrg, [...last.values()])
  if (gone.length > 0) await tombstone(tx, job.targetOrg, gone, now)
}
