import { z } from 'zod'
import { read as readOperation } from '../operation/define.ts'
import { READS } from './access.ts'
import { JobId, SyncJob } from './schema.ts'
import { wholeJob } from './whole-job.ts'

export const read = readOperation({
  id: 'sync-jobs.read',
  tool: 'agent_sync_jobs_read',
  surface: 'sync-jobs',
  summary: 'Read a sync job: status, cursor, last checkpoint, findings, drift statement, runs.',
  boundaries: [
    'Credentials, raw provider ids, payment and customer identifiers are in no answer.',
    'Reading a job is no permission to change what it scans.',
  ],
  http: { method: 'GET', path: '/api/agent/sync-jobs', query: { jobId: true } },
  access: READS,
  input: z.strictObject({ jobId: JobId }),
  output: z.object({
    ok: z.literal(true),
    version: z.literal('agent-sync-job.v1'),
    generatedAt: z.string(),
    job: SyncJob,
  }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  resource: { uri: 'fanful://agent/sync-jobs/jobs/{jobId}', title: 'A sync job' },
  run: async (ctx, { jobId }) => ({
    ok: true as const,
    version: 'agent-sync-job.v1' as const,
    generatedAt: ctx.now.toISOString(),
    job: await wholeJob(ctx, jobId),
  }),
})
