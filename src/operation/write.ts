import {
  approvalForExecution,
  approvalReference,
  approvedInput,
  consumeApproval,
  sessionOfApproval,
} from '../sessions/approvals.ts'
import { append, requireSession, SYSTEM_ACTOR, toolCallEvents } from '../sessions/log.ts'
import { isTerminal } from '../sessions/rules.ts'
import type { ApprovalRow, SessionRow } from '../sessions/store.ts'
import { auditBase, inTransaction, type Outcome, type TransactionContext } from './context.ts'
import { actionLiteral, type Call, type Context, type WriteOperation } from './define.ts'
import { asksPreview, type Envelope, envelopeErrors } from './envelope.ts'
import { fail } from './errors.ts'
import { claimOf, claimOrReplay } from './idempotency.ts'
import { canonical, type Plan, PlanAnswer } from './plan.ts'
import { makePlan } from './planning.ts'
import { insertAudit, recordWrite } from './store.ts'

type Input = Record<string, unknown>

/**
 * Applies a write once, in one transaction: session lock, idempotency claim, rows locked and plan recomputed, the plan
 * compared with what was confirmed or approved, effect, audit, session events, stored response.
 */
export async function runWrite(
  ctx: Context,
  operation: WriteOperation,
  input: Input,
  call: Call,
): Promise<Outcome> {
  const envelope = operation.confirmation.envelope ? (input.envelope as Envelope | undefined) : undefined
  if (envelope ? asksPreview(envelope) : input.dryRun === true) return answerWithPlan(ctx, operation, input)
  const key = idempotencyKey(call, envelope)
  if (!key && operation.confirmation.envelope)
    fail('idempotency-key-required', {
      detail: 'A confirmed write needs an idempotency key.',
      errors: [{ pointer: '/envelope/idempotencyKey', message: 'is required' }],
    })
  // what applies the write finds the key in the call, wherever it came from: approved arguments carry no envelope
  const keyed = { ...ctx, call: { ...call, ...(key ? { idempotencyKey: key } : {}) } }
  return inTransaction(keyed, (tx) => applyOnce(tx, operation, input, { envelope, key, startedAt: ctx.now }))
}

/** The key of a call: header and envelope must agree when both are there. */
function idempotencyKey(call: Call, envelope: Envelope | undefined): string | undefined {
  const inEnvelope = envelope?.idempotencyKey
  if (call.idempotencyKey && inEnvelope && call.idempotencyKey !== inEnvelope)
    fail('validation-failed', {
      detail: 'The Idempotency-Key header and envelope.idempotencyKey differ.',
      errors: [{ pointer: '/envelope/idempotencyKey', message: 'must equal the Idempotency-Key header' }],
    })
  return call.idempotencyKey ?? inEnvelope
}

/** An envelope in preview mode (or `dryRun` where there is none) gets the plan itself; nothing is stored, nothing claimed. */
async function answerWithPlan(ctx: Context, operation: WriteOperation, input: Input): Promise<Outcome> {
  const { plan } = await makePlan(ctx, operation, input)
  const schema = operation.confirmation.envelope ? operation.output : PlanAnswer
  const body = schema.parse({ ok: true, mode: 'preview', plan }) as Record<string, unknown>
  return {
    reply: { status: 200, body, headers: {} },
    summary: `Previewed: ${plan.targetSummary}`,
    planDigest: plan.planDigest,
  }
}

type Attempt = { envelope: Envelope | undefined; key: string | undefined; startedAt: Date }

