import { clientId, type Principal } from '../access/principal.ts'
import { type KeptPrincipal, standing } from '../access/standing.ts'
import type { Transaction } from '../db/pool.ts'
import type { Deps } from '../deps.ts'
import { requireAdmission } from '../operation/admit.ts'
import { context } from '../operation/context.ts'
import type { Call, Context, WriteOperation } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { parseInput } from '../operation/input.ts'
import { makePlan } from '../operation/planning.ts'
import { effectivePolicy, policyKind, readPolicies } from '../operation/policy.ts'
import { approvalReference, endOpened, openStatus } from './approvals.ts'
import { askPeople } from './asking.ts'
import { openSession } from './create.ts'
import { append, canSee, SYSTEM_ACTOR } from './log.ts'
import { isTerminal } from './rules.ts'
import { findApproval, findSession, moveApproval, type SessionRow } from './store.ts'

export type InName = {
  org: string
  /** Whoever the write is asked for, as it was kept. */
  requester: KeptPrincipal
  /** A write whose route carries no envelope: what an envelope confirms, nobody can confirm for somebody else. */
  operation: WriteOperation
  input: Record<string, unknown>
  /** The session that the requester named. */
  sessionId?: string | null | undefined
  /** Of a session that is opened: words joined by . or -, and what people read. */
  workflow: string
  title: string
  /** What people read with the plan. */
  reason: string
}

export type Answer = { mode: 'direct' } | { mode: 'waits'; approvalId: string; sessionId: string }

/**
 * What policy asks of a write that the server is to do in somebody's name, in the open transaction: `direct`, to do it;
 * else people are asked for their approval of its plan as it is now, and the server executes it as soon as they give it
 * (`approvals.execute`). Asked for in the session that the requester named, or in one that is opened and ends with it
 * where none was named, or that one has ended or is not the requester's. Locks that session.
 *
 * Errors: `forbidden` and `scope-missing` when the requester may not do it any more, `validation-failed`, a blocker's.
 */
export async function askInName(deps: Deps, tx: Transaction, ask: InName): Promise<Answer> {
  const { operation, org } = ask
  if (operation.confirmation.envelope) throw new Error(`${operation.id} is confirmed by an envelope`)
  const principal = await standing(tx, org, ask.requester, deps.clock())
  if (!principal) return fail('forbidden', 'Whoever asked for this may not do so any more.')
  requireAdmission(operation.access, principal)
  const policies = await readPolicies(tx, org)
  const { mode } = effectivePolicy(policies.rows, policies.version, policyKind(principal), operation)
  if (mode === 'direct') return { mode }
  const requestId = `job:${operation.id}`
  const call: Call = { principal, requestId, origin: deps.access.origin(), unattended: true }
  const ctx: Context = { ...context(deps, call, deps.clock()), db: tx }
  const input = parseInput(operation.input, ask.input) as Record<string, unknown>
  const { plan } = await makePlan(ctx, operation, input, policies)
  const { id: sessionId, opened } = await sessionOf(ctx, ask)
  const { id: approvalId } = await askPeople(ctx, {
    ...{ sessionId, write: operation, arguments_: input, plan, reason: ask.reason },
    executed: { openedSession: opened },
  })
  return { mode: 'waits', approvalId, sessionId }
}

async function sessionOf(ctx: Context, { sessionId, workflow, title }: InName) {
  const named = sessionId ? await findSession(ctx.db, ctx.org, sessionId, true) : undefined
  if (named && canSee(ctx.principal, named) && !isTerminal(named.status))
    return { id: named.id, opened: false }
  const id = await openSession(ctx, { workflow, title: title.slice(0, 180), client: clientOf(ctx.principal) })
  return { id, opened: true }
}

const clientOf = ({ client }: Principal): SessionRow['client'] =>
  client ?? { id: clientId(SYSTEM_ACTOR.displayName), name: SYSTEM_ACTOR.displayName, kind: 'server' }

/** Locks the session of an approval, which comes before locks of rows of one's own. */
export async function lockApproval(
  { db, org }: Pick<Context, 'db' | 'org'>,
  approvalId: string,
): Promise<void> {
  const found = await findApproval(db, org, approvalId)
  if (found) await findSession(db, org, found.sessionId, true)
}

/**
 * Voids an approval that is not needed any more, for the operation that waited for it: nobody is told but the session.
 * Takes the session's lock, so before locks of one's own.
 */
export async function withdrawApproval(ctx: Context, approvalId: string, reason: string): Promise<void> {
  const found = await findApproval(ctx.db, ctx.org, approvalId)
  if (!found) return
  const session = await findSession(ctx.db, ctx.org, found.sessionId, true)
  const row = await findApproval(ctx.db, ctx.org, approvalId)
  if (!session || !row || (row.status !== 'pending' && row.status !== 'approved')) return
  const step = { from: row.status, to: 'voided', at: ctx.now, by: ctx.principal.displayName, reason } as const
  if (!(await moveApproval(ctx.db, ctx.org, row.id, step))) return
  const approval = approvalReference(row, 'voided', reason)
  const summary = `Voided: ${row.plan.targetSummary}`
  const status = await openStatus(ctx, row.sessionId)
  await append(ctx, row.sessionId, [{ type: 'approval.resolved', summary, approval }], status)
  await endOpened(ctx, row, 'cancelled')
  ctx.deps.metrics.approvals.inc({ status: 'voided' })
}
