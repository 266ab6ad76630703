import { z } from 'zod'
import { record } from '../operation/define.ts'
import { WRITES } from './access.ts'
import { cancelRun } from './engine/runs.ts'
import { presentRun } from './present.ts'
import { RunId, SyncRun } from './schema.ts'

export const runsCancel = record({
  id: 'sync-jobs.runs.cancel',
  tool: 'agent_sync_jobs_runs_cancel',
  surface: 'sync-jobs',
  summary: 'Stop a run at its next page.',
  boundaries: [
    'What it wrote stays, checkpoint and findings included; nothing is concluded from what it did not see.',
  ],
  http: { method: 'POST', path: '/api/agent/sync-jobs/runs/{runId}/cancel' },
  access: WRITES,
  input: z.strictObject({ runId: RunId }),
  output: z.object({ ok: z.literal(true), run: SyncRun }),
  errors: ['not-found', 'conflict'],
  audit: { event: 'sync_run_cancel', target: ({ runId }) => ({ kind: 'sync-run', id: runId }) },
  run: async (ctx, { runId }) => ({ ok: true as const, run: presentRun(await cancelRun(ctx, { runId })) }),
})
