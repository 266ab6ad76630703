import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { cyclesOf, MOST_MEMBERS } from './graph/cycles.ts'
import { Key, Reference, Titled } from './graph/schema.ts'
import { typesListed } from './graph/start.ts'
import { Cursor, Include, READS, Size, Type } from './schema.ts'

const Position = z.tuple([z.int(), z.string(), z.string()])

export const graphCycles = read({
  id: 'config-hub.graph.cycles',
  tool: 'config_hub_graph_cycles',
  surface: 'configuration-hub',
  summary: 'List configurations that refer to each other in a circle, and those that refer to themselves.',
  boundaries: [
    'One entry for all that lie on common circles (a strongly connected component), with one of the circles printed; largest first.',
    `At most ${MOST_MEMBERS} members of an entry are listed; size says how many there are.`,
    'The whole graph of the organisation is read for each page, in one state of the database.',
  ],
  http: { method: 'GET', path: '/v1/configs/index/cycles' },
  access: READS,
  input: z.strictObject({
    type: Type.optional().describe('Only entries with a configuration of this type'),
    cursor: Cursor.optional(),
    size: Size.optional(),
    include: Include.optional(),
  }),
  output: z.object({
    total: z.int(),
    next_cursor: z.string().optional(),
    results: z.array(
      z.object({
        size: z.int(),
        members: z.array(Titled),
        cycle: z
          .array(Key.extend(Reference.shape))
          .describe('Each refers to the next in this way, and the last to the first'),
      }),
    ),
  }),
  errors: ['cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, input) {
    const { type, include, cursor, size = 25 } = input
    const listing = {
      list: 'cycles',
      filters: { ...(type ? { type } : {}), ...(include ? { include } : {}) },
    }
    const position = readCursor(ctx, listing, cursor, Position)
    const types = await typesListed(ctx, input)
    const { total, components } = await ctx.deps.db.transaction((tx) =>
      cyclesOf(tx, ctx.org, {
        types,
        size: size + 1,
        ...(type ? { type } : {}),
        ...(position ? { after: { size: position[0], type: position[1], id: position[2] } } : {}),
      }),
    )
    const shown = components.slice(0, size)
    const last = components.length > size ? shown.at(-1) : undefined
    const first = last?.members[0]
    return {
      total,
      ...(last && first ? { next_cursor: signCursor(ctx, listing, [last.size, first.type, first.id]) } : {}),
      results: shown.map(({ size: count, members, cycle }) => ({ size: count, members, cycle })),
    }
  },
})
