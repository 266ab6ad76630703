import { z } from 'zod'
import { read } from '../operation/define.ts'
import { closureOf, keyText, toOf } from './graph/closure.ts'
import { type Impact, impactOf } from './graph/impact.ts'
import { Depth, Key, Limit, Reference } from './graph/schema.ts'
import { typesAround } from './graph/start.ts'
import { type NodeRow, nodesOf, presentNode } from './index/read.ts'
import { ConfigId, ConfigNode, Include, READS, Type } from './schema.ts'

const Reached = ConfigNode.extend({
  path: z
    .array(Key.extend(Reference.shape))
    .describe('What it refers to, what that refers to, and so on to the one asked for'),
})

export const graphImpact = read({
  id: 'config-hub.graph.impact',
  tool: 'config_hub_graph_impact',
  surface: 'configuration-hub',
  summary: 'Read what breaks and what is affected if a configuration goes, and by which references.',
  boundaries: [
    'breaks requires it, or requires something that breaks; affected refers to it, or to one of those, without requiring it.',
    'A name that something else answers to as well breaks nothing; a required reference counts here as an optional one then.',
    'Each configuration once, by a shortest path; truncated and deeper say what limit and depth left out.',
  ],
  http: { method: 'GET', path: '/v1/configs/{type}/{id}/impact' },
  access: READS,
  input: z.strictObject({
    type: Type,
    id: ConfigId,
    depth: Depth.optional(),
    limit: Limit.optional(),
    include: Include.optional(),
  }),
  output: z.object({
    root: Key,
    truncated: z.boolean(),
    deeper: z.boolean(),
    breaks: z.array(Reached),
    affected: z.array(Reached),
  }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, input) {
    const { db, org } = ctx
    const { type, id, depth = 20, limit = 1000 } = input
    const root = { type, id }
    const types = await typesAround(ctx, input)
    const closure = await closureOf(db, org, root, { direction: 'used_by', depth, limit, types, sole: true })
    const impacts = impactOf(root, closure.edges)
    const rows = new Map((await nodesOf(db, org, impacts)).map((row) => [keyText(row), row]))
    const reached = (breaks: boolean) =>
      impacts.flatMap((impact) => {
        const row = rows.get(keyText(impact))
        return row && impact.breaks === breaks ? [present(row, impact)] : []
      })
    return {
      root,
      truncated: closure.truncated,
      deeper: closure.deeper,
      breaks: reached(true),
      affected: reached(false),
    }
  },
})

const present = (row: NodeRow, { path }: Impact): z.infer<typeof Reached> => ({
  ...presentNode(row),
  path: path.map((edge) => ({ ...toOf(edge), kind: edge.kind, required: edge.required })),
})
