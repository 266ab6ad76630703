import type { Deps } from '../../deps.ts'
import { findRunRow, type RunRow } from './store.ts'

const RECORDS = ['processed', 'duplicates', 'conflicts'] as const

/** Counts a page that was written: the run before it and after. */
export function measurePage({ metrics }: Deps, before: RunRow, after: RunRow): void {
  metrics.syncPages.inc()
  for (const outcome of RECORDS) metrics.syncRecords.inc({ outcome }, after[outcome] - before[outcome])
}

/** Counts how a worker left a run; one that another worker has by now is that one's to count. */
export async function measureRun({ metrics, db }: Deps, { org, id, attempt }: RunRow): Promise<void> {
  const run = await findRunRow(db, org, id)
  if (!run || run.attempt !== attempt || run.status === 'running') return
  metrics.syncRuns.inc({ status: run.status })
  if (run.status === 'completed') metrics.syncCompleted.set((run.finishedAt ?? run.movedAt).getTime() / 1000)
}
