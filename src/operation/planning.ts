import { type Budget, escalated, reasonsBeyond } from './budget.ts'
import type { Context, WriteOperation } from './define.ts'
import { completePlan, type Plan } from './plan.ts'
import { effectivePolicy, type PolicySet, policyKind, readPolicies } from './policy.ts'

/** A plan, what its planner read and made, for apply, and the budget that it is within, if the caller has one. */
export type Planned = { plan: Plan; subject: unknown; budget: Budget | undefined }

/**
 * The plan of a write for this caller, by the write's own planner and the organisation's policies (read here unless
 * they are at hand); stores nothing.
 */
export async function makePlan(
  ctx: Context,
  operation: WriteOperation,
  input: Record<string, unknown>,
  known?: PolicySet,
): Promise<Planned> {
  const { rows, budgets, version } = known ?? (await readPolicies(ctx.db, ctx.org))
  const kind = policyKind(ctx.principal)
  const policy = effectivePolicy(rows, version, kind, operation)
  const { subject, audience = 0, ...draft } = await operation.preview(ctx, input)
  const { action, contractId } = operation.confirmation
  const of = { operationId: operation.id, toolName: operation.tool, action, contractId }
  // what people approve anyway needs no budget
  const budget = policy.mode === 'approve' ? undefined : budgets.find((each) => each.kind === kind)
  const beyond = budget ? await reasonsBeyond(ctx, budget, audience) : []
  if (beyond.length === 0) return { plan: completePlan(draft, { ...of, policy }), subject, budget }
  const warned = { ...draft, warnings: [...(draft.warnings ?? []), ...beyond] }
  return { plan: completePlan(warned, { ...of, policy: escalated(policy) }), subject, budget: undefined }
}
