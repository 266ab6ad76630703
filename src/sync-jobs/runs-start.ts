import { z } from 'zod'
import { record } from '../operation/define.ts'
import { WRITES } from './access.ts'
import { startRun } from './engine/runs.ts'
import { presentRun } from './present.ts'
import { JobId, Mode, SyncRun } from './schema.ts'

export const runsStart = record({
  id: 'sync-jobs.runs.start',
  tool: 'agent_sync_jobs_runs_start',
  surface: 'sync-jobs',
  summary: 'Start a scan, or answer the one that is under way.',
  boundaries: [
    'A scan reports and repairs nothing: neither the catalog nor Stripe is written.',
    'The same Idempotency-Key answers the same run as it was when it started; read it for how far it is.',
    'While a run is under way no other starts, whatever mode is asked for.',
  ],
  http: { method: 'POST', path: '/api/agent/sync-jobs' },
  access: WRITES,
  input: z.strictObject({
    jobId: JobId,
    mode: Mode.optional().describe('Everything (unless told otherwise), or what changed since the last scan'),
  }),
  output: z.object({ ok: z.literal(true), run: SyncRun }),
  errors: ['not-found', 'validation-failed', 'conflict'],
  audit: { event: 'sync_run_start', target: (_input, { run }) => ({ kind: 'sync-run', id: run.id }) },
  run: async (ctx, { jobId, mode = 'full' }) => ({
    ok: true as const,
    run: presentRun(await startRun(ctx, { jobId, mode })),
  }),
})
