import sql, { empty, type Sql } from 'sql-template-tag'
import type { Document } from '../../config-hub/index/entry.ts'
import type { Queryable } from '../../db/pool.ts'
import type { Sealing } from '../../operation/sealing.ts'
import type {
  Batch,
  Content,
  Counts,
  EventWrite,
  JobStatus,
  JournalEntry,
  JournalWrite,
  Phase,
  Row,
  RowWrite,
  Stage,
  Stats,
  Step,
  SyncJob,
} from './job.ts'

const columns = sql`j.org, j.id, j.kind, j.status, j.stage, j.direction, j.source_org AS "sourceOrg",
  j.target_org AS "targetOrg", j.dry_run AS "dryRun", j.request, j.requested_by AS "requestedBy", j.of_job AS "ofJob",
  j.plan_digest AS "planDigest", j.needs_token AS "needsToken", j.holder, j.fence, j.counts, j.stats,
  j.started_at AS "startedAt"`

/** Another process has the job now, or it was cancelled: nothing more may be written. */
export class Superseded extends Error {}

export async function findSyncJob(db: Queryable, org: string, id: string): Promise<SyncJob | undefined> {
  const [job] = await db.query<SyncJob>(
    sql`SELECT ${columns} FROM config_jobs j WHERE j.org = ${org} AND j.id = ${id}`,
  )
  return job
}

/** Takes a job over from whoever worked on it. Undefined: there is nothing to do, or not yet. */
export async function claimJob(db: Queryable, org: string, id: string): Promise<SyncJob | undefined> {
  const [job] = await db.query<SyncJob>(sql`
    UPDATE config_jobs j SET fence = j.fence + 1
     WHERE j.org = ${org} AND j.id = ${id} AND j.stage IN ('planning', 'running') RETURNING ${columns}`)
  return job
}

export type Claim = Pick<SyncJob, 'org' | 'id' | 'fence'>
export type Progress = { phase: Phase; batch: Batch | null; counts: Counts }

/**
 * Holds the job in the open transaction and moves its progress; answers the number of the event before the `events` that
 * follow. With `stage`, only while the job is in that. Throws `Superseded`.
 */
export async function holdJob(
  tx: Queryable,
  { org, id, fence }: Claim,
  { phase, batch, counts }: Progress,
  events: number,
  stage?: Stage,
): Promise<number> {
  const [held] = await tx.query<{ seq: number }>(sql`
    UPDATE config_jobs SET current_phase = ${phase}, current_batch = ${batch && JSON.stringify(batch)}::jsonb,
           counts = ${JSON.stringify(counts)}::jsonb, event_seq = event_seq + ${events}
     WHERE org = ${org} AND id = ${id} AND fence = ${fence} ${stage ? sql`AND stage = ${stage}` : empty}
    RETURNING event_seq AS seq`)
  if (!held) throw new Superseded('The job went to another process, or was cancelled.')
  return held.seq - events
}

/** Takes the number of one event, wherever the job stands; answers the one before it. Undefined: another process has it. */
export async function takeEvent(tx: Queryable, { org, id, fence }: Claim): Promise<number | undefined> {
  const [taken] = await tx.query<{ seq: number }>(sql`
    UPDATE config_jobs SET event_seq = event_seq + 1
     WHERE org = ${org} AND id = ${id} AND fence = ${fence} AND stage <> 'ended' RETURNING event_seq AS seq`)
  return taken && taken.seq - 1
}

/** Moves a claimed job from planning on. Throws `Superseded`. */
export async function moveJob(
  tx: Queryable,
  { org, id, fence }: Claim,
  to: { stage: Stage; status: JobStatus; phase: Phase; now: Date },
): Promise<void> {
  const rows = await tx.query(sql`
    UPDATE config_jobs SET stage = ${to.stage}, status = ${to.status}, current_phase = ${to.phase},
           started_at = CASE WHEN ${to.stage} = 'waiting' THEN started_at ELSE coalesce(started_at, ${to.now}) END
     WHERE org = ${org} AND id = ${id} AND fence = ${fence} AND stage <> 'ended' RETURNING 1`)
  if (rows.length === 0) throw new Superseded('The job went to another process, or was cancelled.')
}

/** Ends a job and answers its kind; undefined when it had ended. Any holder of the fence may, and with `fence` null whoever found its token lost. */
export async function endJob(
  tx: Queryable,
  { org, id, fence }: Omit<Claim, 'fence'> & { fence: number | null },
  end: { status: JobStatus; error: string | null; stats: Stats | null; now: Date },
): Promise<string | undefined> {
  const [row] = await tx.query<{ kind: string }>(sql`
    UPDATE config_jobs SET stage = 'ended', status = ${end.status}, error = ${end.error},
           stats = coalesce(${end.stats && JSON.stringify(end.stats)}::jsonb, stats), current_batch = NULL,
           started_at = coalesce(started_at, ${end.now}), finished_at = ${end.now}, needs_token = false, holder = NULL
     WHERE org = ${org} AND id = ${id} AND stage <> 'ended' AND (${fence}::integer IS NULL OR fence = ${fence})
    RETURNING kind`)
  return row?.kind
}

