import type { Context, WriteOperation } from './define.ts'
import { completePlan, type Plan } from './plan.ts'
import { effectivePolicy, type PolicySet, policyKind, readPolicies } from './policy.ts'

/** A plan, and what its planner read and made, for apply. */
export type Planned = { plan: Plan; subject: unknown }

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
  const { rows, version } = known ?? (await readPolicies(ctx.db, ctx.org))
  const policy = effectivePolicy(rows, version, policyKind(ctx.principal), operation)
  const { subject, ...draft } = await operation.preview(ctx, input)
  const { action, contractId } = operation.confirmation
  const of = { operationId: operation.id, toolName: operation.tool, action, contractId, policy }
  return { plan: completePlan(draft, of), subject }
}
