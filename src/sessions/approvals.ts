import type { Principal } from '../access/principal.ts'
import type { Context, UnapprovedEnd } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { joinSecrets } from '../operation/redact.ts'
import { append, requireSession, SYSTEM_ACTOR } from './log.ts'
import { type ApprovalStatus, isTerminal, type SessionStatus } from './rules.ts'
import { type ApprovalRow, findApproval, findSession, listApprovals, moveApproval } from './store.ts'

/** The status that holds now: an overdue approval is expired even before the expiry job wrote so. */
export function effectiveStatus(
  row: Pick<ApprovalRow, 'status' | 'expiresAt' | 'executeBy'>,
  now: Date,
): ApprovalStatus {
  if (row.status === 'pending' && row.expiresAt <= now) return 'expired'
  if (row.status === 'approved' && row.executeBy && row.executeBy <= now) return 'expired'
  return row.status
}

/** The event body's part that names an approval. */
export const approvalReference = (
  row: Pick<ApprovalRow, 'id' | 'plan' | 'planDigest'>,
  status: ApprovalStatus,
  reason?: string,
) => ({
  id: row.id,
  status,
  confirmationText: row.plan.confirmationText,
  planDigest: row.planDigest,
  ...(reason ? { reason } : {}),
})

/** What the approval asks for, as the target of an event. */
export const approvalTarget = (row: Pick<ApprovalRow, 'plan'>, surface: string) => ({
  surface,
  operation: row.plan.toolName,
  contract: row.plan.action,
})

/** The session's status while it is open: waiting while any approval is pending. */
export async function openStatus(
  ctx: Pick<Context, 'db' | 'org'>,
  sessionId: string,
): Promise<SessionStatus> {
  const pending = await listApprovals(ctx.db, ctx.org, sessionId, ['pending'])
  return pending.length > 0 ? 'waiting-for-approval' : 'active'
}

/** The approval and its session, if the principal may see them; otherwise as if they did not exist. */
export async function requireApproval(
  ctx: Pick<Context, 'db' | 'org' | 'principal'>,
  sessionId: string,
  approvalId: string,
): Promise<ApprovalRow> {
  // the session first: its answer must not tell whether the approval exists
  await requireSession(ctx, sessionId)
  const row = await findApproval(ctx.db, ctx.org, approvalId)
  if (!row || row.sessionId !== sessionId)
    fail('not-found', `There is no approval ${approvalId} in this session.`)
  return row
}

/** The session of an approval that this principal requested; undefined for anybody else's. */
export async function sessionOfApproval(
  ctx: Pick<Context, 'db' | 'org' | 'principal'>,
  approvalId: string,
): Promise<string | undefined> {
  const row = await findApproval(ctx.db, ctx.org, approvalId)
  return row?.requestedPrincipal === ctx.principal.id ? row.sessionId : undefined
}

/**
 * The approval that a confirmed write names; its session `sessionId` is locked by the caller (first, by the lock order
 * of design rule 2). Refuses what cannot be executed now: foreign 404, consumed, refused, expired or still pending 409.
 */
export async function approvalForExecution(
  ctx: Pick<Context, 'db' | 'org' | 'principal' | 'now'>,
  approvalId: string,
  sessionId: string | undefined,
): Promise<ApprovalRow> {
  const row = await findApproval(ctx.db, ctx.org, approvalId)
  if (!row || row.requestedPrincipal !== ctx.principal.id || row.sessionId !== sessionId)
    fail('not-found', `There is no approval ${approvalId} that this principal requested in this session.`)
  const status = effectiveStatus(row, ctx.now)
  if (status === 'consumed') fail('approval-consumed', `The approval ${approvalId} was used already.`)
  if (status !== 'approved')
    fail('approval-not-approved', {
      detail: `The approval ${approvalId} is ${status}.`,
      extra: { approvalStatus: status },
    })
  return row
}

/** The input that was approved, `more` over it, secrets that it leaves out as they were stored. */
export function approvedInput(
  ctx: Pick<Context, 'deps'>,
  row: Pick<ApprovalRow, 'input' | 'sealedSecrets'>,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  const secrets = row.sealedSecrets ? JSON.parse(ctx.deps.sealing.unseal(row.sealedSecrets)) : {}
  return joinSecrets({ ...row.input, ...more }, secrets)
}

