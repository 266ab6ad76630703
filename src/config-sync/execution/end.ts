import type { Queryable } from '../../db/pool.ts'
import { emitTrigger } from '../../workflow-triggers/emit.ts'
import { endJob as endRow } from './store.ts'

/** Ends a job, and tells whoever subscribed to that; false when it had ended. See `endJob` of the store. */
export async function endJob(
  tx: Queryable,
  job: Parameters<typeof endRow>[1],
  end: Parameters<typeof endRow>[2],
): Promise<boolean> {
  const kind = await endRow(tx, job, end)
  if (kind === undefined) return false
  await tellEnded(tx, { org: job.org, id: job.id, kind, status: end.status, at: end.now })
  return true
}

export async function tellEnded(
  tx: Queryable,
  job: { org: string; id: string; kind: string; status: string; at: Date },
): Promise<void> {
  const { org, id, kind, status, at } = job
  await emitTrigger(tx, {
    ...{ org, family: 'config.sync.finished', at },
    subject: { kind: 'config-job', id, title: kind },
    data: { jobId: id, kind, status },
  })
}
