import { z } from 'zod'
import { record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { WRITES } from './access.ts'
import { resumeRun } from './engine/runs.ts'
import { presentRun } from './present.ts'
import { RunId, SyncRun } from './schema.ts'

export const runsResume = record({
  id: 'sync-jobs.runs.resume',
  tool: 'agent_sync_jobs_runs_resume',
  surface: 'sync-jobs',
  summary: 'Let a run that failed, was paused or waits for a person go on after its checkpoint.',
  boundaries: [
    'accept says that what a scan missed is really gone; only people and the keys of admins say so, no agent and no automation.',
  ],
  http: { method: 'POST', path: '/api/agent/sync-jobs/runs/{runId}/resume' },
  access: WRITES,
  input: z.strictObject({
    runId: RunId,
    accept: z.boolean().optional().describe('What a person was asked to judge is right as it is'),
  }),
  output: z.object({ ok: z.literal(true), run: SyncRun }),
  errors: ['not-found', 'conflict', 'forbidden'],
  audit: { event: 'sync_run_resume', target: ({ runId }) => ({ kind: 'sync-run', id: runId }) },
  async run(ctx, { runId, accept }) {
    const judges = ctx.principal.kind === 'person' || ctx.principal.kind === 'key'
    if (accept && !judges) fail('forbidden', 'Only people and the keys of admins judge what a scan missed.')
    return { ok: true as const, run: presentRun(await resumeRun(ctx, { runId, accept })) }
  },
})
