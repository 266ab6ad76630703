import { z } from 'zod'
import { WRITES } from '../config-hub/schema.ts'
import { registryOf, requireType } from '../config-hub/types/registry.ts'
import { record } from '../operation/define.ts'
import { presentSnapshot } from './snapshots/present.ts'
import { Name, Selection, Snapshot } from './snapshots/schema.ts'
import { beginSnapshot } from './snapshots/take.ts'

const DAY_MS = 86_400_000

export const snapshotsCreate = record({
  id: 'config-sync.snapshots.create',
  tool: 'config_sync_snapshots_create',
  surface: 'configuration-hub',
  summary: 'Keep the organisation’s configuration, or some of it, as it is now.',
  boundaries: [
    'Answers at once; the snapshot is taken in the background and is there when its status is ready.',
    'What is in the built-in store is kept as of one moment, secrets sealed; what lives elsewhere is read page by page after it, without secrets.',
    'A type whose place cannot be read is left out and named in failed_types.',
  ],
  http: { method: 'POST', path: '/v1/configs/snapshots' },
  access: WRITES,
  status: 201,
  input: z.strictObject({
    name: Name,
    selection: Selection.default({}),
    expires_in_days: z.int().min(1).max(3650).optional().describe('Removed then; absent: kept until removed'),
  }),
  output: Snapshot,
  errors: ['validation-failed', 'idempotency-mismatch', 'idempotency-in-flight'],
  audit: {
    event: 'configuration_snapshot_create',
    target: (_input, { id }) => ({ kind: 'configuration-snapshot', id }),
  },
  async run({ db, org, now, principal }, { name, selection, expires_in_days }) {
    const registry = await registryOf(db, org)
    selection.types?.forEach((type, index) => void requireType(registry, type, `/selection/types/${index}`))
    const expiresAt = expires_in_days ? new Date(now.getTime() + expires_in_days * DAY_MS) : null
    const createdBy = principal.displayName
    const row = { org, name, selection, schedule: null, createdAt: now, createdBy, expiresAt }
    return presentSnapshot(await beginSnapshot(db, row))
  },
})
