import { z } from 'zod'
import { read } from '../operation/define.ts'
import { READS } from './access.ts'
import { presentCheckpoint, requireJob } from './present.ts'
import { JobId, SyncCheckpoint } from './schema.ts'

export const checkpointRead = read({
  id: 'sync-jobs.checkpoint.read',
  tool: 'agent_sync_jobs_checkpoint_read',
  surface: 'sync-jobs',
  summary: 'Read the last durable checkpoint of a sync job.',
  boundaries: ['Neither credentials nor raw ids; it is there after failures and cancellations too.'],
  http: { method: 'GET', path: '/api/agent/sync-jobs', query: { jobId: true, checkpoint: 'latest' } },
  access: READS,
  input: z.strictObject({ jobId: JobId }),
  output: z.object({
    ok: z.literal(true),
    version: z.literal('agent-sync-checkpoint.v1'),
    jobId: z.string(),
    checkpoint: SyncCheckpoint,
  }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  resource: { uri: 'fanful://agent/sync-jobs/jobs/{jobId}/checkpoint', title: 'Checkpoint of a sync job' },
  run: async (ctx, { jobId }) => ({
    ok: true as const,
    version: 'agent-sync-checkpoint.v1' as const,
    jobId,
    checkpoint: presentCheckpoint(ctx, jobId, (await requireJob(ctx, jobId)).checkpoint),
  }),
})
