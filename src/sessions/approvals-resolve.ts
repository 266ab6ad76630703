import { z } from 'zod'
import { enqueue } from '../jobs/send.ts'
import { type Context, record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import {
  approvalReference,
  approvalTarget,
  barredFrom,
  effectiveStatus,
  endApproval,
  endOpened,
  openStatus,
  requireApproval,
} from './approvals.ts'
import { EXECUTE } from './execute.ts'
import { append, requireSession } from './log.ts'
import { presentApproval } from './present.ts'
import { EXECUTION_WINDOW_MS, isTerminal, outcomeOf } from './rules.ts'
import { ApprovalId, ApprovalSchema, SessionId } from './schema.ts'
import { type ApprovalRow, findApproval, insertDecision, moveApproval } from './store.ts'

export const approvalsResolve = record({
  id: 'sessions.approvals.resolve',
  tool: 'agent_session_approval_resolve',
  surface: 'agent-sessions',
  summary: 'Approve, reject or expire one pending approval, as a signed-in person.',
  boundaries: [
    'No key and no grant counts as a person. The delegator decides only where the policy says so.',
    'The decision names the plan by its digest; one refusal ends the approval.',
  ],
  http: { method: 'PATCH', path: '/api/agent/sessions/{sessionId}/approvals/{approvalId}' },
  access: { auth: 'first-party-session' },
  input: z.strictObject({
    sessionId: SessionId,
    approvalId: ApprovalId,
    decision: z.enum(['approve', 'reject', 'expire']),
    planDigest: z.string().length(64),
    confirmationText: z.string().max(1200).optional(),
    reason: z.string().trim().min(1).max(800).optional(),
  }),
  output: z.object({ ok: z.literal(true), approval: ApprovalSchema }),
  errors: [
    'not-found',
    'forbidden',
    'unauthenticated',
    'approval-resolved',
    'plan-changed',
    'confirmation-mismatch',
    'session-ended',
    'conflict',
  ],
  ownEvents: true,
  audit: { event: 'approval_resolve', target: (input) => ({ kind: 'approval', id: input.approvalId }) },
  async run(ctx, input) {
    const unlocked = await requireApproval(ctx, input.sessionId, input.approvalId)
    const session = await requireSession(ctx, input.sessionId, { lock: true })
    const row = (await findApproval(ctx.db, ctx.org, unlocked.id)) as ApprovalRow
    refuseDecision(ctx, row, input)
    if (isTerminal(session.status)) fail('session-ended', `The session ${session.id} is ${session.status}.`)
    const { displayName, userId } = ctx.principal
    const decision = {
      approvalId: row.id,
      userId: userId as string,
      displayName,
      decision: input.decision,
      reason: input.reason ?? null,
    }
    if (!(await insertDecision(ctx.db, ctx.org, { ...decision, at: ctx.now })))
      fail('conflict', 'You decided on this approval already; it waits for other people.')
    const outcome = outcomeOf([...row.decisions, { decision: input.decision }], row.approversNeeded)
    if (outcome) await settle(ctx, row, outcome, input.reason)
    const after = (await findApproval(ctx.db, ctx.org, row.id)) as ApprovalRow
    return { ok: true as const, approval: presentApproval(ctx, after) }
  },
})

type Decision = { planDigest: string; confirmationText?: string; decision: string }

function refuseDecision(ctx: Context, row: ApprovalRow, input: Decision): void {
  if (barredFrom(ctx.principal, row))
    fail('forbidden', {
      detail: 'You may not decide on this approval.',
      nextAction: 'Ask an owner or admin of the organisation who did not delegate this session.',
    })
  const status = effectiveStatus(row, ctx.now)
  if (status !== 'pending')
    fail('approval-resolved', { detail: `The approval is ${status}.`, extra: { approvalStatus: status } })
  if (input.planDigest !== row.planDigest)
    fail('plan-changed', {
      detail: 'planDigest is not the digest of this approval’s plan.',
      extra: { planDigest: row.planDigest },
    })
  if (
    input.decision === 'approve' &&
    input.confirmationText !== undefined &&
    input.confirmationText !== row.plan.confirmationText
  )
    fail('confirmation-mismatch', {
      detail: 'The confirmation text is not the exact text of the plan.',
      errors: [{ pointer: '/confirmationText', message: 'must be the exact text' }],
      extra: { confirmationText: row.plan.confirmationText },
    })
}

async function settle(
  ctx: Context,
  row: ApprovalRow,
  outcome: 'approved' | 'rejected' | 'expired',
  reason: string | undefined,
): Promise<void> {
  const by = ctx.principal.displayName
  const moved =
    outcome === 'approved'
      ? await approve(ctx, row, by, reason)
      : await endApproval(ctx, row, { status: outcome, by, reason: reason ?? null })
  if (!moved) fail('approval-resolved', 'The approval was resolved meanwhile.')
  const target = approvalTarget(row, 'agent-sessions')
  await append(
    ctx,
    row.sessionId,
    [
      {
        type: 'approval.resolved',
        summary: `${outcome[0]?.toUpperCase()}${outcome.slice(1)}: ${row.plan.targetSummary}`,
        target,
        approval: approvalReference(row, outcome, reason),
      },
    ],
    await openStatus(ctx, row.sessionId),
  )
  if (outcome !== 'approved') await endOpened(ctx, row, 'cancelled')
  ctx.deps.metrics.approvals.inc({ status: outcome })
}

/** Opens the time in which it is executed: by whoever asked, or by the server once this is committed. */
async function approve(
  ctx: Context,
  row: ApprovalRow,
  by: string,
  reason: string | undefined,
): Promise<boolean> {
  const executeBy = new Date(ctx.now.getTime() + EXECUTION_WINDOW_MS)
  const step = { from: 'pending', to: 'approved', at: ctx.now, by, reason, executeBy } as const
  const moved = await moveApproval(ctx.db, ctx.org, row.id, step)
  if (moved && row.executeWhenApproved) await enqueue(ctx.db, EXECUTE, { org: ctx.org, id: row.id })
  return moved
}
