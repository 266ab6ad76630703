import { z } from 'zod'
import { admits } from '../operation/admit.ts'
import { read } from '../operation/define.ts'
import { SURFACES } from './surfaces.ts'

export const list = read({
  id: 'surfaces.list',
  tool: 'fanful_agent_surface_list',
  surface: 'surfaces',
  summary: 'List the surfaces, their manifests, and how many operations this caller may call on each.',
  boundaries: ['Metadata only.'],
  http: { method: 'GET', path: '/api/agent/surfaces' },
  access: { auth: 'guest' },
  input: z.strictObject({}),
  output: z.object({
    ok: z.literal(true),
    version: z.literal('agent-surfaces.v1'),
    surfaces: z.array(
      z.object({
        id: z.string(),
        summary: z.string(),
        manifest: z.string().nullable(),
        resourceUri: z.string().nullable(),
        operations: z.number().int(),
        enabled: z.number().int(),
      }),
    ),
  }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx) {
    const surfaces = Object.entries(SURFACES).map(([id, summary]) => {
      const operations = ctx.deps.operations.filter(({ surface }) => surface === id)
      const manifest = operations.find(
        (operation) => operation.effect === 'read' && operation.resource?.uri === manifestUri(id),
      )
      return {
        id,
        summary,
        manifest: manifest ? `${ctx.call.origin}${manifest.http.path}` : null,
        resourceUri: manifest ? manifestUri(id) : null,
        operations: operations.length,
        enabled: operations.filter(({ access }) => admits(access, ctx.principal)).length,
      }
    })
    return { ok: true as const, version: 'agent-surfaces.v1' as const, surfaces }
  },
})

const manifestUri = (surface: string): string => `fanful://agent/${surface}/manifest`
