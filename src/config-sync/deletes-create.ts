import { z } from 'zod'
import { ConfigId, Type, WRITES } from '../config-hub/schema.ts'
import { record } from '../operation/define.ts'
import { beginJob, newJobId } from './jobs/begin.ts'
import { presentDeleteJob } from './jobs/present.ts'
import { DeleteJob } from './jobs/schema.ts'

export const deletesCreate = record({
  id: 'config-sync.deletes.create',
  tool: 'config_sync_deletes_create',
  surface: 'configuration-hub',
  summary: 'Delete configurations of the organisation: plan it, and apply the plan as policy says.',
  boundaries: [
    'What refers to others of the selection goes before them. Protected configurations are left and end as skipped.',
    'With check_dependencies nothing is deleted that others still need; they are named.',
    'Waits for an approval where policy asks for one. Everything is kept in the journal: a rollback brings it back.',
  ],
  http: { method: 'POST', path: '/v1/configs/delete-jobs' },
  access: WRITES,
  status: 201,
  input: z.strictObject({
    name: z.string().trim().min(1).max(200).optional(),
    resources: z
      .array(z.strictObject({ type: Type, id: ConfigId, title: z.string().max(500).optional() }))
      .min(1)
      .max(10_000),
    check_dependencies: z.boolean().default(false).describe('Refuse what others still need'),
    dry_run: z.boolean().default(false).describe('Make the plan and delete nothing'),
  }),
  output: DeleteJob,
  errors: ['validation-failed', 'idempotency-mismatch', 'idempotency-in-flight'],
  audit: {
    event: 'configuration_delete_job_create',
    target: (_input, { id }) => ({ kind: 'configuration-job', id }),
  },
  async run(ctx, { name, resources, check_dependencies, dry_run }) {
    const row = await beginJob(ctx, {
      ...{ id: newJobId(), kind: 'delete', name: name ?? null, direction: null, sourceOrg: null },
      ...{ targetOrg: ctx.org, dryRun: dry_run, use: { holder: undefined } },
      request: {
        resources: resources.map(({ type, id, title }) => ({
          type,
          id,
          ...(title === undefined ? {} : { title }),
        })),
        checkDependencies: check_dependencies,
      },
    })
    return presentDeleteJob(row)
  },
})
