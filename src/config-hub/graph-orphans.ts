import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { typesListed } from './graph/start.ts'
import { listOrphans } from './graph/store.ts'
import { presentNode } from './index/read.ts'
import { ConfigNode, Cursor, Include, READS, Size, Type } from './schema.ts'

export const graphOrphans = read({
  id: 'config-hub.graph.orphans',
  tool: 'config_hub_graph_orphans',
  surface: 'configuration-hub',
  summary: 'List configurations that nothing refers to and that refer to nothing.',
  boundaries: [
    'References of every type count, own types included; only which configurations are listed depends on include.',
    'A reference to itself is none; neither is one from or to something deleted.',
    'With unreferenced=true also what refers to others, as long as nothing refers to it.',
  ],
  http: { method: 'GET', path: '/v1/configs/index/orphans' },
  access: READS,
  input: z.strictObject({
    type: Type.optional(),
    unreferenced: z.boolean().optional().describe('Whatever nothing refers to'),
    cursor: Cursor.optional(),
    size: Size.optional(),
    include: Include.optional(),
  }),
  output: z.object({ next_cursor: z.string().optional(), results: z.array(ConfigNode) }),
  errors: ['cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, input) {
    const { cursor, size = 25, type, unreferenced = false, include } = input
    const listing = {
      list: 'orphans',
      filters: { unreferenced, ...(type ? { type } : {}), ...(include ? { include } : {}) },
    }
    const position = readCursor(ctx, listing, cursor, z.tuple([z.string(), z.string()]))
    const types = await typesListed(ctx, input)
    const rows = await listOrphans(ctx.db, ctx.org, {
      types: type ? [type] : types,
      isolated: !unreferenced,
      size: size + 1,
      ...(position ? { after: { type: position[0], id: position[1] } } : {}),
    })
    const shown = rows.slice(0, size)
    const last = rows.length > size ? shown.at(-1) : undefined
    return {
      ...(last ? { next_cursor: signCursor(ctx, listing, [last.type, last.id]) } : {}),
      results: shown.map(presentNode),
    }
  },
})
