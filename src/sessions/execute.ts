import { standing } from '../access/standing.ts'
import { databaseProblem } from '../db/problem.ts'
import type { Deps } from '../deps.ts'
import type { JobRun, QueueJob } from '../jobs/queue.ts'
import { inTransaction } from '../operation/context.ts'
import type { Call, Context, WriteOperation } from '../operation/define.ts'
import { asProblem, ERRORS, fail, Problem } from '../operation/errors.ts'
import { recordRefusal, run } from '../operation/run.ts'
import {
  approvalReference,
  approvedInput,
  effectiveStatus,
  endApproval,
  endOpened,
  expireApproval,
  openStatus,
} from './approvals.ts'
import { append, SYSTEM_ACTOR } from './log.ts'
import { type ApprovalRow, findApproval, findSession } from './store.ts'
import { systemContext, systemPrincipal } from './system.ts'

export const EXECUTE = 'approvals.execute'

/** Executes what people approved; asked for by the transaction of their decision. Data is {org, id}. */
export const executeJob: QueueJob = {
  name: EXECUTE,
  // 1 to 2 s before the second, 8 to 16 s before the fifth: all of them in the time that an approved plan has
  attempts: 5,
  pauseSeconds: 1,
  expireInSeconds: 300,
  concurrency: 2,
  run: executeApproved,
}

/**
 * Executes one approved write with the authority of whoever asked for it, as that is now. The approval is used up in
 * the transaction of the write, so however often this runs the write happens once. What is refused for good voids the
 * approval; what only the moment refused is tried again.
 */
async function executeApproved(deps: Deps, { data, last }: JobRun): Promise<void> {
  const { org, id } = data as { org: string; id: string }
  const row = await findApproval(deps.db, org, id)
  if (!row?.executeWhenApproved) return
  const system = systemContext(deps, org, requestOf(row))
  if (row.status === 'consumed') return close(system, row)
  // ended meanwhile, and its operation was told
  if (row.status !== 'approved') return
  if (effectiveStatus(row, system.now) === 'expired')
    return inTransaction(system, async (ctx) => void (await expireApproval(ctx, row.sessionId, id)))
  try {
    await execute(deps, org, row)
  } catch (error) {
    const problem = databaseProblem(error) ?? asProblem(error)
    if (ERRORS[problem.code].retryable && !last) throw error
    return refuse(systemContext(deps, org, requestOf(row)), row, problem)
  }
  return close(systemContext(deps, org, requestOf(row)), row)
}

const requestOf = ({ id }: ApprovalRow): string => `job:${EXECUTE}:${id}`

async function execute(deps: Deps, org: string, row: ApprovalRow): Promise<void> {
  const operation = deps.operations.find(({ id }) => id === row.operationId)
  if (operation?.effect !== 'write')
    return fail('not-found', `There is no write ${row.operationId} any more.`)
  const kept = { id: row.requestedPrincipal, scopes: row.requestedScopes ?? [] }
  const principal = await standing(deps.db, org, kept, deps.clock())
  const call = {
    requestId: requestOf(row),
    origin: deps.access.origin(),
    sessionId: row.sessionId,
    approval: { id: row.id, planDigest: row.planDigest },
    // of two executions at once the later one gets the answer of the first
    idempotencyKey: row.id,
    unattended: true,
  } as const
  if (principal) await run(deps, operation, approvedInput({ deps }, row), { ...call, principal })
  else await refuseGone(deps, org, operation, row, call)
}

/** Whoever asked may do nothing any more, so nothing is run; it is recorded as what was refused to them. */
async function refuseGone(
  deps: Deps,
  org: string,
  operation: WriteOperation,
  row: ApprovalRow,
  call: Omit<Call, 'principal'>,
): Promise<never> {
  const session = await findSession(deps.db, org, row.sessionId)
  const { displayName } = row.requestedBy
  const role = (session?.principal ?? {}) as Partial<Pick<Context['principal'], 'source' | 'role'>>
  const principal = { ...systemPrincipal(org), ...role, displayName, scopes: [] }
  const ctx = { ...systemContext(deps, org, call.requestId), principal, call: { ...call, principal } }
  const problem = new Problem('forbidden', { detail: `${displayName}, who asked, may not do so any more.` })
  await recordRefusal(ctx, operation, ctx.call, problem, ctx.now)
  throw problem
}

/** Voids the approval of a write that was refused for good, tells its operation and the session. */
async function refuse(system: Context, { id, sessionId }: ApprovalRow, problem: Problem): Promise<void> {
  await inTransaction(system, async (ctx) => {
    const session = await findSession(ctx.db, ctx.org, sessionId, true)
    const row = await findApproval(ctx.db, ctx.org, id)
    if (!session || !row) return
    const reason = `It was not applied (${problem.code}): ${problem.options.detail}`
    const by = SYSTEM_ACTOR.displayName
    if (!(await endApproval(ctx, row, { status: 'voided', by, reason }))) return
    const approval = approvalReference(row, 'voided', reason)
    const summary = `Voided: ${row.plan.targetSummary}`
    const status = await openStatus(ctx, sessionId)
    await append(ctx, sessionId, [{ type: 'approval.resolved', summary, approval }], status)
    await endOpened(ctx, row, 'failed')
    ctx.deps.metrics.approvals.inc({ status: 'voided' })
  })
}

/** Ends the session that was opened for this write alone. */
async function close(system: Context, row: ApprovalRow): Promise<void> {
  if (!row.openedSession) return
  await inTransaction(system, async (ctx) => {
    await findSession(ctx.db, ctx.org, row.sessionId, true)
    await endOpened(ctx, row, 'completed')
  })
}
