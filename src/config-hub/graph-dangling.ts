import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { Key, Titled } from './graph/schema.ts'
import { typesListed } from './graph/start.ts'
import { type DanglingRow, listDangling } from './graph/store.ts'
import { Cursor, Include, Instant, READS, Size, Type } from './schema.ts'

const Position = z.tuple([z.string(), z.string(), z.string(), z.string(), z.string()])

const Dangling = z.object({
  from: Titled,
  name: z.string(),
  to_type: z.string().optional().describe('Absent when any type would do'),
  kind: z
    .enum(['id', 'alias', 'slug', 'variable', 'any', 'text', 'template'])
    .describe('By which of its names; text and template: found in a text, as a variable'),
  required: z.boolean(),
  deleted: Key.extend({ deleted_at: Instant }).optional().describe('What had that name last'),
})

export const graphDangling = read({
  id: 'config-hub.graph.dangling',
  tool: 'config_hub_graph_dangling',
  surface: 'configuration-hub',
  summary: 'List references that lead to nothing: from where, by which name, and what was there before.',
  boundaries: [
    'Declared references always count; words and variables in texts only when what they named was deleted.',
    'Configurations of every type answer to a name, own types included; only whose references are listed depends on include.',
  ],
  http: { method: 'GET', path: '/v1/configs/index/dangling' },
  access: READS,
  input: z.strictObject({
    type: Type.optional().describe('Only references of configurations of this type'),
    required: z.boolean().optional().describe('Only required references'),
    cursor: Cursor.optional(),
    size: Size.optional(),
    include: Include.optional(),
  }),
  output: z.object({ next_cursor: z.string().optional(), results: z.array(Dangling) }),
  errors: ['cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, input) {
    const { cursor, size = 25, type, required = false, include } = input
    const listing = {
      list: 'dangling',
      filters: { required, ...(type ? { type } : {}), ...(include ? { include } : {}) },
    }
    const position = readCursor(ctx, listing, cursor, Position)
    const types = await typesListed(ctx, input)
    const rows = await listDangling(ctx.db, ctx.org, {
      types: type ? [type] : types,
      required,
      size: size + 1,
      ...(position ? { after: position } : {}),
    })
    const shown = rows.slice(0, size)
    const last = rows.length > size ? shown.at(-1) : undefined
    return {
      ...(last
        ? {
            next_cursor: signCursor(ctx, listing, [
              last.fromType,
              last.fromId,
              last.name,
              last.toType,
              last.kind,
            ]),
          }
        : {}),
      results: shown.map(present),
    }
  },
})

const present = (row: DanglingRow): z.infer<typeof Dangling> => ({
  from: { type: row.fromType, id: row.fromId, title: row.title },
  name: row.name,
  ...(row.toType === '' ? {} : { to_type: row.toType }),
  kind: row.kind,
  required: row.required,
  ...(row.deletedType === null || row.deletedId === null || row.deletedAt === null
    ? {}
    : { deleted: { type: row.deletedType, id: row.deletedId, deleted_at: row.deletedAt.toISOString() } }),
})
