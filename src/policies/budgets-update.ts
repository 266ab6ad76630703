import { z } from 'zod'
import { type Budget, putBudget } from '../operation/budget.ts'
import { write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { PlanSchema } from '../operation/plan.ts'
import { readPolicies } from '../operation/policy.ts'
import { lockVersion, moveVersion } from './store.ts'

export const budgetsUpdate = write({
  id: 'policies.budgets.update',
  tool: 'action_budget_update',
  surface: 'policies',
  summary: 'Set how much automation or agents may do by themselves before people have to approve.',
  boundaries: [
    'Signed-in owners only.',
    'A budget never lets through what a policy holds back; it only asks for more.',
    'Every change voids the digests of plans made under the old rules.',
  ],
  http: { method: 'PUT', path: '/api/admin/policies/budgets' },
  access: { auth: 'first-party-session', owner: true },
  input: z.strictObject({
    principalKind: z.enum(['automation', 'agent']),
    actionsPerMinute: z
      .int()
      .min(1)
      .max(10_000)
      .nullable()
      .describe('Writes of one key or grant: so many at once and as many again in a minute; null: no limit'),
    largestAudience: z.int().min(0).nullable().describe('Followers that one write may tell; null: no limit'),
    expectedVersion: z.int().min(0).optional().describe('Refuse with 412 when the policy moved on'),
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: z.object({ ok: z.literal(true), mode: z.literal('applied'), plan: PlanSchema }),
  errors: ['validation-failed', 'forbidden', 'stale', 'conflict', 'plan-blocked'],
  confirmation: {
    kind: 'policy-change',
    reason: 'Budgets decide which writes happen without a person.',
    contractId: 'creator.policies',
    action: 'creator.policies.budgets.update',
    envelope: false,
  },
  audit: {
    event: 'budget_update',
    record: 'action_budgets',
    attribution: 'The budget before and after, with the owner’s identity.',
  },
  async preview(ctx, { principalKind, actionsPerMinute, largestAudience }) {
    if (ctx.lock) await lockVersion(ctx.db, ctx.org)
    const { budgets, version } = await readPolicies(ctx.db, ctx.org)
    const none: Budget = { kind: principalKind, actionsPerMinute: null, largestAudience: null }
    const before = budgets.find(({ kind }) => kind === principalKind) ?? none
    const next: Budget = { kind: principalKind, actionsPerMinute, largestAudience }
    const fields = (['actionsPerMinute', 'largestAudience'] as const).filter(
      (field) => before[field] !== next[field],
    )
    return {
      subject: { before, next },
      target: { kind: 'budget', id: principalKind, title: `the budget of ${principalKind}` },
      targetSummary: `Set the budget of ${principalKind}: ${told(next)}.`,
      observed: [{ kind: 'policy', id: ctx.org, version, updatedAt: null }],
      arguments: { ...next },
      changes: fields.map((field) => ({
        op: 'update' as const,
        ...{ pointer: `/${field}`, label: field, before: before[field], after: next[field] },
      })),
      affectedSurfaces: ['policies', 'approvals'],
      blockers:
        fields.length === 0 ? [{ code: 'plan-blocked' as const, message: 'Nothing would change.' }] : [],
      confirmationText: `I confirm setting the budget of ${principalKind} to ${told(next)}.`,
    }
  },
  async apply(ctx, plan, _input, { before, next }) {
    await putBudget(ctx.db, ctx.org, next, ctx.now)
    const version = plan.observed[0]?.version as number
    if (!(await moveVersion(ctx.db, ctx.org, version, ctx.now)))
      fail('conflict', 'The policy changed meanwhile.')
    const output = { ok: true as const, mode: 'applied' as const, plan }
    return { output, previous: { ...before }, next: { ...next, id: next.kind } }
  },
})

const told = ({ actionsPerMinute, largestAudience }: Budget): string =>
  `${actionsPerMinute === null ? 'any number of' : actionsPerMinute} writes a minute, ${largestAudience === null ? 'any number of' : largestAudience} followers told at once`
