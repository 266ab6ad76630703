import { z } from 'zod'
import { refusal, requiredScope } from '../operation/admit.ts'
import { type Operation, read, type WriteOperation } from '../operation/define.ts'
import { ERRORS } from '../operation/errors.ts'
import { EndpointSchema, endpoint } from '../operation/manifest.ts'
import { effectivePolicy, policyKind, readPolicies } from '../operation/policy.ts'

const AUDIENCES = ['guest', 'listener', 'creator', 'automation', 'agent'] as const

export const contractsRead = read({
  id: 'actions.contracts.read',
  tool: 'agent_action_contracts_read',
  surface: 'action-contracts',
  summary: 'Read which actions exist, who may call them, and what each asks for.',
  boundaries: ['Metadata only: no state, no identifiers.'],
  http: { method: 'GET', path: '/api/agent/action-contracts' },
  access: { auth: 'guest' },
  input: z.strictObject({
    audience: z.enum(AUDIENCES).optional(),
    domain: z.string().min(1).max(60).optional().describe('A surface id'),
  }),
  output: z.object({
    ok: z.literal(true),
    version: z.literal('agent-action-contracts.v1'),
    generatedAt: z.string(),
    envelopeContract: z.literal('agent-write-envelope.v1'),
    contractFamilies: z.record(z.string(), z.array(z.string())),
    errorCodes: z.record(
      z.string(),
      z.object({ status: z.number(), retryable: z.boolean(), nextAction: z.string() }),
    ),
    actions: z.array(
      z.object({
        id: z.string(),
        toolName: z.string(),
        domain: z.string(),
        contractId: z.string().nullable(),
        action: z.string().nullable(),
        availability: z.enum(['executable', 'preview-only', 'blocked']),
        blockedReason: z.string().nullable(),
        effect: z.string(),
        audiences: z.array(z.enum(AUDIENCES)),
        auth: z.string(),
        requiredScopes: z.array(z.string()),
        confirmation: z.object({
          required: z.boolean(),
          exactText: z.boolean(),
          kind: z.string(),
          mode: z.string(),
        }),
        idempotency: z.object({ required: z.boolean(), field: z.string().nullable() }),
        audit: z.object({ required: z.boolean(), record: z.string().nullable() }),
        staleState: z.object({ guarded: z.boolean(), field: z.string().nullable() }),
        redactions: z.string(),
        endpoint: EndpointSchema,
      }),
    ),
  }),
  errors: ['validation-failed'],
  audit: { none: 'A read changes nothing.' },
  resource: { uri: 'fanful://agent/action-contracts/manifest', title: 'Action contracts' },
  async run(ctx, { audience, domain }) {
    const { rows, version } = await readPolicies(ctx.db, ctx.org)
    const policyOf = (operation: WriteOperation) =>
      effectivePolicy(rows, version, policyKind(ctx.principal), operation)
    const built = ctx.deps.operations.filter(({ surface }) => !domain || surface === domain)
    const actions = [
      ...built.map((operation) => {
        const refused = refusal(operation.access, ctx.principal)
        return {
          ...shared(operation, ctx.org, ctx.call.origin),
          ...(operation.effect === 'write'
            ? writeRules(operation, policyOf(operation).mode)
            : otherRules(operation)),
          availability: availability(operation, refused !== undefined),
          blockedReason: refused?.detail ?? null,
        }
      }),
    ].filter((action) => !audience || action.audiences.includes(audience))
    return {
      ok: true as const,
      version: 'agent-action-contracts.v1' as const,
      generatedAt: ctx.now.toISOString(),
      envelopeContract: 'agent-write-envelope.v1' as const,
      contractFamilies: families(ctx.deps.operations),
      errorCodes: { ...ERRORS },
      actions,
    }
  },
})

const shared = (
  operation: Pick<Operation, 'id' | 'tool' | 'surface' | 'access' | 'http' | 'summary'> & { effect: string },
  org: string,
  origin: string,
) => ({
  id: operation.id,
  toolName: operation.tool,
  domain: operation.surface,
  effect: operation.effect,
  audiences: audiencesOf(operation.access.auth),
  auth: operation.access.auth,
  requiredScopes: [requiredScope(operation.access, org)].filter((scope) => scope !== undefined),
  redactions:
    'Answers carry what their schema names and nothing more; secret fields are accepted, never returned.',
  endpoint: endpoint(origin, operation.http, operation.access, operation.summary),
})

function audiencesOf(auth: Operation['access']['auth']): (typeof AUDIENCES)[number][] {
  switch (auth) {
    case 'guest':
    case 'optional-session':
      return [...AUDIENCES]
    case 'signed-in-listener':
      return ['listener', 'creator']
    case 'first-party-session':
      return ['listener', 'creator']
    case 'scoped-agent-grant':
      return ['listener', 'creator', 'automation', 'agent']
    case 'artist-admin-or-approved-automation':
      return ['creator', 'automation', 'agent']
  }
}

const availability = (operation: Operation, refused: boolean) => {
  if (refused) return 'blocked' as const
  return operation.effect === 'preview' ? ('preview-only' as const) : ('executable' as const)
}

function writeRules(operation: WriteOperation, mode: string) {
  const { confirmation } = operation
  const stale =
    ['observedUpdatedAt', 'expectedVersion'].find((field) => field in operation.input.shape) ?? null
  return {
    contractId: confirmation.contractId,
    action: confirmation.action,
    confirmation: { required: true, exactText: confirmation.envelope, kind: confirmation.kind, mode },
    idempotency: {
      required: confirmation.envelope,
      field: confirmation.envelope ? 'envelope.idempotencyKey' : 'Idempotency-Key',
    },
    audit: { required: true, record: operation.audit.record },
    staleState: { guarded: stale !== null, field: stale },
  }
}

const NO_RULES = {
  contractId: null,
  action: null,
  confirmation: { required: false, exactText: false, kind: 'none', mode: 'none' },
  idempotency: { required: false, field: null },
  audit: { required: false, record: null },
  staleState: { guarded: false, field: null },
}

const otherRules = (operation: Operation) => ({
  ...NO_RULES,
  idempotency: { required: false, field: operation.effect === 'record' ? 'Idempotency-Key' : null },
  audit: {
    required: operation.effect === 'record' && 'event' in operation.audit,
    record: operation.effect === 'record' ? 'audit_log' : null,
  },
})

/** Which actions belong to which envelope contract id: the published table. */
function families(operations: readonly Operation[]): Record<string, string[]> {
  const writes = operations.filter((operation): operation is WriteOperation => operation.effect === 'write')
  const groups = Map.groupBy(writes, ({ confirmation }) => confirmation.contractId)
  return Object.fromEntries(
    [...groups].map(([family, each]) => [family, each.map(({ confirmation }) => confirmation.action)]),
  )
}
