import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import type { SyncJob } from './job.ts'
import { holdJob } from './store.ts'
import {
  addChange,
  committed,
  countsAfter,
  failTask,
  lineageOrg,
  noChange,
  type Task,
  type Work,
} from './work.ts'
import { writeChange } from './write-change.ts'

const ERROR = 'It was promoted by another job since the plan was made.'

/**
 * Fails as stale what this job is to create and another job has paired since the plan was made: where the target makes
 * ids nothing else says that it is there. Jobs write to one organisation one after another, so this is looked for once.
 */
export async function failRivalled(work: Work): Promise<void> {
  const { deps, job } = work
  const seqs = new Set(await pairedSince(deps.db, lineageOrg(work), job, work.target.kind === 'remote'))
  const creates = work.tasks.filter((task, index): task is Task => {
    return task.kind === 'create' && work.open[index] === true && seqs.has(task.seq)
  })
  if (creates.length === 0) return
  const change = noChange()
  // what waits comes first, so that each says what is true of itself
  for (const { task } of creates.sort((a, b) => b.level - a.level))
    if (work.open[task]) addChange(change, failTask(work, task, { code: 'stale', error: ERROR }))
  const last = new Map(change.rows.map((row) => [row.seq, row]))
  change.rows = [...last.values()]
  const counts = countsAfter(work, change.rows)
  await deps.db.transaction(async (tx) => {
    const now = deps.clock()
    const at = { phase: 'phase_a', batch: null, counts } as const
    const after = await holdJob(tx, job, at, change.events.length, 'running')
    await writeChange(tx, work, change, after, now)
  })
  committed(work, change, counts)
}

/**
 * Rows that are still to be created, though lineage knows a counterpart by another job: one that lives, or of another
 * server, where nothing here says what lives, one that was recorded after planning began.
 */
async function pairedSince(db: Queryable, org: string, job: SyncJob, mirrored: boolean): Promise<number[]> {
  if (job.kind !== 'sync' || job.sourceOrg === null) return []
  const rows = await db.query<{ seq: number }>(
    mirrored
      ? sql`
        SELECT r.seq FROM config_job_rows r
          JOIN config_lineage l ON l.org = ${org} AND l.source_org = ${job.targetOrg} AND l.type = r.type
                               AND l.target_id = r.source_id AND l.last_synced_at > r.updated_at
         WHERE r.org = ${job.org} AND r.job_id = ${job.id} AND r.action = 'create' AND r.status = 'pending'
           AND l.last_sync_job_id IS DISTINCT FROM ${job.id}`
      : sql`
        SELECT r.seq FROM config_job_rows r
          JOIN config_lineage l ON l.org = ${org} AND l.source_org = ${job.sourceOrg} AND l.type = r.type
                               AND l.source_id = r.source_id
          JOIN config_nodes n ON n.org = ${org} AND n.type = r.type AND n.id = l.target_id AND n.deleted_at IS NULL
         WHERE r.org = ${job.org} AND r.job_id = ${job.id} AND r.action = 'create' AND r.status = 'pending'
           AND l.last_sync_job_id IS DISTINCT FROM ${job.id}`,
  )
  return rows.map(({ seq }) => seq)
}