async function applyOnce(
  ctx: TransactionContext,
  operation: WriteOperation,
  input: Input,
  attempt: Attempt,
): Promise<Outcome> {
  const { envelope, key } = attempt
  const named = approvalNamed(ctx.call, envelope)
  const session = await lockSession(ctx, named)
  const at = key ? claimOf(ctx, operation, key) : undefined
  const claimed = at && (await claimOrReplay(ctx, at, input))
  const ended = session !== undefined && isTerminal(session.status)
  // a replay is answered whatever became of the session since; its log takes nothing after the final event
  if (claimed && 'stored' in claimed)
    return {
      reply: claimed.stored,
      summary: 'Replayed an applied write.',
      // nobody asked a second time where the server itself does it again
      recorded: ended || ctx.call.unattended === true,
    }
  if (ended) fail('session-ended', `The session ${session.id} is ${session.status}.`)

  const approval = named && (await namedApproval(ctx, named, operation, session?.id))
  const arguments_ = approval ? approvedInput(ctx, approval, input) : input
  const { plan, subject } = await makePlan(ctx, operation, arguments_, claimed?.policies)
  checkPlan(operation, plan, arguments_, envelope, approval)
  if (approval) await consumeApproval(ctx, approval)
  const applied = await operation.apply(ctx, plan, arguments_, subject)
  const body = operation.output.parse(applied.output) as Record<string, unknown>
  const sessionId = ctx.call.sessionId ?? approval?.sessionId
  const [event, ...also] = eventsOf(operation, plan)
  const audit = {
    ...auditBase(ctx, operation),
    sessionId,
    outcome: 'applied' as const,
    event,
    also,
    target: { kind: plan.target.kind, id: plan.target.id ?? createdId(applied.next) },
    previous: applied.previous,
    next: applied.next,
    planDigest: plan.planDigest,
    approvalId: approval?.id,
    idempotencyKey: key,
    correlationId: envelope?.auditCorrelationId,
    reason:
      envelope?.reason ?? (approval && ctx.call.unattended ? executedFor(approval) : reasonIn(arguments_)),
  }
  if (sessionId) await tellSession(ctx, operation, sessionId, plan, { ...attempt, approval })
  const status = operation.status ?? 200
  if (at) recordWrite(ctx.db, audit, at, status, body)
  else await insertAudit(ctx.db, audit)
  return {
    reply: { status, body, headers: {} },
    summary: `Applied: ${plan.targetSummary}`,
    planDigest: plan.planDigest,
    recorded: true,
  }
}

/** What a write was, for the audit: at least one thing. */
function eventsOf({ audit: { event } }: WriteOperation, plan: Plan): readonly [string, ...string[]] {
  const named = typeof event === 'function' ? event(plan) : event
  return typeof named === 'string' ? [named] : named
}

/** The reason that a route without an envelope takes among its arguments. */
const reasonIn = ({ reason }: Input): string | undefined => (typeof reason === 'string' ? reason : undefined)

/** The approval to execute: the envelope names it, or the call where the route carries no envelope. */
function approvalNamed(call: Call, envelope: Envelope | undefined): Call['approval'] {
  const inEnvelope = envelope?.approval
  if (inEnvelope && call.approval && canonical(inEnvelope) !== canonical(call.approval))
    fail('validation-failed', {
      detail: 'The Countersign-Approval header and envelope.approval differ.',
      errors: [{ pointer: '/envelope/approval', message: 'must equal the Countersign-Approval header' }],
    })
  return inEnvelope ?? call.approval
}

/** Locks the session a write belongs to before anything else, so that all writes take their locks in one order. */
async function lockSession(ctx: Context, named: Call['approval']): Promise<SessionRow | undefined> {
  const id = ctx.call.sessionId ?? (named && (await sessionOfApproval(ctx, named.id)))
  return id ? requireSession(ctx, id, { lock: true }) : undefined
}

const createdId = (next: Record<string, unknown> | null): string | null =>
  typeof next?.id === 'string' ? next.id : null

async function namedApproval(
  ctx: Context,
  named: { id: string; planDigest: string },
  operation: WriteOperation,
  sessionId: string | undefined,
): Promise<ApprovalRow> {
  const row = await approvalForExecution(ctx, named.id, sessionId)
  if (row.operationId !== operation.id)
    fail('plan-mismatch', `The approval ${row.id} is for ${row.operationId}, not for ${operation.id}.`)
  if (row.planDigest !== named.planDigest)
    fail('plan-mismatch', 'The planDigest is not the one that was approved.')
  return row
}

/** Who let the server execute it, for the audit; its principal is who asked. */
const executedFor = ({ decisions, reason }: ApprovalRow): string =>
  `Approved by ${decisions.map(({ displayName }) => displayName).join(', ')} and executed by ${SYSTEM_ACTOR.displayName}: ${reason}`

