import { z } from 'zod'
import { Cursor, READS, Size } from '../config-hub/schema.ts'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { presentSnapshot } from './snapshots/present.ts'
import { Snapshot } from './snapshots/schema.ts'
import { listSnapshots } from './snapshots/store.ts'

export const snapshotsList = read({
  id: 'config-sync.snapshots.list',
  tool: 'config_sync_snapshots_list',
  surface: 'configuration-hub',
  summary: 'List the snapshots of the organisation’s configuration, newest first.',
  boundaries: ['Those being taken too; those past their time are gone.'],
  http: { method: 'GET', path: '/v1/configs/snapshots' },
  access: READS,
  input: z.strictObject({ cursor: Cursor.optional(), size: Size.optional() }),
  output: z.object({ results: z.array(Snapshot), next_cursor: z.string().optional() }),
  errors: ['cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { cursor, size = 25 }) {
    const listing = { list: 'snapshots' }
    const at = readCursor(ctx, listing, cursor, z.tuple([z.coerce.date(), z.string()]))
    const before = at && { createdAt: at[0], id: at[1] }
    const rows = await listSnapshots(ctx.db, ctx.org, { before, size: size + 1 })
    const shown = rows.slice(0, size)
    const last = rows.length > size ? shown.at(-1) : undefined
    return {
      results: shown.map(presentSnapshot),
      ...(last ? { next_cursor: signCursor(ctx, listing, [last.createdAt.toISOString(), last.id]) } : {}),
    }
  },
})
