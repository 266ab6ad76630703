import { z } from 'zod'
import { Cursor, Instant, READS, Size, Type } from '../config-hub/schema.ts'
import type { Registry } from '../config-hub/types/definition.ts'
import { registryOf, requireType } from '../config-hub/types/registry.ts'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { type Context, read } from '../operation/define.ts'
import { presentLine } from './present.ts'
import { Line } from './schema.ts'
import { pageOfDocuments } from './store.ts'

const Input = z.strictObject({
  type: Type.optional(),
  updated_after: Instant.optional().describe('Only what was written after this instant'),
  cursor: Cursor.optional(),
  size: Size.optional(),
})
type Input = z.output<typeof Input>

export const documentsExport = read({
  id: 'config-store.documents.export',
  tool: 'config_store_documents_export',
  surface: 'configuration-hub',
  summary:
    'Export the built-in store, one configuration a line (application/x-ndjson), or page by page as JSON.',
  boundaries: [
    'Each configuration once, by type and id, in the version it has when its line is written; no secrets, no deleted ones.',
    'The lines are what the import takes.',
  ],
  http: { method: 'GET', path: '/v1/store:export' },
  access: READS,
  input: Input,
  output: z.object({ results: z.array(Line), next_cursor: z.string().optional() }),
  errors: ['cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, input) {
    const { registry, after } = await begin(ctx, input)
    const { rows, more } = await page(ctx, input, after, input.size ?? 25)
    const last = rows.at(-1)
    return {
      results: rows.map((row) => presentLine(registry, row)),
      ...(last && more ? { next_cursor: signCursor(ctx, listingOf(input), [last.type, last.id]) } : {}),
    }
  },
  async *lines(ctx, input) {
    const { registry, after } = await begin(ctx, input)
    for (let last = after; ; ) {
      const { rows, more } = await page(ctx, input, last, LINES_A_PAGE)
      for (const row of rows) yield presentLine(registry, row)
      if (!more) return
      last = rows.at(-1)
    }
  },
})

const listingOf = ({ type, updated_after }: Input) => ({
  list: 'store:export',
  filters: { type, updated_after },
})

/** A round trip for every 200; the page also ends at a size in bytes (store.ts). */
const LINES_A_PAGE = 200

type Position = { type: string; id: string } | undefined

async function begin(ctx: Context, input: Input): Promise<{ registry: Registry; after: Position }> {
  const registry = await registryOf(ctx.db, ctx.org)
  if (input.type !== undefined) requireType(registry, input.type)
  const position = readCursor(ctx, listingOf(input), input.cursor, z.tuple([z.string(), z.string()]))
  return { registry, after: position && { type: position[0], id: position[1] } }
}

const page = (ctx: Context, input: Input, after: Position, size: number) =>
  pageOfDocuments(ctx.db, ctx.org, {
    size,
    documents: true,
    ...(input.type === undefined ? {} : { type: input.type }),
    ...(input.updated_after === undefined ? {} : { updatedAfter: new Date(input.updated_after) }),
    ...(after ? { after: { type: after.type, id: after.id } } : {}),
  })
