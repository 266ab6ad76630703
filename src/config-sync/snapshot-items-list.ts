import { z } from 'zod'
import { Cursor, READS, Size, Type } from '../config-hub/schema.ts'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { requireSnapshot } from './snapshots/present.ts'
import { SnapshotId } from './snapshots/schema.ts'
import { pageItems } from './snapshots/store.ts'

export const snapshotItemsList = read({
  id: 'config-sync.snapshot-items.list',
  tool: 'config_sync_snapshot_items_list',
  surface: 'configuration-hub',
  summary: 'List the configurations in a snapshot, with include=document as they were.',
  boundaries: ['Secrets are never shown.'],
  http: { method: 'GET', path: '/v1/configs/snapshots/{id}/items' },
  access: READS,
  input: z.strictObject({
    id: SnapshotId,
    type: Type.optional(),
    cursor: Cursor.optional(),
    size: Size.optional(),
    include: z.enum(['document']).optional(),
  }),
  output: z.object({
    results: z.array(
      z.object({
        type: z.string(),
        id: z.string(),
        version: z.int().describe('In the built-in store; 0 elsewhere'),
        content_hash: z.string(),
        document: z.record(z.string(), z.unknown()).optional(),
      }),
    ),
    next_cursor: z.string().optional(),
  }),
  errors: ['not-found', 'cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { id, type, cursor, size = 25, include }) {
    await requireSnapshot(ctx, id)
    const listing = { list: 'snapshot-items', filters: { id, ...(type ? { type } : {}) } }
    const at = readCursor(ctx, listing, cursor, z.tuple([z.string(), z.string()]))
    const after = at && { type: at[0], id: at[1] }
    const rows = await pageItems(ctx.db, ctx.org, id, { after, type, size: size + 1 })
    const shown = rows.slice(0, size)
    const last = rows.length > size ? shown.at(-1) : undefined
    return {
      results: shown.map((row) => ({
        type: row.type,
        id: row.id,
        version: row.version,
        content_hash: row.contentHash,
        ...(include ? { document: row.document } : {}),
      })),
      ...(last ? { next_cursor: signCursor(ctx, listing, [last.type, last.id]) } : {}),
    }
  },
})
