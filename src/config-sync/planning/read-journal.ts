import sql from 'sql-template-tag'
import type { Document } from '../../config-hub/index/entry.ts'
import type { Queryable } from '../../db/pool.ts'
import type { PlanTask } from './plan.ts'

/** A row of a job as taking it back sees it: its requests, and the rows that it refers to. */
export type WrittenRow = {
  seq: number
  title: string
  tasks: readonly (Pick<PlanTask, 'after'> & { task: number })[]
  references: readonly { to: number }[]
}

export const writtenRows = (db: Queryable, org: string, jobId: string): Promise<WrittenRow[]> =>
  db.query<WrittenRow>(sql`
    SELECT r.seq, coalesce(r.title, '') AS title, coalesce(r.plan->'tasks', '[]') AS tasks,
           coalesce(r.plan->'references', '[]') AS "references"
      FROM config_job_rows r WHERE r.org = ${org} AND r.job_id = ${jobId} ORDER BY r.seq`)

/** A write of the journal with what was there before it; those that were refused changed nothing. */
export type JournalRow = {
  seq: number
  step: PlanTask['kind']
  done: boolean
  doneOrder: number
  type: string
  targetId: string | null
  image: Document | null
  sealed: Buffer | null
  preRevision: string | null
  postRevision: string | null
  postHash: string | null
}

/** What was not noted as done comes last. */
export const writesOf = (db: Queryable, org: string, jobId: string): Promise<JournalRow[]> =>
  db.query<JournalRow>(sql`
    SELECT j.row_seq AS seq, j.step, j.outcome = 'done' AS done,
           coalesce(j.done_order, 9007199254740991) AS "doneOrder", j.type, j.target_id AS "targetId",
           j.pre_image AS image, j.pre_sealed AS sealed, j.pre_revision AS "preRevision",
           j.post_revision AS "postRevision", j.post_hash AS "postHash"
      FROM config_journal j WHERE j.org = ${org} AND j.job_id = ${jobId} AND j.outcome <> 'refused'
     ORDER BY j.row_seq, j.step`)

/** When a job began to write; null: it did not. */
export async function beganAt(db: Queryable, org: string, job: string): Promise<Date | null> {
  const [row] = await db.query<{ at: Date | null }>(
    sql`SELECT started_at AS at FROM config_jobs WHERE org = ${org} AND id = ${job}`,
  )
  return row?.at ?? null
}
