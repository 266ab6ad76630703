import { z } from 'zod'
import { Cursor, READS, Size } from '../config-hub/schema.ts'
import { read } from '../operation/define.ts'
import { requireJob, SYNC_KINDS } from './jobs/begin.ts'
import { rowPage } from './jobs/page.ts'
import { presentResource } from './jobs/present.ts'
import { JobId, RowStatus, SyncJobResource } from './jobs/schema.ts'
import { listResources } from './jobs/store.ts'

export const resourcesList = read({
  id: 'config-sync.resources.list',
  tool: 'config_sync_resources_list',
  surface: 'configuration-hub',
  summary: 'List the configurations of a sync job and what became of each.',
  boundaries: ['In the order of the plan; would_* in a dry run. What is to change in each is in the plan.'],
  http: { method: 'GET', path: '/v1/configs/sync-jobs/{id}/resources' },
  access: READS,
  input: z.strictObject({
    id: JobId,
    cursor: Cursor.optional(),
    size: Size.optional(),
    status: RowStatus.optional(),
  }),
  output: z.object({ results: z.array(SyncJobResource), next_cursor: z.string().optional() }),
  errors: ['not-found', 'cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { id, status, ...page }) {
    await requireJob(ctx, id, SYNC_KINDS)
    return rowPage(
      ctx,
      { ...page, list: 'sync-job-resources', filters: { id, status: status ?? null } },
      (after, size) => listResources(ctx.db, ctx.org, id, { status, after, size }),
      presentResource,
    )
  },
})
