import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { presentNode, typeOfPath } from './index/read.ts'
import { countNodes, listNodes, type NodeFilter, type NodeRow, type Sort } from './index/read-store.ts'
import { ConfigNode, Cursor, Include, Instant, READS, Size, Type } from './schema.ts'

const Ids = z.string().min(1).max(2000)

const Input = z.strictObject({
  type: Type,
  cursor: Cursor.optional(),
  size: Size.optional(),
  q: z.string().min(1).max(200).optional().describe('Text in the title, in any case'),
  updated_after: Instant.optional(),
  updated_before: Instant.optional(),
  purposes: Ids.optional().describe('Any of these purposes, separated by commas'),
  blueprint_ids: Ids.optional().describe('Installed by any of these blueprints, separated by commas'),
  sort: z
    .enum(['updated_at', 'usage', 'name'])
    .optional()
    .describe('Newest first (as by default), most used first, or by title'),
  active_only: z.boolean().optional().describe('Leave out what is inactive; what knows no such state stays'),
  include: Include.optional(),
})
type Input = z.output<typeof Input>

export const configsList = read({
  id: 'config-hub.configs.list',
  tool: 'config_hub_configs_list',
  surface: 'configuration-hub',
  summary: 'List the configurations of a type, searched, filtered and sorted, page by page.',
  boundaries: [
    'Summaries, not documents.',
    'A row that does not change while the pages are read is on exactly one of them, whatever others write meanwhile.',
  ],
  http: { method: 'GET', path: '/v1/configs/{type}' },
  access: READS,
  input: Input,
  output: z.object({
    type: z.string(),
    label: z.string(),
    icon: z.string(),
    total: z.int(),
    next_cursor: z.string().optional(),
    results: z.array(ConfigNode),
  }),
  errors: ['cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, input) {
    const { type, label, icon } = await typeOfPath(ctx, input.type, input.include)
    const { cursor, size = 25, sort = 'updated_at', ...filters } = input
    const listing = { list: 'configs', filters: { ...filters, sort } }
    const position = readCursor(
      ctx,
      listing,
      cursor,
      z.tuple([z.union([z.string(), z.number()]), z.string()]),
    )
    const filter = filterOf(input)
    const [rows, total] = await Promise.all([
      listNodes(ctx.db, ctx.org, filter, {
        sort,
        size: size + 1,
        ...(position ? { after: { value: position[0], id: position[1] } } : {}),
      }),
      countNodes(ctx.db, ctx.org, filter),
    ])
    const shown = rows.slice(0, size)
    const last = rows.length > size ? shown.at(-1) : undefined
    return {
      type,
      label,
      icon,
      total,
      results: shown.map(presentNode),
      ...(last ? { next_cursor: signCursor(ctx, listing, [SORTED_BY[sort](last), last.id]) } : {}),
    }
  },
})

const SORTED_BY: Record<Sort, (row: NodeRow) => string | number> = {
  updated_at: (row) => row.updatedAt.toISOString(),
  usage: (row) => row.usage,
  name: (row) => row.titleKey,
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')

const filterOf = (input: Input): NodeFilter => ({
  type: input.type,
  ...(input.q === undefined ? {} : { q: input.q }),
  ...(input.updated_after === undefined ? {} : { updatedAfter: new Date(input.updated_after) }),
  ...(input.updated_before === undefined ? {} : { updatedBefore: new Date(input.updated_before) }),
  ...(input.purposes === undefined ? {} : { purposes: listOf(input.purposes) }),
  ...(input.blueprint_ids === undefined ? {} : { blueprintIds: listOf(input.blueprint_ids) }),
  ...(input.active_only ? { activeOnly: true } : {}),
})
