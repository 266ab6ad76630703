import { z } from 'zod'
import { Cursor, READS, Size } from '../config-hub/schema.ts'
import { read } from '../operation/define.ts'
import { jobPage } from './jobs/page.ts'
import { presentDeleteJob } from './jobs/present.ts'
import { DeleteJob } from './jobs/schema.ts'

export const deletesList = read({
  id: 'config-sync.deletes.list',
  tool: 'config_sync_deletes_list',
  surface: 'configuration-hub',
  summary: 'List the organisation’s delete jobs, newest first.',
  boundaries: ['Headers; what became of each configuration is in the job’s resources.'],
  http: { method: 'GET', path: '/v1/configs/delete-jobs' },
  access: READS,
  input: z.strictObject({ cursor: Cursor.optional(), size: Size.optional() }),
  output: z.object({ results: z.array(DeleteJob), next_cursor: z.string().optional() }),
  errors: ['cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  run: (ctx, input) => jobPage(ctx, { ...input, list: 'delete-jobs', kinds: ['delete'] }, presentDeleteJob),
})
