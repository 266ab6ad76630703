import { z } from 'zod'
import type { Principal } from '../access/principal.ts'
import { record } from '../operation/define.ts'
import { append, requireSession } from './log.ts'
import { eventId, formatCursor } from './rules.ts'
import { SessionId } from './schema.ts'

export const messagesAppend = record({
  id: 'sessions.messages.append',
  tool: 'agent_session_message_append',
  surface: 'agent-sessions',
  summary: 'Append a redacted summary of what a person or the agent said.',
  boundaries: [
    'Summaries only: private message bodies, secrets and personal identifiers stay out.',
    'A credential cannot speak as somebody else: actorKind is kept, the name is the credential’s own.',
  ],
  http: { method: 'POST', path: '/api/agent/sessions/{sessionId}/messages' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({
    sessionId: SessionId,
    actorKind: z.enum(['human', 'agent']),
    summary: z.string().trim().min(1).max(2000),
  }),
  output: z.object({
    ok: z.literal(true),
    event: z.object({ id: z.string(), sequence: z.number().int(), cursor: z.string() }),
  }),
  errors: ['not-found', 'session-ended', 'validation-failed', 'unauthenticated', 'idempotency-mismatch'],
  status: 201,
  ownEvents: true,
  oneStatement: true,
  audit: { none: 'The session log itself is the record.' },
  async run(ctx, { sessionId, actorKind, summary }) {
    await requireSession(ctx, sessionId, { open: true })
    const actor = { kind: actorKind, displayName: speaker(ctx.principal, actorKind) }
    const redactions = ['private message body beyond summary']
    const sequence = await append(ctx, sessionId, [{ type: 'message.appended', actor, summary, redactions }])
    const event = { id: eventId(sessionId, sequence), sequence, cursor: formatCursor(sessionId, sequence) }
    return { ok: true as const, event }
  },
})

/** A person's own words carry their name alone; what an agent reports a person to have said says who reports it. */
function speaker(principal: Principal, actorKind: 'human' | 'agent'): string {
  const name = principal.client?.name ?? principal.displayName
  if (actorKind === 'agent' || principal.kind === 'person') return name
  return `${principal.displayName} (reported by ${name})`
}
