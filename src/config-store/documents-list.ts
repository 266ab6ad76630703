import { z } from 'zod'
import { Cursor, READS, Size, Type } from '../config-hub/schema.ts'
import { registryOf, requireType } from '../config-hub/types/registry.ts'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { presentListed } from './present.ts'
import { ListedDocument } from './schema.ts'
import { pageOfDocuments } from './store.ts'

export const documentsList = read({
  id: 'config-store.documents.list',
  tool: 'config_store_documents_list',
  surface: 'configuration-hub',
  summary: 'List the configurations of a type in the built-in store by id, with their versions.',
  boundaries: [
    'Shows documents only with include=document; a page may then be shorter than its size, so follow next_cursor.',
    'Deleted ones are listed with deleted=true.',
  ],
  http: { method: 'GET', path: '/v1/store/{type}' },
  access: READS,
  input: z.strictObject({
    type: Type,
    cursor: Cursor.optional(),
    size: Size.optional(),
    include: z.enum(['document']).optional(),
    deleted: z.boolean().optional().describe('Deleted configurations too'),
  }),
  output: z.object({
    type: z.string(),
    results: z.array(ListedDocument),
    next_cursor: z.string().optional(),
  }),
  errors: ['cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { type, cursor, size = 25, include, deleted = false }) {
    const registry = await registryOf(ctx.db, ctx.org)
    requireType(registry, type)
    const listing = { list: 'store', filters: { type } }
    const [after] = readCursor(ctx, listing, cursor, z.tuple([z.string()])) ?? []
    const { rows, more } = await pageOfDocuments(ctx.db, ctx.org, {
      type,
      deleted,
      size,
      documents: include === 'document',
      ...(after === undefined ? {} : { after: { type, id: after } }),
    })
    const last = rows.at(-1)
    return {
      type,
      results: rows.map((row) => presentListed(registry, row, include === 'document')),
      ...(last && more ? { next_cursor: signCursor(ctx, listing, [last.id]) } : {}),
    }
  },
})
