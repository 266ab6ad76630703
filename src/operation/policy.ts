import sql, { type Sql } from 'sql-template-tag'
import type { Principal } from '../access/principal.ts'
import type { Queryable } from '../db/pool.ts'
import type { Budget } from './budget.ts'
import type { WriteOperation } from './define.ts'

export type PolicyMode = 'direct' | 'confirm' | 'approve'
export type PolicyKind = 'person' | 'automation' | 'agent'

/** What a write asks of a kind of principal. */
export type Policy = { mode: PolicyMode; approvers: number; delegatorMayConfirm: boolean; version: number }

export type PolicyRow = {
  operationId: string
  kind: PolicyKind
  mode: PolicyMode
  approvers: number
  delegatorMayConfirm: boolean
}

/** Keys that act for a person follow the person's policy; only cookies count as persons when it comes to approving. */
export function policyKind(principal: Principal): PolicyKind {
  if (principal.kind === 'grant') return 'agent'
  return principal.kind === 'automation' ? 'automation' : 'person'
}

/** Defaults of `docs/behaviour.md` P-10: an agent's write is approved, whatever the route. */
export function defaultPolicy(
  kind: PolicyKind,
  operation: Pick<WriteOperation, 'confirmation'>,
): Omit<Policy, 'version'> {
  const base = { approvers: 1, delegatorMayConfirm: true }
  if (kind === 'agent') return { mode: 'approve', ...base }
  return { mode: operation.confirmation.envelope ? 'confirm' : 'direct', ...base }
}

/**
 * The policy that holds: the operation's own row, else the organisation's row for every write, else the default. The
 * row for every write leaves out routes without an envelope: they could not bring what it asks for.
 */
export function effectivePolicy(
  rows: readonly PolicyRow[],
  version: number,
  kind: PolicyKind,
  operation: Pick<WriteOperation, 'id' | 'confirmation'>,
): Policy {
  const rowOf = (id: string) => rows.find((each) => each.kind === kind && each.operationId === id)
  const row = rowOf(operation.id) ?? (operation.confirmation.envelope ? rowOf('*') : undefined)
  if (!row) return { ...defaultPolicy(kind, operation), version }
  return { mode: row.mode, approvers: row.approvers, delegatorMayConfirm: row.delegatorMayConfirm, version }
}

/** An organisation's own rules and budgets, and how often they were changed (0: never). */
export type PolicySet = { rows: PolicyRow[]; budgets: Budget[]; version: number }

/** Columns of an organisation's `PolicySet`, so that a statement that runs anyway can bring it along. */
export const policyColumns = (org: string): Sql => sql`
  coalesce((SELECT version FROM policy_versions WHERE org = ${org}), 0) AS version,
  coalesce((SELECT jsonb_agg(jsonb_build_object('operationId', operation_id, 'kind', principal_kind, 'mode', mode,
              'approvers', approvers, 'delegatorMayConfirm', delegator_may_confirm) ORDER BY operation_id, principal_kind)
            FROM action_policies WHERE org = ${org}), '[]') AS rows,
  coalesce((SELECT jsonb_agg(jsonb_build_object('kind', principal_kind, 'actionsPerMinute', actions_per_minute,
              'largestAudience', largest_audience) ORDER BY principal_kind)
            FROM action_budgets WHERE org = ${org}), '[]') AS budgets`

export async function readPolicies(db: Queryable, org: string): Promise<PolicySet> {
  const [found] = await db.query<PolicySet>(sql`SELECT ${policyColumns(org)}`)
  return found ?? { rows: [], budgets: [], version: 0 }
}
