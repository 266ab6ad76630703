import type { Context, WriteOperation } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { Plan } from '../operation/plan.ts'
import { secretPointers, splitSecrets, transientPointers } from '../operation/redact.ts'
import { emitTrigger } from '../workflow-triggers/emit.ts'
import { approvalReference, approvalTarget } from './approvals.ts'
import { append } from './log.ts'
import { presentRequester } from './present.ts'
import { DECISION_WINDOW_MS, newId } from './rules.ts'
import { type ApprovalRow, findApproval, insertApproval } from './store.ts'

export type Asking = {
  sessionId: string
  write: WriteOperation
  arguments_: Record<string, unknown>
  plan: Plan
  reason: string
  /** The plan that the requester saw; without it the plan is taken as it is. */
  planDigest?: string
  /** The server executes the write once it is approved. */
  executed?: { openedSession: boolean }
}

/**
 * Stores the plan and asks people to approve it, in the open transaction and in a session that the caller locked. The
 * one way by which approvals come about. Errors: the first blocker's, `plan-changed`.
 */
export async function askPeople(ctx: Context, asking: Asking): Promise<ApprovalRow> {
  const { sessionId, write, plan, reason } = asking
  refuseUnapprovable(plan, asking.planDigest)
  refuseTransient(asking)
  const id = newId('approval')
  await store(ctx, id, asking)
  const row = (await findApproval(ctx.db, ctx.org, id)) as ApprovalRow
  await append(
    ctx,
    sessionId,
    [
      {
        type: 'approval.requested',
        summary: `Asked for approval: ${plan.targetSummary}`,
        target: approvalTarget(row, write.surface),
        approval: approvalReference(row, 'pending', reason),
        redactions: plan.redactions,
      },
    ],
    'waiting-for-approval',
  )
  await emitTrigger(ctx.db, {
    ...{ org: ctx.org, family: 'session.approval.requested', at: ctx.now },
    subject: { kind: 'approval', id, title: plan.targetSummary },
    data: {
      ...{ sessionId, approvalId: id, operationId: write.id, planDigest: plan.planDigest },
      expiresAt: row.expiresAt.toISOString(),
    },
  })
  ctx.deps.metrics.approvals.inc({ status: 'pending' })
  return row
}

function refuseUnapprovable(plan: Plan, planDigest = plan.planDigest): void {
  const blocker = plan.blockers[0]
  if (blocker) fail(blocker.code, { detail: blocker.message, extra: { blockers: plan.blockers } })
  if (plan.planDigest !== planDigest)
    fail('plan-changed', {
      detail: 'The plan is not the one named by planDigest.',
      errors: [{ pointer: '/planDigest', message: 'is not the digest of the plan as of now' }],
      extra: { plan },
    })
}

/** What is kept nowhere cannot wait for a decision: it comes with the call that executes the approval. */
function refuseTransient({ write, arguments_ }: Asking): void {
  const { secrets } = splitSecrets(transientPointers(write.input), arguments_)
  const given = Object.keys(secrets)
  if (given.length === 0) return
  fail('validation-failed', {
    detail:
      'What is kept nowhere is sent with the write that executes the approval, not with the request for it.',
    errors: given.map((pointer) => ({ pointer: `/input${pointer}`, message: 'must be left out here' })),
  })
}

async function store(ctx: Context, id: string, asking: Asking): Promise<void> {
  const { write, arguments_, plan, executed } = asking
  const pointers = [...secretPointers(write.input), ...((await write.secrets?.(ctx, arguments_)) ?? [])]
  const { visible, secrets } = splitSecrets(pointers, arguments_)
  const sealed = Object.keys(secrets).length > 0 ? ctx.deps.sealing.seal(JSON.stringify(secrets)) : null
  await insertApproval(ctx.db, ctx.org, {
    id,
    sessionId: asking.sessionId,
    operationId: write.id,
    plan,
    planDigest: plan.planDigest,
    input: visible,
    sealedSecrets: sealed,
    reason: asking.reason,
    requestedBy: presentRequester(ctx.principal),
    requestedPrincipal: ctx.principal.id,
    delegatorUserId: ctx.principal.userId,
    approversNeeded: plan.policy.approvers,
    delegatorMayConfirm: plan.policy.delegatorMayConfirm,
    executeWhenApproved: executed !== undefined,
    requestedScopes: executed ? ctx.principal.scopes : null,
    openedSession: executed?.openedSession ?? false,
    requestedAt: ctx.now,
    expiresAt: new Date(ctx.now.getTime() + DECISION_WINDOW_MS),
  })
}
