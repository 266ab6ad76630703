import { z } from 'zod'
import { READS } from '../config-hub/schema.ts'
import { read } from '../operation/define.ts'
import { requireJob } from './jobs/begin.ts'
import { presentDeleteJob } from './jobs/present.ts'
import { DeleteJob, JobId } from './jobs/schema.ts'

export const deletesRead = read({
  id: 'config-sync.deletes.read',
  tool: 'config_sync_deletes_read',
  surface: 'configuration-hub',
  summary: 'Read a delete job: how far it is, and whether the index is being rebuilt after it.',
  boundaries: ['Its plan and events are read by its id like those of a sync job.'],
  http: { method: 'GET', path: '/v1/configs/delete-jobs/{id}' },
  access: READS,
  input: z.strictObject({ id: JobId }),
  output: DeleteJob,
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { id }) {
    return presentDeleteJob(await requireJob(ctx, id, ['delete']))
  },
})
