import sql from 'sql-template-tag'
import type { PairState } from '../../config-hub/lineage/lineage.ts'
import type { Queryable } from '../../db/pool.ts'
import type { SyncJob } from './job.ts'

type Job = Pick<SyncJob, 'org' | 'id'>

/** Keeps with the first write of each row what the row was paired with before. */
export async function writeFormer(
  tx: Queryable,
  { org, id }: Job,
  kept: readonly { seq: number; pair: PairState }[],
): Promise<void> {
  if (kept.length === 0) return
  await tx.query(sql`
    UPDATE config_journal j SET pre_lineage = coalesce(j.pre_lineage, k.pair)
      FROM json_to_recordset(${JSON.stringify(kept)}::json) AS k(seq integer, pair json)
     WHERE j.org = ${org} AND j.job_id = ${id} AND j.row_seq = k.seq AND j.step <> 'complete'`)
}

/** A row of the job that is taken back, and the pair that it had before that job. `seq` is of the job that takes it back. */
export type FormerRow = {
  seq: number
  type: string
  sourceId: string
  targetId: string | null
  /** Its instants are text here, as they go back into JSON. */
  former: PairState | null
}

/** What the job says of these configurations, found by the ids that they had after it. */
export const formerRows = (
  tx: Queryable,
  { org, id }: Job,
  rows: readonly { seq: number; type: string; was: string }[],
): Promise<FormerRow[]> =>
  tx.query<FormerRow>(sql`
    SELECT k.seq, r.type, r.source_id AS "sourceId", r.target_id AS "targetId", j.pre_lineage AS former
      FROM unnest(${rows.map(({ seq }) => seq)}::integer[], ${rows.map(({ type }) => type)}::text[],
                  ${rows.map(({ was }) => was)}::text[]) AS k(seq, type, was)
      JOIN config_job_rows r ON r.org = ${org} AND r.job_id = ${id} AND r.type = k.type AND r.target_id = k.was
      LEFT JOIN config_journal j
        ON j.org = ${org} AND j.job_id = ${id} AND j.row_seq = r.seq AND j.pre_lineage IS NOT NULL`)
