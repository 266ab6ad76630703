import { z } from 'zod'
import { READS } from '../config-hub/schema.ts'
import { read } from '../operation/define.ts'
import { presentSnapshot, requireSnapshot } from './snapshots/present.ts'
import { Snapshot, SnapshotId } from './snapshots/schema.ts'
import { countItems } from './snapshots/store.ts'

export const snapshotsRead = read({
  id: 'config-sync.snapshots.read',
  tool: 'config_sync_snapshots_read',
  surface: 'configuration-hub',
  summary: 'Read a snapshot: when it was taken, of what, and how many configurations of each type it has.',
  boundaries: ['What is in it is listed by config-sync.snapshot-items.list.'],
  http: { method: 'GET', path: '/v1/configs/snapshots/{id}' },
  access: READS,
  input: z.strictObject({ id: SnapshotId }),
  output: Snapshot.extend({ types: z.array(z.object({ type: z.string(), items: z.int() })) }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { id }) {
    const row = await requireSnapshot(ctx, id)
    return { ...presentSnapshot(row), types: await countItems(ctx.db, ctx.org, id) }
  },
})
