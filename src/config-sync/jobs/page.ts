import { z } from 'zod'
import { readCursor, signCursor } from '../../operation/cursor.ts'
import type { Context } from '../../operation/define.ts'
import { type JobFilter, type JobRow, listJobs } from './store.ts'

type Asked = { cursor?: string | undefined; size?: number | undefined }

/** A page of jobs of some kinds, newest first. Errors: `cursor-invalid`. */
export async function jobPage<T>(
  ctx: Context,
  { list, kinds, status, cursor, size = 25 }: Asked & Pick<JobFilter, 'kinds' | 'status'> & { list: string },
  present: (row: JobRow) => T,
): Promise<{ results: T[]; next_cursor?: string }> {
  const listing = { list, filters: { status: status ?? null } }
  const at = readCursor(ctx, listing, cursor, z.tuple([z.coerce.date(), z.string()]))
  const before = at && { createdAt: at[0], id: at[1] }
  const rows = await listJobs(ctx.db, ctx.org, { kinds, status, before, size: size + 1 })
  const shown = rows.slice(0, size)
  const last = rows.length > size ? shown.at(-1) : undefined
  return {
    results: shown.map(present),
    ...(last ? { next_cursor: signCursor(ctx, listing, [last.createdAt.toISOString(), last.id]) } : {}),
  }
}

type Rows<R> = (after: number | undefined, size: number) => Promise<R[]>

/** A page of what a job has, by place. Errors: `cursor-invalid`. */
export async function rowPage<R extends { seq: number }, T>(
  ctx: Context,
  { list, filters, cursor, size = 25 }: Asked & { list: string; filters: Record<string, unknown> },
  rows: Rows<R>,
  present: (row: R) => T,
): Promise<{ results: T[]; next_cursor?: string }> {
  const listing = { list, filters }
  const at = readCursor(ctx, listing, cursor, z.tuple([z.int()]))
  const found = await rows(at?.[0], size + 1)
  const shown = found.slice(0, size)
  const last = found.length > size ? shown.at(-1) : undefined
  return {
    results: shown.map(present),
    ...(last ? { next_cursor: signCursor(ctx, listing, [last.seq]) } : {}),
  }
}
