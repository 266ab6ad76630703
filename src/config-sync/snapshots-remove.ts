import { z } from 'zod'
import { WRITES } from '../config-hub/schema.ts'
import { write } from '../operation/define.ts'
import { requireSnapshot } from './snapshots/present.ts'
import { SnapshotId } from './snapshots/schema.ts'
import { deleteSnapshot } from './snapshots/store.ts'

export const snapshotsRemove = write({
  id: 'config-sync.snapshots.remove',
  tool: 'config_sync_snapshots_remove',
  surface: 'configuration-hub',
  summary: 'Remove a snapshot for good.',
  boundaries: ['The configuration itself stays as it is; it can no longer be brought back to that moment.'],
  http: { method: 'DELETE', path: '/v1/configs/snapshots/{id}' },
  access: WRITES,
  input: z.strictObject({
    id: SnapshotId,
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: z.object({ deleted: z.literal(true) }),
  errors: ['not-found'],
  confirmation: {
    kind: 'config-change',
    reason: 'What it kept cannot be brought back.',
    contractId: 'configuration.sync',
    action: 'configuration.snapshots.remove',
    envelope: false,
  },
  audit: {
    event: 'configuration_snapshot_remove',
    record: 'config_snapshots',
    attribution: 'The snapshot that there was, with who removed it.',
  },
  async preview(ctx, { id }) {
    const row = await requireSnapshot(ctx, id, ctx.lock)
    return {
      target: { kind: 'configuration-snapshot', id, title: `the snapshot ${row.name}` },
      targetSummary: `Remove the snapshot ${row.name} of ${row.items} configurations.`,
      observed: [{ kind: 'configuration-snapshot', id, version: 1, updatedAt: row.createdAt.toISOString() }],
      arguments: { id },
      changes: [
        { op: 'delete' as const, pointer: '', label: row.name, before: { items: row.items }, after: null },
      ],
      affectedSurfaces: ['configuration-hub'],
      confirmationText: `I confirm removing the snapshot ${row.name}.`,
      subject: row,
    }
  },
  async apply(ctx, _plan, { id }, { name, items, digest }) {
    await deleteSnapshot(ctx.db, ctx.org, id)
    return { output: { deleted: true as const }, previous: { id, name, items, digest }, next: { id } }
  },
})
