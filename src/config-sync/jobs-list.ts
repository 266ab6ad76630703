import { z } from 'zod'
import { Cursor, READS, Size } from '../config-hub/schema.ts'
import { read } from '../operation/define.ts'
import { SYNC_KINDS } from './jobs/begin.ts'
import { jobPage } from './jobs/page.ts'
import { presentJob } from './jobs/present.ts'
import { JobStatus, SyncJob } from './jobs/schema.ts'

export const jobsList = read({
  id: 'config-sync.jobs.list',
  tool: 'config_sync_jobs_list',
  surface: 'configuration-hub',
  summary: 'List the organisation’s sync jobs, newest first: promotions, restores and rollbacks.',
  boundaries: ['Headers without events and errors; delete jobs have a list of their own.'],
  http: { method: 'GET', path: '/v1/configs/sync-jobs' },
  access: READS,
  input: z.strictObject({
    cursor: Cursor.optional(),
    size: Size.optional(),
    status: JobStatus.optional(),
  }),
  output: z.object({ results: z.array(SyncJob), next_cursor: z.string().optional() }),
  errors: ['cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  run: (ctx, input) => jobPage(ctx, { ...input, list: 'sync-jobs', kinds: SYNC_KINDS }, presentJob),
})
