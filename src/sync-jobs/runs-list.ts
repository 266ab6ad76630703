import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { READS } from './access.ts'
import { listRuns } from './engine/runs.ts'
import { presentRun, requireJob } from './present.ts'
import { JobId, SyncRun } from './schema.ts'

const Position = z.tuple([z.iso.datetime(), z.string()])

export const runsList = read({
  id: 'sync-jobs.runs.list',
  tool: 'agent_sync_jobs_runs_list',
  surface: 'sync-jobs',
  summary: 'List the runs of a sync job, newest first.',
  boundaries: ['Runs that started after the first page was read are on none of the following.'],
  http: { method: 'GET', path: '/api/agent/sync-jobs/runs' },
  access: READS,
  input: z.strictObject({
    jobId: JobId,
    cursor: z.string().min(1).max(500).optional(),
    limit: z.int().min(1).max(100).optional(),
  }),
  output: z.object({
    ok: z.literal(true),
    runs: z.array(SyncRun),
    nextCursor: z.string().nullable(),
  }),
  errors: ['not-found', 'cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { jobId, cursor, limit = 25 }) {
    await requireJob(ctx, jobId)
    const listing = { list: 'sync-runs', filters: { jobId } }
    const position = readCursor(ctx, listing, cursor, Position)
    const before = position && { startedAt: new Date(position[0]), id: position[1] }
    const rows = await listRuns(ctx.db, ctx.org, { jobId, before, limit: limit + 1 })
    const shown = rows.slice(0, limit)
    const last = rows.length > limit ? shown.at(-1) : undefined
    return {
      ok: true as const,
      runs: shown.map(presentRun),
      nextCursor: last ? signCursor(ctx, listing, [last.startedAt.toISOString(), last.id]) : null,
    }
  },
})