/** The token of another server is needed no more. */
export async function releaseToken(tx: Queryable, { org, id, fence }: Claim): Promise<void> {
  await tx.query(sql`
    UPDATE config_jobs SET needs_token = false, holder = NULL WHERE org = ${org} AND id = ${id} AND fence = ${fence}`)
}

/** All rows of a job without their documents, by their place in the plan. */
export const rowsOf = (db: Queryable, { org, id }: Pick<SyncJob, 'org' | 'id'>): Promise<Row[]> =>
  db.query<Row>(sql`
    SELECT seq, type, source_id AS "sourceId", target_id AS "targetId", action, status, code, matched_by AS "matchedBy",
           revision, attempt, coalesce((plan->>'mayDuplicate')::boolean, false) AS "mayDuplicate", base IS NOT NULL AS "hasBase",
           settled_as AS "settledAs",
           coalesce(plan->'derives', '[]') AS derives, coalesce(plan->'tasks', '[]') AS tasks
      FROM config_job_rows WHERE org = ${org} AND job_id = ${id} ORDER BY seq`)

/** The documents of some rows, by place. */
export async function contentsOf(
  db: Queryable,
  { org, id }: Pick<SyncJob, 'org' | 'id'>,
  seqs: readonly number[],
  sealing: Pick<Sealing, 'unseal'>,
): Promise<Map<number, Content>> {
  const rows = await db.query<{
    seq: number
    desired: Content['desired']
    sealed: Buffer | null
  }>(
    sql`
    SELECT seq, desired, sealed_secrets AS sealed FROM config_job_rows
     WHERE org = ${org} AND job_id = ${id} AND seq = ANY(${seqs as number[]}::integer[])`,
  )
  return new Map(
    rows.map(({ seq, desired, sealed }) => [
      seq,
      { desired, secrets: sealed ? JSON.parse(sealing.unseal(sealed)) : {} },
    ]),
  )
}

/** The base and the document that are kept with a row of a job, where a statement has its number. */
export const baseAt =
  ({ org, id }: Pick<SyncJob, 'org' | 'id'>) =>
  (seq: Sql): Sql =>
    sql`(SELECT b.base FROM config_job_rows b WHERE b.org = ${org} AND b.job_id = ${id} AND b.seq = ${seq})`

export const desiredAt =
  ({ org, id }: Pick<SyncJob, 'org' | 'id'>) =>
  (seq: Sql): Sql =>
    sql`(SELECT b.desired FROM config_job_rows b WHERE b.org = ${org} AND b.job_id = ${id} AND b.seq = ${seq})`

/** What was begun and done so far. */
export const journalOf = (db: Queryable, { org, id }: Pick<SyncJob, 'org' | 'id'>): Promise<JournalEntry[]> =>
  db.query<JournalEntry>(sql`
    SELECT row_seq AS seq, step, outcome, target_id AS "targetId", marker, pre_revision AS "preRevision",
           post_revision AS "postRevision", done_order AS "doneOrder", derived
      FROM config_journal WHERE org = ${org} AND job_id = ${id}`)

/** What was there before a step that was begun, secrets left out. */
export async function preImageOf(
  db: Queryable,
  { org, id }: Pick<SyncJob, 'org' | 'id'>,
  { seq, kind }: { seq: number; kind: Step },
): Promise<Document | null> {
  const [row] = await db.query<{ image: Document | null }>(sql`
    SELECT pre_image AS image FROM config_journal
     WHERE org = ${org} AND job_id = ${id} AND row_seq = ${seq} AND step = ${kind}`)
  return row?.image ?? null
}

/** Notes intents and outcomes. What was there before stays as the first intent says; an outcome closes its intent. */
export async function writeJournal(
  tx: Queryable,
  { org, id }: Pick<SyncJob, 'org' | 'id'>,
  writes: readonly JournalWrite[],
  now: Date,
): Promise<void> {
  await tx.query(sql`
    INSERT INTO config_journal AS j (org, job_id, row_seq, step, outcome, done_order, type, target_id, marker, pre_image,
      pre_sealed, pre_revision, post_revision, post_hash, derived, at)
    SELECT ${org}, ${id}, w.seq, w.step, w.outcome, w."doneOrder", w.type, w."targetId", w.marker, w."preImage",
           decode(w."preSealed", 'base64'), w."preRevision", w."postRevision", w."postHash", w.derived, ${now}
      FROM json_to_recordset(${JSON.stringify(writes)}::json)
        AS w(seq integer, step text, outcome text, "doneOrder" bigint, type text, "targetId" text, marker text,
             "preImage" json, "preSealed" text, "preRevision" text, "postRevision" text, "postHash" text, derived jsonb)
    ON CONFLICT (org, job_id, row_seq, step) DO UPDATE
       SET outcome = excluded.outcome, done_order = coalesce(excluded.done_order, j.done_order),
           target_id = coalesce(excluded.target_id, j.target_id), marker = coalesce(j.marker, excluded.marker),
           pre_image = coalesce(j.pre_image, excluded.pre_image), pre_sealed = coalesce(j.pre_sealed, excluded.pre_sealed),
           pre_revision = coalesce(j.pre_revision, excluded.pre_revision),
           post_revision = coalesce(excluded.post_revision, j.post_revision),
           post_hash = coalesce(excluded.post_hash, j.post_hash), derived = coalesce(excluded.derived, j.derived),
           at = excluded.at
     WHERE j.org = ${org}`)
}

