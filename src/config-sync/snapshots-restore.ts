import { z } from 'zod'
import { WRITES } from '../config-hub/schema.ts'
import { record } from '../operation/define.ts'
import { beginJob, newJobId } from './jobs/begin.ts'
import { wholeJob } from './jobs/present.ts'
import { SyncJob } from './jobs/schema.ts'
import { requireReady } from './snapshots/present.ts'
import { SnapshotId } from './snapshots/schema.ts'

export const snapshotsRestore = record({
  id: 'config-sync.snapshots.restore',
  tool: 'config_sync_snapshots_restore',
  surface: 'configuration-hub',
  summary: 'Make the organisation’s configuration, or the selection of a snapshot, what it was then.',
  boundaries: [
    'Made as a job: planned, and applied as policy says; with dry_run only planned.',
    'Creates what is gone, puts back what changed and deletes what was added since, within the snapshot’s selection. Protected configurations are left.',
    'Every configuration is read back and said to be equal by byte, in content, or not.',
  ],
  http: { method: 'POST', path: '/v1/configs/snapshots/{id}/restore' },
  access: WRITES,
  status: 201,
  input: z.strictObject({
    id: SnapshotId,
    dry_run: z.boolean().default(false).describe('Make the plan and write nothing'),
  }),
  output: SyncJob,
  errors: ['not-found', 'conflict', 'idempotency-mismatch', 'idempotency-in-flight'],
  audit: {
    event: 'configuration_snapshot_restore',
    target: (_input, { id }) => ({ kind: 'configuration-job', id }),
  },
  async run(ctx, { id, dry_run }) {
    const snapshot = await requireReady(ctx, id)
    const row = await beginJob(ctx, {
      ...{ id: newJobId(), kind: 'restore', name: snapshot.name, direction: null, sourceOrg: null },
      ...{ targetOrg: ctx.org, dryRun: dry_run, use: { holder: undefined }, request: { snapshotId: id } },
    })
    return wholeJob(ctx, row)
  },
})
