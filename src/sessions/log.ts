import type { Principal } from '../access/principal.ts'
import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { auditCorrelationId, type EventType, isTerminal, newId, type SessionStatus } from './rules.ts'
import { EventBody } from './schema.ts'
import { appendEvents, findSession, type SessionRow } from './store.ts'

/** What every event of every session keeps out, said in each event. */
const STANDING_REDACTIONS = ['user ids', 'grant ids', 'credentials', 'email addresses']

export type EventDraft = { type: EventType } & Omit<EventBody, 'correlation' | 'redactions' | 'actor'> &
  Partial<Pick<EventBody, 'actor' | 'redactions'>> & {
    correlation?: Partial<EventBody['correlation']>
    occurredAt?: Date
  }

export const SYSTEM_ACTOR = { kind: 'system', displayName: 'Countersign' } as const

export const actorOf = (principal: Principal): EventBody['actor'] => ({
  kind: principal.kind === 'person' ? 'human' : 'agent',
  displayName: principal.client?.name ?? principal.displayName,
})

/**
 * Appends to a session's log within the caller's transaction. Events that carry a field which is not theirs are
 * refused. Errors: `session-ended`.
 */
export async function append(
  ctx: Pick<Context, 'db' | 'org' | 'now' | 'principal' | 'call' | 'deps' | 'touched'>,
  sessionId: string,
  drafts: readonly EventDraft[],
  status?: SessionStatus,
): Promise<number> {
  const events = drafts.map(({ type, occurredAt, correlation, redactions, actor, ...rest }) => ({
    type,
    occurredAt: occurredAt ?? ctx.now,
    body: EventBody.parse({
      actor: actor ?? (ctx.call.unattended ? SYSTEM_ACTOR : actorOf(ctx.principal)),
      ...rest,
      correlation: {
        sessionId,
        auditCorrelationId: auditCorrelationId(sessionId),
        requestId: ctx.call.requestId,
        ...correlation,
      },
      redactions: [...STANDING_REDACTIONS, ...(redactions ?? [])],
    }),
  }))
  const last = await appendEvents(ctx.db, ctx.org, sessionId, events, { status, at: ctx.now })
  if (last === undefined) fail('session-ended', `The session ${sessionId} has its final event.`)
  ctx.touched.add(`session/${sessionId}`)
  for (const event of events) ctx.deps.metrics.events.inc({ type: event.type })
  return last
}

/** Row access to sessions: grants and keys see their own, people who administer and automation see all of theirs. */
export function canSee(principal: Principal, session: Pick<SessionRow, 'principalId' | 'userId'>): boolean {
  if (principal.kind === 'guest') return false
  if (seesEverything(principal)) return true
  return (
    session.principalId === principal.id ||
    (principal.kind !== 'grant' && session.userId === principal.userId)
  )
}

export const seesEverything = (principal: Principal): boolean =>
  principal.kind === 'automation' || (principal.kind !== 'grant' && principal.adminRole !== null)

/**
 * The session, if the principal may see it; a foreign one looks like one that does not exist.
 * With `lock` the row is locked until the transaction ends, so nothing else moves the session meanwhile.
 */
export async function requireSession(
  ctx: Pick<Context, 'db' | 'org' | 'principal'>,
  sessionId: string,
  options: { lock?: boolean; open?: boolean } = {},
): Promise<SessionRow> {
  const session = await findSession(ctx.db, ctx.org, sessionId, options.lock)
  if (!session || !canSee(ctx.principal, session)) fail('not-found', `There is no session ${sessionId}.`)
  if (options.open && isTerminal(session.status))
    fail('session-ended', `The session ${sessionId} is ${session.status}.`)
  return session
}

type ToolCall = {
  operation: { id: string; tool: string; surface: string; effect: 'read' | 'preview' | 'write' | 'record' }
  contract: string
  startedAt: Date
  summary: string
  outcome: 'succeeded' | 'refused'
  code?: string
  planDigest?: string
  redactions?: string[]
  correlation?: { idempotencyKey?: string; auditCorrelationId?: string }
}

/** The pair of events of one finished tool call. Both are appended together: a crash leaves both or neither. */
export function toolCallEvents(call: ToolCall): EventDraft[] {
  const { operation } = call
  const target = { surface: operation.surface, operation: operation.tool, contract: call.contract }
  const toolCall = {
    id: newId('tool-call'),
    tool: operation.tool,
    mode: operation.effect,
    planDigest: call.planDigest,
  }
  const shared = { target, correlation: call.correlation, redactions: call.redactions }
  return [
    {
      type: 'tool.call.started',
      occurredAt: call.startedAt,
      summary: `Called ${operation.tool}.`,
      toolCall: { ...toolCall, outcome: 'started' },
      ...shared,
    },
    {
      type: 'tool.call.completed',
      summary: call.summary,
      toolCall: { ...toolCall, outcome: call.outcome, code: call.code },
      ...shared,
    },
  ]
}