/** Everything that must hold between the fresh plan and what the caller saw, in the order a caller can act on it. */
function checkPlan(
  operation: WriteOperation,
  plan: Plan,
  input: Input,
  envelope: Envelope | undefined,
  approval: ApprovalRow | undefined,
): void {
  if (envelope) {
    const actions = [
      operation.confirmation.action,
      operation.id,
      operation.tool,
      actionLiteral(operation),
    ].filter((a) => a !== undefined)
    const errors = envelopeErrors(envelope, {
      contractId: operation.confirmation.contractId,
      actions,
      target: plan.target,
    })
    if (errors.length > 0)
      fail('validation-failed', { detail: 'The envelope does not fit this write.', errors })
  }
  if (isStale(operation, plan, input, approval))
    fail('stale', { detail: `${plan.target.title} changed since the plan was made.`, extra: { plan } })
  requireConfirmation(operation, plan, envelope, approval)
  const blocker = plan.blockers[0]
  if (blocker)
    fail(blocker.code, {
      detail: blocker.message,
      extra: { blockers: plan.blockers, ...(blocker.allowed ? { allowed: blocker.allowed } : {}) },
    })
  if (approval && plan.planDigest !== approval.planDigest) {
    if (plan.policy.version !== approval.plan.policy.version)
      fail('plan-changed', { detail: 'The policy changed since the approval.', extra: { plan } })
    fail('plan-mismatch', 'The arguments are not the ones that were approved.')
  }
  if (envelope?.planDigest && envelope.planDigest !== plan.planDigest)
    fail('plan-changed', { detail: 'envelope.planDigest is not the digest of this plan.', extra: { plan } })
  if (envelope && envelope.confirmation.text !== plan.confirmationText)
    fail('confirmation-mismatch', {
      detail: 'The confirmation text is not the exact text of the plan.',
      errors: [{ pointer: '/envelope/confirmation/text', message: 'must be the exact text' }],
      extra: { confirmationText: plan.confirmationText },
    })
}

/**
 * `expectedVersion` and its alias in the contracts, `observedUpdatedAt` or what the operation calls it, both name the
 * first thing observed.
 */
function isStale(
  operation: WriteOperation,
  plan: Plan,
  input: Input,
  approval: ApprovalRow | undefined,
): boolean {
  const observed = plan.observed[0]
  const { expectedVersion } = input
  const observedUpdatedAt = input[operation.observes ?? 'observedUpdatedAt']
  // what was new to the caller is there already, or what the caller saw is not
  if (operation.observes && !approval && (observed === undefined) !== (observedUpdatedAt === undefined))
    return true
  if (observed && typeof expectedVersion === 'number' && expectedVersion !== observed.version) return true
  if (
    observed?.updatedAt &&
    typeof observedUpdatedAt === 'string' &&
    Date.parse(observedUpdatedAt) !== Date.parse(observed.updatedAt)
  )
    return true
  return approval !== undefined && canonical(approval.plan.observed) !== canonical(plan.observed)
}

function requireConfirmation(
  operation: WriteOperation,
  plan: Plan,
  envelope: Envelope | undefined,
  approval: ApprovalRow | undefined,
): void {
  if (plan.policy.mode === 'direct' || approval) return
  if (plan.policy.mode === 'confirm' && envelope) return
  fail('approval-required', {
    detail:
      plan.policy.mode === 'approve'
        ? `By policy ${operation.id} needs an approval by ${plan.policy.approvers === 1 ? 'a person' : `${plan.policy.approvers} people`}.`
        : `By policy ${operation.id} needs a confirmation, which this route cannot carry.`,
    nextAction:
      `${operation.confirmation.envelope ? 'Preview it with an envelope in preview mode' : 'Preview it with dryRun: true'} for its planDigest, open a session, POST {operationId: "${operation.id}", input, planDigest, reason} to /api/agent/sessions/{sessionId}/approvals, ` +
      `and once a person approved it, ${operation.confirmation.envelope ? 'confirm with envelope.approval {id, planDigest}' : 'send the request again with the header Countersign-Approval: <id> <planDigest> (over MCP, _meta["dev.countersign/approval"] = {id, planDigest})'}.`,
    extra: { plan },
  })
}

async function tellSession(
  ctx: Context,
  operation: WriteOperation,
  sessionId: string,
  plan: Plan,
  attempt: Attempt & { approval: ApprovalRow | undefined },
): Promise<void> {
  const { approval, envelope, key, startedAt } = attempt
  const events = toolCallEvents({
    operation,
    contract: operation.confirmation.action,
    startedAt,
    summary: `Applied: ${plan.targetSummary}`,
    outcome: 'succeeded',
    planDigest: plan.planDigest,
    redactions: plan.redactions,
    correlation: {
      idempotencyKey: key,
      ...(envelope ? { auditCorrelationId: envelope.auditCorrelationId } : {}),
    },
  })
  const completed = events[1]
  if (approval && completed) completed.approval = approvalReference(approval, 'consumed')
  await append({ ...ctx, now: ctx.deps.clock() }, sessionId, events)
}
