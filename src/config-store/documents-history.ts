import { z } from 'zod'
import { Cursor, READS, Size, Type } from '../config-hub/schema.ts'
import { registryOf, requireType } from '../config-hub/types/registry.ts'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { presentVersion } from './present.ts'
import { ListedVersion, StoreId } from './schema.ts'
import { versionsOf } from './store.ts'

export const documentsHistory = read({
  id: 'config-store.documents.history',
  tool: 'config_store_documents_history',
  surface: 'configuration-hub',
  summary: 'List the versions of a configuration, newest first, with author and time.',
  boundaries: ['Also of a deleted configuration. A deletion is a version without a document.'],
  http: { method: 'GET', path: '/v1/store/{type}/{id}/versions' },
  access: READS,
  input: z.strictObject({
    type: Type,
    id: StoreId,
    cursor: Cursor.optional(),
    size: Size.optional(),
  }),
  output: z.object({
    type: z.string(),
    id: z.string(),
    results: z.array(ListedVersion),
    next_cursor: z.string().optional(),
  }),
  errors: ['cursor-invalid', 'not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { type, id, cursor, size = 25 }) {
    requireType(await registryOf(ctx.db, ctx.org), type)
    const listing = { list: 'versions', filters: { type, id } }
    const [before] = readCursor(ctx, listing, cursor, z.tuple([z.int()])) ?? []
    const rows = await versionsOf(ctx.db, ctx.org, { type, id }, { before, size })
    if (rows.length === 0 && before === undefined) fail('not-found', `There is no ${type} ${id}.`)
    const last = rows.at(-1)
    return {
      type,
      id,
      results: rows.map(presentVersion),
      // versions count from 1 without gaps
      ...(last && last.version > 1 ? { next_cursor: signCursor(ctx, listing, [last.version]) } : {}),
    }
  },
})
