import sql from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'
import type { Context } from './define.ts'
import type { Policy } from './policy.ts'

/** What automation or agents may do by themselves; absent parts have no limit. */
export type Budget = {
  kind: 'automation' | 'agent'
  /** Writes of one principal: so many at once, and as many again in a minute. */
  actionsPerMinute: number | null
  /** The most followers that one write may tell. */
  largestAudience: number | null
}

export type Use = { tokens: number; refilledAt: Date }

/** What is left of a bucket at a moment; a full one where nothing was ever used. */
export function tokensLeft(actionsPerMinute: number, use: Use | undefined, now: Date): number {
  if (!use) return actionsPerMinute
  const passed = Math.max(0, now.getTime() - use.refilledAt.getTime())
  return Math.min(actionsPerMinute, use.tokens + (passed * actionsPerMinute) / 60_000)
}

/** Why a write is beyond a budget, one sentence each; none when it is within. `audience`: followers it would tell. */
export function beyondBudget(
  { actionsPerMinute, largestAudience }: Budget,
  { left, audience }: { left: number; audience: number },
): string[] {
  const reasons: string[] = []
  if (actionsPerMinute !== null && left < 1)
    reasons.push(`More than ${actionsPerMinute} writes a minute need an approval.`)
  if (largestAudience !== null && audience > largestAudience)
    reasons.push(`Telling more than ${largestAudience} followers needs an approval.`)
  return reasons
}

/** What holds beyond a budget: one person approves, as by default. */
export const escalated = (policy: Policy): Policy => ({
  ...policy,
  ...(policy.mode === 'approve' ? {} : { mode: 'approve', approvers: 1, delegatorMayConfirm: true }),
})

/**
 * The reasons why a write of the caller is beyond its budget. With `ctx.lock` the caller's use is locked, so that of
 * many writes at once no more go by than are left.
 */
export async function reasonsBeyond(ctx: Context, budget: Budget, audience: number): Promise<string[]> {
  const { actionsPerMinute } = budget
  const use = actionsPerMinute === null ? undefined : await useOf(ctx, actionsPerMinute)
  const left = actionsPerMinute === null ? 1 : tokensLeft(actionsPerMinute, use, ctx.now)
  return beyondBudget(budget, { left, audience })
}

async function useOf({ db, org, principal, now, lock }: Context, size: number): Promise<Use | undefined> {
  if (lock)
    await db.query(sql`
      INSERT INTO action_budget_use (org, principal_id, tokens, refilled_at) VALUES (${org}, ${principal.id}, ${size}, ${now})
      ON CONFLICT (org, principal_id) DO UPDATE SET tokens = action_budget_use.tokens
       WHERE action_budget_use.org = ${org}`)
  const [row] = await db.query<Use>(sql`
    SELECT tokens, refilled_at AS "refilledAt" FROM action_budget_use WHERE org = ${org} AND principal_id = ${principal.id}`)
  return row
}

/** One write less; in the write's transaction, after it was found to be within the budget. */
export async function spend(ctx: Context, { actionsPerMinute }: Budget): Promise<void> {
  if (actionsPerMinute === null) return
  const left = tokensLeft(actionsPerMinute, await useOf(ctx, actionsPerMinute), ctx.now)
  await ctx.db.query(sql`
    UPDATE action_budget_use SET tokens = ${Math.max(0, left - 1)}, refilled_at = ${ctx.now}
     WHERE org = ${ctx.org} AND principal_id = ${ctx.principal.id}`)
}

export async function putBudget(db: Queryable, org: string, budget: Budget, now: Date): Promise<void> {
  const { kind, actionsPerMinute, largestAudience } = budget
  if (actionsPerMinute === null && largestAudience === null)
    await db.query(sql`DELETE FROM action_budgets WHERE org = ${org} AND principal_kind = ${kind}`)
  else
    await db.query(sql`
      INSERT INTO action_budgets (org, principal_kind, actions_per_minute, largest_audience, updated_at)
      VALUES (${org}, ${kind}, ${actionsPerMinute}, ${largestAudience}, ${now})
      ON CONFLICT (org, principal_kind) DO UPDATE
         SET actions_per_minute = excluded.actions_per_minute, largest_audience = excluded.largest_audience,
             updated_at = excluded.updated_at
       WHERE action_budgets.org = ${org}`)
}