/** Uses the approval up, in the write's transaction. Errors: `approval-consumed` when somebody was faster. */
export async function consumeApproval(
  ctx: Pick<Context, 'db' | 'org' | 'now'>,
  row: ApprovalRow,
): Promise<void> {
  const consumed = await moveApproval(ctx.db, ctx.org, row.id, {
    from: 'approved',
    to: 'consumed',
    at: ctx.now,
  })
  if (!consumed) fail('approval-consumed', `The approval ${row.id} was used already.`)
}

/**
 * Ends an approval without its write, and tells the operation that waits for it; the caller locked the session. False
 * when it is over already.
 */
export async function endApproval(
  ctx: Context,
  row: ApprovalRow,
  { by, ...end }: UnapprovedEnd & { by: string },
): Promise<boolean> {
  const from = row.status === 'pending' ? 'pending' : 'approved'
  const step = { from, to: end.status, at: ctx.now, by, reason: end.reason ?? undefined } as const
  if (!(await moveApproval(ctx.db, ctx.org, row.id, step))) return false
  if (!row.executeWhenApproved) return true
  const operation = ctx.deps.operations.find(({ id }) => id === row.operationId)
  if (operation?.effect === 'write') await operation.unapproved?.(ctx, approvedInput(ctx, row), end)
  return true
}

/** Ends every open approval of a session (in the transaction that ends the session); answers their events. */
export async function voidApprovals(
  ctx: Context,
  sessionId: string,
  by: string,
  reason: string,
): Promise<Parameters<typeof append>[2]> {
  const open = await listApprovals(ctx.db, ctx.org, sessionId, ['pending', 'approved'])
  const events: Parameters<typeof append>[2][number][] = []
  for (const row of open) {
    if (!(await endApproval(ctx, row, { status: 'voided', by, reason }))) continue
    events.push({
      type: 'approval.resolved',
      summary: `Voided: ${row.plan.targetSummary}`,
      approval: approvalReference(row, 'voided', reason),
    })
  }
  return events
}

/** Expires one overdue approval and tells its session. Racing decisions and uses end in exactly one outcome. */
export async function expireApproval(ctx: Context, sessionId: string, approvalId: string): Promise<boolean> {
  const session = await findSession(ctx.db, ctx.org, sessionId, true)
  const row = await findApproval(ctx.db, ctx.org, approvalId)
  if (!session || !row || effectiveStatus(row, ctx.now) !== 'expired' || row.status === 'expired')
    return false
  const reason =
    row.status === 'pending' ? 'Nobody decided in time.' : 'The approved plan was not executed in time.'
  if (!(await endApproval(ctx, row, { status: 'expired', by: SYSTEM_ACTOR.displayName, reason })))
    return false
  await append(
    ctx,
    sessionId,
    [
      {
        type: 'approval.resolved',
        actor: SYSTEM_ACTOR,
        summary: `Expired: ${row.plan.targetSummary}`,
        approval: approvalReference(row, 'expired', reason),
      },
    ],
    await openStatus(ctx, sessionId),
  )
  await endOpened(ctx, row, 'cancelled')
  ctx.deps.metrics.approvals.inc({ status: 'expired' })
  return true
}

/**
 * Ends the session that was opened for this approval alone, once that is over; the caller locked the session. One in
 * which something else waits stays open.
 */
export async function endOpened(
  ctx: Context,
  row: ApprovalRow,
  outcome: 'completed' | 'failed' | 'cancelled',
): Promise<void> {
  if (!row.openedSession) return
  const session = await findSession(ctx.db, ctx.org, row.sessionId)
  if (!session || isTerminal(session.status)) return
  const open = await listApprovals(ctx.db, ctx.org, row.sessionId, ['pending', 'approved'])
  if (open.length > 0) return
  const type = outcome === 'cancelled' ? 'session.cancelled' : 'session.completed'
  const summary = 'What this session was opened for is over.'
  await append(ctx, row.sessionId, [{ type, actor: SYSTEM_ACTOR, summary, outcome }], outcome)
}

export const DECISION_BARRIERS = ['resolved', 'decided', 'not-person', 'not-admin', 'delegator'] as const
export type DecisionBarrier = (typeof DECISION_BARRIERS)[number]

/** Why this principal may not decide on it, whatever its status: a person who administers; the delegator by policy. */
export function barredFrom(
  principal: Principal,
  row: Pick<ApprovalRow, 'delegatorUserId' | 'delegatorMayConfirm'>,
): DecisionBarrier | undefined {
  if (principal.kind !== 'person') return 'not-person'
  if (principal.adminRole === null) return 'not-admin'
  return row.delegatorMayConfirm || principal.userId !== row.delegatorUserId ? undefined : 'delegator'
}
