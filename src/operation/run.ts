import { databaseProblem } from '../db/problem.ts'
import type { Deps } from '../deps.ts'
import { append, requireSession, toolCallEvents } from '../sessions/log.ts'
import { requireAdmission } from './admit.ts'
import { auditBase, context, inStatement, inTransaction, type Outcome, type Reply } from './context.ts'
import type {
  Call,
  Context,
  Operation,
  PreviewOperation,
  ReadOperation,
  RecordOperation,
  StreamItem,
} from './define.ts'
import { asProblem, fail, type Problem } from './errors.ts'
import { claimOf, claimOrReplay } from './idempotency.ts'
import { parseInput } from './input.ts'
import { makePlan } from './planning.ts'
import { insertAudit, storeResponse } from './store.ts'
import { runWrite } from './write.ts'

/**
 * The only executor. Admission, then input, then row access inside the operation, then the effect; the answer passes
 * the output schema. Throws a `Problem`; refused writes and records are audited, refused calls in a session recorded.
 */
export async function run(deps: Deps, operation: Operation, raw: unknown, call: Call): Promise<Reply> {
  const startedAt = deps.clock()
  const done = deps.metrics.latency.startTimer({ operation: operation.id })
  try {
    requireAdmission(operation.access, call.principal)
    const ctx = context(deps, call, startedAt)
    const session = operation.ownEvents ? undefined : call.sessionId
    // a write asks that itself, after it looked for an answer to replay: a replay outlives the session
    if (session) await requireSession(ctx, session, { open: operation.effect !== 'write' })
    const input = parseInput(operation.input, raw) as Record<string, unknown>
    const outcome = await perform(ctx, operation, input, call)
    if (session && !outcome.recorded)
      await recordCall(ctx, operation, session, { ...outcome, outcome: 'succeeded', startedAt })
    deps.metrics.calls.inc({
      operation: operation.id,
      outcome: outcome.reply.headers['idempotency-replayed'] ? 'replayed' : 'ok',
    })
    return outcome.reply
  } catch (error) {
    const problem = databaseProblem(error) ?? asProblem(error)
    if (problem.code === 'internal')
      deps.log.error({ err: error, operation: operation.id, requestId: call.requestId }, 'defect')
    deps.metrics.calls.inc({ operation: operation.id, outcome: problem.code })
    await recordRefusal(context(deps, call, startedAt), operation, call, problem, startedAt)
    throw problem
  } finally {
    done()
  }
}

/** The same admission and input checks, then the operation's event stream. */
export async function openStream(
  deps: Deps,
  operation: ReadOperation,
  raw: unknown,
  call: Call,
): Promise<AsyncIterable<StreamItem>> {
  requireAdmission(operation.access, call.principal)
  const input = parseInput(operation.input, raw)
  if (!operation.stream) fail('not-found', 'This operation has no event stream.')
  return operation.stream(context(deps, call, deps.clock()), input)
}

/** The same checks, then the reading as a sequence of values. */
export async function openLines(
  deps: Deps,
  operation: ReadOperation,
  raw: unknown,
  call: Call,
): Promise<AsyncIterable<unknown>> {
  requireAdmission(operation.access, call.principal)
  const input = parseInput(operation.input, raw)
  if (!operation.lines) fail('not-found', 'This operation has no lines.')
  return operation.lines(context(deps, call, deps.clock()), input)
}

function perform(
  ctx: Context,
  operation: Operation,
  input: Record<string, unknown>,
  call: Call,
): Promise<Outcome> {
  switch (operation.effect) {
    case 'read':
      return runRead(ctx, operation, input)
    case 'preview':
      return runPreview(ctx, operation, input)
    case 'record':
      return runRecord(ctx, operation, input, call)
    case 'write':
      return runWrite(ctx, operation, input, call)
  }
}

const ok = (operation: Operation, output: unknown): Reply => ({
  status: operation.status ?? 200,
  body: operation.output.parse(output) as Record<string, unknown>,
  headers: {},
})

async function runRead(
  ctx: Context,
  operation: ReadOperation,
  input: Record<string, unknown>,
): Promise<Outcome> {
  return { reply: ok(operation, await operation.run(ctx, input)), summary: `Read: ${operation.summary}` }
}

async function runPreview(
  ctx: Context,
  operation: PreviewOperation,
  input: Record<string, unknown>,
): Promise<Outcome> {
  const { write, input: writeInput } = operation.of(input)
  const { plan } = await makePlan(ctx, write, writeInput)
  return {
    reply: ok(operation, operation.present(ctx, plan)),
    summary: `Previewed: ${plan.targetSummary}${plan.blockers.length > 0 ? ` Blocked: ${plan.blockers.map((b) => b.code).join(', ')}.` : ''}`,
    planDigest: plan.planDigest,
  }
}

async function runRecord(
  ctx: Context,
  operation: RecordOperation,
  input: Record<string, unknown>,
  call: Call,
): Promise<Outcome> {
  const summary = `Recorded: ${operation.summary}`
  const key = operation.unstored ? undefined : call.idempotencyKey
  const at = key && claimOf(ctx, operation, key)
  if (!at && operation.oneStatement && 'none' in operation.audit)
    return {
      reply: ok(operation, await inStatement(ctx, (one) => operation.run(one, input, undefined))),
      summary,
    }
  const before = await operation.before?.(ctx, input)
  const reply = await inTransaction(ctx, async (tx) => {
    const claimed = at ? await claimOrReplay(tx, at, input) : undefined
    if (claimed && 'stored' in claimed) return claimed.stored
    const output = await operation.run(tx, input, before)
    const reply = ok(operation, output)
    if ('event' in operation.audit) {
      const target = operation.audit.target(input, output)
      await insertAudit(tx.db, {
        ...auditBase(tx, operation),
        outcome: 'applied',
        event: operation.audit.event,
        target,
      })
    }
    if (at) storeResponse(tx.db, at, reply.status, reply.body)
    return reply
  })
  return { reply, summary }
}

type Finished = {
  summary: string
  planDigest?: string
  startedAt: Date
  outcome: 'succeeded' | 'refused'
  code?: string
}

async function recordCall(
  ctx: Context,
  operation: Operation,
  sessionId: string,
  finished: Finished,
): Promise<void> {
  const contract = operation.effect === 'write' ? operation.confirmation.action : operation.id
  await inStatement({ ...ctx, now: ctx.deps.clock() }, (one) =>
    append(one, sessionId, toolCallEvents({ operation, contract, ...finished })),
  )
}

/** Audits a refused write or record and tells the session; never turns one refusal into another. */
export async function recordRefusal(
  ctx: Context,
  operation: Operation,
  call: Call,
  problem: Problem,
  startedAt: Date,
): Promise<void> {
  if (ctx.principal.kind === 'guest') return
  try {
    if (operation.effect === 'write' || operation.effect === 'record')
      await insertAudit(ctx.db, {
        ...auditBase(ctx, operation),
        outcome: 'refused',
        code: problem.code,
        event: operation.id,
        // what others name is no approval yet
        approvalId: call.unattended && call.approval?.id,
      })
    if (!call.sessionId || operation.ownEvents || problem.code === 'session-ended') return
    await requireSession(ctx, call.sessionId, { open: true })
    const summary = `Refused: ${problem.code}.`
    await recordCall(ctx, operation, call.sessionId, {
      summary,
      startedAt,
      outcome: 'refused',
      code: problem.code,
    })
  } catch (error) {
    if (asProblem(error).code === 'internal')
      ctx.deps.log.error({ err: error, requestId: call.requestId }, 'refusal not recorded')
  }
}
