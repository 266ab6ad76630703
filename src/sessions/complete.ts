import { z } from 'zod'
import { type Context, record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { voidApprovals } from './approvals.ts'
import { append, type EventDraft, requireSession } from './log.ts'
import { presentSession } from './read.ts'
import type { SessionStatus } from './rules.ts'
import { SessionId, SessionSchema } from './schema.ts'
import { findSession, type SessionRow } from './store.ts'

export const complete = record({
  id: 'sessions.complete',
  tool: 'agent_session_complete',
  surface: 'agent-sessions',
  summary: 'End one’s own session with its outcome; open approvals are voided.',
  boundaries: [
    'Only the principal that opened the session completes it.',
    'Nothing follows the final event.',
  ],
  http: { method: 'POST', path: '/api/agent/sessions/{sessionId}/complete' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({
    sessionId: SessionId,
    outcome: z.enum(['completed', 'failed']),
    summary: z.string().trim().min(1).max(2000),
  }),
  output: z.object({ ok: z.literal(true), session: SessionSchema }),
  errors: ['not-found', 'forbidden', 'session-ended', 'unauthenticated', 'idempotency-mismatch'],
  ownEvents: true,
  audit: { event: 'session_complete', target: (input) => ({ kind: 'agent-session', id: input.sessionId }) },
  async run(ctx, { sessionId, outcome, summary }) {
    const row = await requireSession(ctx, sessionId, { lock: true, open: true })
    if (row.principalId !== ctx.principal.id)
      fail('forbidden', 'Only the principal that opened the session completes it.')
    const final: EventDraft = { type: 'session.completed', summary, outcome }
    return {
      ok: true as const,
      session: await endSession(ctx, sessionId, outcome, 'The session was completed.', final),
    }
  },
})

/** Voids what is open and appends the final event, with the session locked by the caller. */
export async function endSession(
  ctx: Context,
  sessionId: string,
  status: SessionStatus,
  reason: string,
  final: EventDraft,
): Promise<z.input<typeof SessionSchema>> {
  const voided = await voidApprovals(ctx, sessionId, ctx.principal.displayName, reason)
  await append(ctx, sessionId, [...voided, final], status)
  ctx.deps.metrics.approvals.inc({ status: 'voided' }, voided.length)
  return presentSession(ctx, (await findSession(ctx.db, ctx.org, sessionId)) as SessionRow)
}
