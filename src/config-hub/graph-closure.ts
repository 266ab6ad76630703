import { z } from 'zod'
import { read } from '../operation/define.ts'
import { closureOf, fromOf, keyText, toOf } from './graph/closure.ts'
import { Depth, Key, Limit, Reference } from './graph/schema.ts'
import { typesAround } from './graph/start.ts'
import { nodesOf, presentNode } from './index/read.ts'
import { ConfigId, ConfigNode, Include, READS, Type } from './schema.ts'

export const graphClosure = read({
  id: 'config-hub.graph.closure',
  tool: 'config_hub_graph_closure',
  surface: 'configuration-hub',
  summary:
    'Read everything that a configuration refers to, or that refers to it, directly and by way of others.',
  boundaries: [
    'Each configuration once, with its fewest steps from the one asked for, nearest first; deleted ones are left out.',
    'truncated says that limit, or 20,000 references, cut the answer short; deeper says that there is more beyond depth.',
    'Own types are neither shown nor passed through without include=custom.',
  ],
  http: { method: 'GET', path: '/v1/configs/{type}/{id}/closure' },
  access: READS,
  input: z.strictObject({
    type: Type,
    id: ConfigId,
    direction: z
      .enum(['dependencies', 'used_by'])
      .optional()
      .describe('What it needs (as by default) or what needs it'),
    depth: Depth.optional(),
    limit: Limit.optional(),
    include: Include.optional(),
  }),
  output: z.object({
    root: Key,
    direction: z.enum(['dependencies', 'used_by']),
    truncated: z.boolean(),
    deeper: z.boolean(),
    nodes: z.array(ConfigNode.extend({ distance: z.int() })),
    edges: z.array(Reference.extend({ from: Key, to: Key })),
  }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, input) {
    const { db, org } = ctx
    const { type, id, direction = 'dependencies', depth = 20, limit = 1000 } = input
    const types = await typesAround(ctx, input)
    const closure = await closureOf(db, org, { type, id }, { direction, depth, limit, types })
    const rows = new Map((await nodesOf(db, org, closure.nodes)).map((row) => [keyText(row), row]))
    return {
      root: { type, id },
      direction,
      truncated: closure.truncated,
      deeper: closure.deeper,
      nodes: closure.nodes.flatMap(({ distance, ...key }) => {
        const row = rows.get(keyText(key))
        return row ? [{ ...presentNode(row), distance }] : []
      }),
      edges: closure.edges.map((edge) => ({
        from: fromOf(edge),
        to: toOf(edge),
        kind: edge.kind,
        required: edge.required,
      })),
    }
  },
})