export async function writeRows(
  tx: Queryable,
  { org, id }: Pick<SyncJob, 'org' | 'id'>,
  writes: readonly RowWrite[],
  now: Date,
): Promise<void> {
  await tx.query(sql`
    UPDATE config_job_rows r SET status = w.status, phase = w.phase, target_id = coalesce(w."targetId", r.target_id),
           code = w.code, error = w.error, attempt = w.attempt, updated_at = ${now}
      FROM json_to_recordset(${JSON.stringify(writes)}::json)
        AS w(seq integer, status text, phase text, "targetId" text, code text, error text, attempt integer)
     WHERE r.org = ${org} AND r.job_id = ${id} AND r.seq = w.seq`)
}

/** Events that follow the number `after`, which `holdJob` answered. */
export async function writeEvents(
  tx: Queryable,
  { org, id }: Pick<SyncJob, 'org' | 'id'>,
  events: readonly EventWrite[],
  after: number,
  now: Date,
): Promise<void> {
  await tx.query(sql`
    INSERT INTO config_job_events (org, job_id, seq, ts, phase, type, source_id, target_id, status, message, error)
    SELECT ${org}, ${id}, ${after}::bigint + e.place, ${now}, e.event->>'phase', e.event->>'type', e.event->>'sourceId',
           e.event->>'targetId', e.event->>'status', e.event->>'message', e.event->>'error'
      FROM json_array_elements(${JSON.stringify(events)}::json) WITH ORDINALITY AS e(event, place)`)
}

/** Says of rows of a job that reads back what it wrote whether they are as they were to be. */
export async function writeVerdicts(
  tx: Queryable,
  { org, id }: Pick<SyncJob, 'org' | 'id'>,
  verdicts: readonly { seq: number; verified: 'bytes' | 'content' | 'different' }[],
): Promise<void> {
  await tx.query(sql`
    UPDATE config_job_rows r SET plan = r.plan || jsonb_build_object('verified', v.verified)
      FROM json_to_recordset(${JSON.stringify(verdicts)}::json) AS v(seq integer, verified text)
     WHERE r.org = ${org} AND r.job_id = ${id} AND r.seq = v.seq`)
}

/**
 * Marks what a job had still to do as failed, because the token for it is gone. Answers how the rows stand then. Only
 * while nobody else claimed the job. Throws `Superseded`.
 */
export async function loseToken(tx: Queryable, { org, id, fence }: Claim, now: Date): Promise<Counts> {
  const held = await tx.query(sql`
    UPDATE config_jobs SET fence = fence + 1
     WHERE org = ${org} AND id = ${id} AND fence = ${fence} AND stage <> 'ended' RETURNING 1`)
  if (held.length === 0) throw new Superseded('The job goes on elsewhere.')
  await tx.query(sql`
    UPDATE config_job_rows SET status = 'failed', code = 'token-lost', updated_at = ${now},
           error = 'The process that held the token of the other organisation has died. Retry with a token.'
     WHERE org = ${org} AND job_id = ${id} AND status IN ('pending', 'in_progress')`)
  const counts = await countRows(tx, { org, id })
  await tx.query(sql`
    UPDATE config_jobs SET counts = ${JSON.stringify(counts)}::jsonb WHERE org = ${org} AND id = ${id}`)
  return counts
}

/** Rows by what became of them, as the rows themselves say. */
export async function countRows(db: Queryable, { org, id }: Pick<SyncJob, 'org' | 'id'>): Promise<Counts> {
  const rows = await db.query<{ key: string; count: number }>(sql`
    SELECT CASE WHEN status = 'skipped' AND code IS NULL THEN 'unchanged' ELSE status END AS key,
           count(*)::integer AS count
      FROM config_job_rows WHERE org = ${org} AND job_id = ${id} GROUP BY 1`)
  const total = rows.reduce((sum, { count }) => sum + count, 0)
  return { total, ...Object.fromEntries(rows.map(({ key, count }) => [key, count])) }
}
