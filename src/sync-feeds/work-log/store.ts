import sql, { empty } from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import type { Origin, WorkEntry } from './rules.ts'

export type WorkRow = WorkEntry & { origin: Origin; version: number; updatedAt: Date }

const columns = sql`id, origin, title, summary, kind, url, occurred_at AS "occurredAt", version, updated_at AS "updatedAt"`

export async function findWork(
  db: Queryable,
  org: string,
  id: string,
  lock = false,
): Promise<WorkRow | undefined> {
  const [row] = await db.query<WorkRow>(sql`
    SELECT ${columns} FROM work_log_entries WHERE org = ${org} AND id = ${id} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

/** Writes an entry that has `version`, 0 for a new one; undefined when it has another one by now. */
export async function putWork(
  tx: Queryable,
  org: string,
  { id, origin, title, summary, kind, url, occurredAt, version }: Omit<WorkRow, 'updatedAt'>,
  now: Date,
): Promise<WorkRow | undefined> {
  const [row] = await tx.query<WorkRow>(sql`
    INSERT INTO work_log_entries AS w (org, id, origin, title, summary, kind, url, occurred_at, version, updated_at)
    VALUES (${org}, ${id}, ${origin}, ${title}, ${summary}, ${kind}, ${url}, ${occurredAt}, 1, ${now})
    ON CONFLICT (org, id) DO UPDATE
       SET origin = excluded.origin, title = excluded.title, summary = excluded.summary, kind = excluded.kind,
           url = excluded.url, occurred_at = excluded.occurred_at, version = w.version + 1,
           updated_at = greatest(excluded.updated_at, w.updated_at + interval '1 millisecond')
     WHERE w.org = ${org} AND w.version = ${version}
    RETURNING ${columns}`)
  return row
}

/** Removes an entry; false when there is none. */
export async function deleteWork(tx: Queryable, org: string, id: string): Promise<boolean> {
  const rows = await tx.query(sql`
    DELETE FROM work_log_entries WHERE org = ${org} AND id = ${id} RETURNING 1`)
  return rows.length > 0
}
