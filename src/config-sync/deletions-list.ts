import { z } from 'zod'
import { Cursor, READS, Size } from '../config-hub/schema.ts'
import { read } from '../operation/define.ts'
import { requireJob } from './jobs/begin.ts'
import { rowPage } from './jobs/page.ts'
import { presentDeletion } from './jobs/present.ts'
import { DeleteJobResource, JobId } from './jobs/schema.ts'
import { listResources } from './jobs/store.ts'

export const deletionsList = read({
  id: 'config-sync.deletions.list',
  tool: 'config_sync_deletions_list',
  surface: 'configuration-hub',
  summary: 'List the configurations of a delete job and what became of each.',
  boundaries: ['skipped is what is protected, or was gone already; failed says why.'],
  http: { method: 'GET', path: '/v1/configs/delete-jobs/{id}/resources' },
  access: READS,
  input: z.strictObject({ id: JobId, cursor: Cursor.optional(), size: Size.optional() }),
  output: z.object({ results: z.array(DeleteJobResource), next_cursor: z.string().optional() }),
  errors: ['not-found', 'cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { id, ...page }) {
    await requireJob(ctx, id, ['delete'])
    return rowPage(
      ctx,
      { ...page, list: 'delete-job-resources', filters: { id } },
      (after, size) => listResources(ctx.db, ctx.org, id, { after, size }),
      presentDeletion,
    )
  },
})
