import { z } from 'zod'
import { read } from '../operation/define.ts'
import { READS } from './access.ts'
import { driftOf } from './drift.ts'
import { requireJob } from './present.ts'
import { DriftStatement, JobId } from './schema.ts'

export const driftRead = read({
  id: 'sync-jobs.drift.read',
  tool: 'agent_sync_jobs_drift_read',
  surface: 'sync-jobs',
  summary: 'Read what can be said about drift, how far that reaches, and how to check it.',
  boundaries: [
    'No drift is only said of what a scan has seen as a whole; coverage says of which side.',
    'The digest is the same wherever the same records were seen, whatever the pages and the order.',
  ],
  http: { method: 'GET', path: '/api/agent/sync-jobs/drift' },
  access: READS,
  input: z.strictObject({ jobId: JobId }),
  output: z.object({
    ok: z.literal(true),
    version: z.literal('agent-sync-drift.v1'),
    jobId: z.string(),
    drift: DriftStatement,
  }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  resource: { uri: 'fanful://agent/sync-jobs/jobs/{jobId}/drift', title: 'Drift statement of a sync job' },
  async run(ctx, { jobId }) {
    const { latestRun } = await requireJob(ctx, jobId)
    const drift = await driftOf(ctx, jobId, latestRun)
    return { ok: true as const, version: 'agent-sync-drift.v1' as const, jobId, drift }
  },
})
