import { z } from 'zod'
import { read as defineRead, type WriteOperation } from '../operation/define.ts'
import { effectivePolicy, type PolicyKind, readPolicies } from '../operation/policy.ts'

export const POLICY_KINDS = ['person', 'automation', 'agent'] as const satisfies readonly PolicyKind[]

export const read = defineRead({
  id: 'policies.read',
  tool: 'action_policies_read',
  surface: 'policies',
  summary: 'Read what each write asks of people, automation and agents in this organisation.',
  boundaries: ['Shows the rules that hold, defaults included.'],
  http: { method: 'GET', path: '/api/admin/policies' },
  access: { auth: 'artist-admin-or-approved-automation' },
  input: z.strictObject({}),
  output: z.object({
    ok: z.literal(true),
    version: z.number().int(),
    policies: z.array(
      z.object({
        operationId: z.string(),
        principalKind: z.enum(POLICY_KINDS),
        mode: z.enum(['direct', 'confirm', 'approve']),
        approvers: z.number().int(),
        delegatorMayConfirm: z.boolean(),
        source: z.enum(['default', 'organisation']),
      }),
    ),
    budgets: z.array(
      z.object({
        principalKind: z.enum(['automation', 'agent']),
        actionsPerMinute: z.number().int().nullable(),
        largestAudience: z.number().int().nullable(),
      }),
    ),
  }),
  errors: ['unauthenticated', 'forbidden'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx) {
    const { rows, budgets, version } = await readPolicies(ctx.db, ctx.org)
    const writes = ctx.deps.operations.filter(
      (operation): operation is WriteOperation => operation.effect === 'write',
    )
    const policies = writes.flatMap((operation) =>
      POLICY_KINDS.map((kind) => {
        const { mode, approvers, delegatorMayConfirm } = effectivePolicy(rows, version, kind, operation)
        const own = rows.some(
          (row) => row.kind === kind && (row.operationId === operation.id || row.operationId === '*'),
        )
        const source = own ? ('organisation' as const) : ('default' as const)
        return {
          operationId: operation.id,
          principalKind: kind,
          mode,
          approvers,
          delegatorMayConfirm,
          source,
        }
      }),
    )
    return {
      ok: true as const,
      version,
      policies,
      budgets: budgets.map(({ kind, ...limits }) => ({ principalKind: kind, ...limits })),
    }
  },
})
