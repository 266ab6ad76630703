import { z } from 'zod'
import { READS } from '../config-hub/schema.ts'
import { read } from '../operation/define.ts'
import { requireJob, SYNC_KINDS } from './jobs/begin.ts'
import { wholeJob } from './jobs/present.ts'
import { JobId, SyncJob } from './jobs/schema.ts'

export const jobsRead = read({
  id: 'config-sync.jobs.read',
  tool: 'config_sync_jobs_read',
  surface: 'configuration-hub',
  summary: 'Read a sync job: how far it is, its last ten events and up to twenty of its errors.',
  boundaries: ['Rows, all events and the plan have readings of their own.'],
  http: { method: 'GET', path: '/v1/configs/sync-jobs/{id}' },
  access: READS,
  input: z.strictObject({ id: JobId }),
  output: SyncJob,
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { id }) {
    return wholeJob(ctx, await requireJob(ctx, id, SYNC_KINDS))
  },
})
