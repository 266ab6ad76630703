import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import type { Selection } from './schema.ts'

export type ScheduleRow = {
  org: string
  id: string
  name: string
  selection: Selection
  everyHours: number
  /** Of the snapshots that it made, the newest that stay. */
  keep: number
  nextAt: Date
  createdAt: Date
  createdBy: string
}

const columns = sql`org, id, name, selection, every_hours AS "everyHours", keep, next_at AS "nextAt",
  created_at AS "createdAt", created_by AS "createdBy"`

export async function listSchedules(db: Queryable, org: string): Promise<ScheduleRow[]> {
  return db.query<ScheduleRow>(sql`
    SELECT ${columns} FROM config_snapshot_schedules WHERE org = ${org} ORDER BY id`)
}

export async function findSchedule(db: Queryable, org: string, id: string): Promise<ScheduleRow | undefined> {
  const [row] = await db.query<ScheduleRow>(sql`
    SELECT ${columns} FROM config_snapshot_schedules WHERE org = ${org} AND id = ${id}`)
  return row
}

export async function putSchedule(tx: Queryable, row: ScheduleRow): Promise<void> {
  const { org, id, name, selection, everyHours, keep, nextAt, createdAt, createdBy } = row
  await tx.query(sql`
    INSERT INTO config_snapshot_schedules (org, id, name, selection, every_hours, keep, next_at, created_at, created_by)
    VALUES (${org}, ${id}, ${name}, ${JSON.stringify(selection)}::jsonb, ${everyHours}, ${keep}, ${nextAt},
            ${createdAt}, ${createdBy})
    ON CONFLICT (org, id) DO UPDATE
       SET name = excluded.name, selection = excluded.selection, every_hours = excluded.every_hours,
           keep = excluded.keep, next_at = excluded.next_at
     WHERE config_snapshot_schedules.org = ${org}`)
}

export async function deleteSchedule(tx: Queryable, org: string, id: string): Promise<void> {
  await tx.query(sql`DELETE FROM config_snapshot_schedules WHERE org = ${org} AND id = ${id}`)
}

/**
 * Takes one schedule that is due, of whichever organisation, and moves it to its next time: as many whole intervals on
 * as have passed, so that a night without the server makes one snapshot and not eight.
 */
export async function takeDue(tx: Queryable, now: Date): Promise<ScheduleRow | undefined> {
  const [row] = await tx.query<ScheduleRow>(sql`
    /* every organisation */
    UPDATE config_snapshot_schedules s
       SET next_at = s.next_at + make_interval(hours => s.every_hours)
                     * (1 + floor(extract(epoch FROM ${now}::timestamptz - s.next_at) / (3600 * s.every_hours)))
      FROM (SELECT org, id FROM config_snapshot_schedules WHERE next_at <= ${now}
             ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED) due
     WHERE s.org = due.org AND s.id = due.id
    RETURNING s.org, s.id, s.name, s.selection, s.every_hours AS "everyHours", s.keep, s.next_at AS "nextAt",
              s.created_at AS "createdAt", s.created_by AS "createdBy"`)
  return row
}

/** Of the snapshots that a schedule made, removes all but the newest that are ready; those being made count for nothing. */
export async function dropOlder(
  tx: Queryable,
  { org, id, keep }: Pick<ScheduleRow, 'org' | 'id' | 'keep'>,
): Promise<void> {
  await tx.query(sql`
    DELETE FROM config_snapshots WHERE org = ${org} AND id IN (
      SELECT id FROM config_snapshots WHERE org = ${org} AND schedule = ${id} AND status <> 'building'
       ORDER BY status = 'ready' DESC, created_at DESC, id DESC OFFSET ${keep})`)
}
