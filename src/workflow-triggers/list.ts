import { z } from 'zod'
import { read } from '../operation/define.ts'
import {
  DescriptorSchema,
  describe,
  PrincipalSchema,
  presentPrincipal,
  SurfaceSchema,
  surfaceOf,
} from '../operation/manifest.ts'
import { FAMILIES, FAMILY_IDS } from './families.ts'
import { samplePayload } from './payload.ts'
import { missingScope } from './permitted.ts'
import { PAUSES_MS } from './rules.ts'

const FamilySchema = z.object({
  family: z.string(),
  version: z.string(),
  title: z.string(),
  produced: z.boolean().describe('False: described for receivers, and never sent from here'),
  scope: z.string().nullable(),
  available: z.boolean().describe('Whether this caller may subscribe to it'),
  samplePayload: z.record(z.string(), z.json()),
})

export const list = read({
  id: 'workflow-triggers.list',
  tool: 'agent_workflow_trigger_list',
  surface: 'workflow-triggers',
  summary: 'List the families of triggers with a sample of each, and how deliveries are signed and repeated.',
  boundaries: [
    'A trigger is a reason to read the current manifest again; it permits nothing.',
    'Payloads hold references only: ids, digests and fingerprints, no private data.',
  ],
  http: { method: 'GET', path: '/api/agent/workflow-triggers' },
  access: { auth: 'optional-session' },
  input: z.strictObject({ family: z.enum(FAMILY_IDS).optional() }),
  output: z.object({
    ok: z.literal(true),
    version: z.literal('agent-workflow-triggers.v1'),
    generatedAt: z.string(),
    surface: SurfaceSchema,
    principal: PrincipalSchema,
    families: z.array(FamilySchema),
    delivery: z.object({
      standard: z.literal('Standard Webhooks'),
      headers: z.array(z.string()),
      pausesSeconds: z.array(z.number()),
      notes: z.array(z.string()),
    }),
    operations: z.array(DescriptorSchema),
  }),
  errors: ['not-found', 'validation-failed'],
  audit: { none: 'A read changes nothing.' },
  resource: { uri: 'fanful://agent/workflow-triggers/manifest', title: 'Workflow triggers manifest' },
  async run({ call, deps, now, org, principal }, { family }) {
    const own = deps.operations.filter(({ surface }) => surface === 'workflow-triggers')
    const operations = own.map((operation) => describe(operation, call.origin, principal))
    const wanted = FAMILY_IDS.filter((id) => family === undefined || id === family)
    return {
      ok: true as const,
      version: 'agent-workflow-triggers.v1' as const,
      generatedAt: now.toISOString(),
      surface: surfaceOf('workflow-triggers', org),
      principal: presentPrincipal(principal, { subscribe: principal.kind !== 'guest' }),
      families: wanted.map((id) => {
        const { version, title, produced, scope } = FAMILIES[id]
        return {
          ...{ family: id, version, title, produced },
          scope: scope === null ? null : `creator:${org}:${scope}`,
          available: produced && principal.kind !== 'guest' && missingScope(principal, id) === undefined,
          samplePayload: samplePayload({ org, origin: call.origin, now }, id),
        }
      }),
      delivery: {
        standard: 'Standard Webhooks' as const,
        headers: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
        pausesSeconds: PAUSES_MS.map((ms) => ms / 1000),
        notes: [
          'Each attempt of a delivery has the same webhook-id: skip those that you processed.',
          'Answer 2xx within 15 seconds; 410 ends the subscription; redirects are not followed.',
        ],
      },
      operations,
    }
  },
})
