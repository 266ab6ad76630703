import { z } from 'zod'
import { record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { endSession } from './complete.ts'
import { requireSession } from './log.ts'
import { SessionId, SessionSchema } from './schema.ts'

export const cancel = record({
  id: 'sessions.cancel',
  tool: 'agent_session_cancel',
  surface: 'agent-sessions',
  summary: 'Cancel a run; whatever waits for approval or execution is voided.',
  boundaries: [
    'People who see the session and the principal that opened it may cancel; nothing executes afterwards.',
  ],
  http: { method: 'POST', path: '/api/agent/sessions/{sessionId}/cancel' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({ sessionId: SessionId, reason: z.string().trim().min(1).max(800) }),
  output: z.object({ ok: z.literal(true), session: SessionSchema }),
  errors: ['not-found', 'forbidden', 'session-ended', 'unauthenticated', 'idempotency-mismatch'],
  ownEvents: true,
  audit: { event: 'session_cancel', target: (input) => ({ kind: 'agent-session', id: input.sessionId }) },
  async run(ctx, { sessionId, reason }) {
    const row = await requireSession(ctx, sessionId, { lock: true, open: true })
    if (ctx.principal.kind !== 'person' && row.principalId !== ctx.principal.id)
      fail('forbidden', 'Only people and the principal that opened the session cancel it.')
    const final = { type: 'session.cancelled' as const, summary: reason, outcome: 'cancelled' as const }
    return { ok: true as const, session: await endSession(ctx, sessionId, 'cancelled', reason, final) }
  },
})
