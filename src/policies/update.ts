import { z } from 'zod'
import { countApprovers } from '../access/organisations.ts'
import { type Context, write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { type PlanBlocker, PlanSchema } from '../operation/plan.ts'
import { defaultPolicy, effectivePolicy, type PolicyRow, readPolicies } from '../operation/policy.ts'
import { POLICY_KINDS } from './read.ts'
import { deletePolicy, lockVersion, moveVersion, upsertPolicy } from './store.ts'

const Input = z.strictObject({
  operationId: z.string().min(1).max(120).describe('A write, or * for every write'),
  principalKind: z.enum(POLICY_KINDS),
  mode: z
    .enum(['direct', 'confirm', 'approve', 'default'])
    .describe('default removes the organisation’s own rule'),
  approvers: z.int().min(1).max(20).optional(),
  delegatorMayConfirm: z.boolean().optional(),
  expectedVersion: z.int().min(0).optional().describe('Refuse with 412 when the policy moved on'),
  dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
})
type Input = z.output<typeof Input>

export const update = write({
  id: 'policies.update',
  tool: 'action_policy_update',
  surface: 'policies',
  summary: 'Set what a write asks of people, automation or agents.',
  boundaries: [
    'Signed-in owners only.',
    'A rule that nobody could satisfy is refused.',
    'Every change voids the digests of plans made under the old rules.',
  ],
  http: { method: 'PUT', path: '/api/admin/policies' },
  access: { auth: 'first-party-session', owner: true },
  input: Input,
  output: z.object({ ok: z.literal(true), mode: z.literal('applied'), plan: PlanSchema }),
  errors: ['policy-unsatisfiable', 'validation-failed', 'forbidden', 'stale', 'conflict', 'plan-blocked'],
  confirmation: {
    kind: 'policy-change',
    reason: 'Policies decide which writes happen without a person.',
    contractId: 'creator.policies',
    action: 'creator.policies.update',
    envelope: false,
  },
  audit: {
    event: 'policy_update',
    record: 'action_policies',
    attribution: 'The rule before and after, with the owner’s identity.',
  },
  async preview(ctx, input) {
    const operation = ctx.deps.operations.find(({ id }) => id === input.operationId)
    if (input.operationId !== '*' && operation?.effect !== 'write')
      fail('validation-failed', {
        detail: `${input.operationId} is no write.`,
        errors: [{ pointer: '/operationId', message: 'must be the id of a write, or *' }],
      })
    if (ctx.lock) await lockVersion(ctx.db, ctx.org)
    const { rows, version } = await readPolicies(ctx.db, ctx.org)
    const subject = operation?.effect === 'write' ? operation : { id: '*', confirmation: { envelope: true } }
    const before = effectivePolicy(rows, version, input.principalKind, subject as never)
    const after = ruleOf(input, subject as never)
    return {
      target: {
        kind: 'policy',
        id: `${input.operationId}:${input.principalKind}`,
        title: `the policy of ${input.operationId} for ${input.principalKind}`,
      },
      targetSummary: `Set ${input.operationId} for ${input.principalKind} from ${before.mode} to ${input.mode}.`,
      observed: [{ kind: 'policy', id: ctx.org, version, updatedAt: null }],
      arguments: { ...after, remove: input.mode === 'default' },
      changes: changesOf(before, after),
      affectedSurfaces: ['policies', 'approvals'],
      blockers: [...unbringable(subject, after), ...(await blockersOf(ctx, after))],
      confirmationText: `I confirm setting ${input.operationId} for ${input.principalKind} to ${after.mode}.`,
      details: { version },
    }
  },
  async apply(ctx, plan, input) {
    const version = plan.observed[0]?.version as number
    const operation = ctx.deps.operations.find(({ id }) => id === input.operationId)
    const row = ruleOf(input, (operation ?? { confirmation: { envelope: true } }) as never)
    if (input.mode === 'default') await deletePolicy(ctx.db, ctx.org, row)
    else await upsertPolicy(ctx.db, ctx.org, row, ctx.now)
    if (!(await moveVersion(ctx.db, ctx.org, version, ctx.now)))
      fail('conflict', 'The policy changed meanwhile.')
    const state = (side: 'before' | 'after') =>
      Object.fromEntries(plan.changes.map((change) => [change.pointer.slice(1), change[side]]))
    const output = { ok: true as const, mode: 'applied' as const, plan }
    return { output, previous: state('before'), next: { ...state('after'), id: plan.target.id } }
  },
})

function ruleOf(input: Input, operation: Parameters<typeof defaultPolicy>[1]): PolicyRow {
  const standard = defaultPolicy(input.principalKind, operation)
  const mode = input.mode === 'default' ? standard.mode : input.mode
  const approvers = input.approvers ?? 1
  // by decisions: a lone creator can work, so the delegator may confirm where one person is enough
  const delegatorMayConfirm = input.delegatorMayConfirm ?? approvers === 1
  return { operationId: input.operationId, kind: input.principalKind, mode, approvers, delegatorMayConfirm }
}

const changesOf = (
  before: Omit<PolicyRow, 'operationId' | 'kind'>,
  after: Omit<PolicyRow, 'operationId' | 'kind'>,
) =>
  (['mode', 'approvers', 'delegatorMayConfirm'] as const)
    .filter((field) => before[field] !== after[field])
    .map((field) => ({
      op: 'update' as const,
      pointer: `/${field}`,
      label: field,
      before: before[field],
      after: after[field],
    }))

/** A route without an envelope carries no confirmation text, so asking for one would close it for good. */
function unbringable(subject: { confirmation: { envelope: boolean } }, rule: PolicyRow): PlanBlocker[] {
  if (subject.confirmation.envelope || rule.mode !== 'confirm') return []
  const message = `${rule.operationId} takes no envelope, so nobody could bring a confirmation; use direct or approve.`
  return [{ code: 'policy-unsatisfiable', message }]
}

/** A rule must be satisfiable by the people there are: owners and admins, less the delegator where excluded. */
async function blockersOf(ctx: Context, rule: PolicyRow): Promise<PlanBlocker[]> {
  if (rule.mode !== 'approve') return []
  const people = await countApprovers(ctx.db, ctx.org)
  const available = rule.delegatorMayConfirm ? people : people - 1
  if (rule.approvers <= available) return []
  return [
    {
      code: 'policy-unsatisfiable',
      message: `${rule.approvers} approvers are asked for and ${Math.max(available, 0)} people could approve.`,
    },
  ]
}
