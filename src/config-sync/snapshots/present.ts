import type { z } from 'zod'
import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import type { ScheduleRow } from './schedules.ts'
import type { Schedule, Snapshot } from './schema.ts'
import { findSnapshot, type SnapshotRow } from './store.ts'

export const presentSnapshot = (row: SnapshotRow): z.input<typeof Snapshot> => ({
  id: row.id,
  name: row.name,
  status: row.status,
  selection: row.selection,
  items: row.items,
  failed_types: row.failedTypes,
  created_at: row.createdAt.toISOString(),
  created_by: row.createdBy,
  ...(row.digest === null ? {} : { digest: row.digest }),
  ...(row.schedule === null ? {} : { schedule: row.schedule }),
  ...(row.expiresAt === null ? {} : { expires_at: row.expiresAt.toISOString() }),
})

export const presentSchedule = (row: ScheduleRow): z.input<typeof Schedule> => ({
  id: row.id,
  name: row.name,
  selection: row.selection,
  every_hours: row.everyHours,
  keep: row.keep,
  next_at: row.nextAt.toISOString(),
  created_at: row.createdAt.toISOString(),
  created_by: row.createdBy,
})

/** Errors: `not-found`. */
export const requireSnapshot = async (ctx: Context, id: string, lock = false): Promise<SnapshotRow> =>
  (await findSnapshot(ctx.db, ctx.org, id, lock)) ?? fail('not-found', `There is no snapshot ${id}.`)

/** Errors: `not-found`, `conflict` while it is being taken or when that failed. */
export async function requireReady(ctx: Context, id: string): Promise<SnapshotRow> {
  const row = await requireSnapshot(ctx, id)
  if (row.status !== 'ready') fail('conflict', `The snapshot ${id} is ${row.status}.`)
  return row
}
