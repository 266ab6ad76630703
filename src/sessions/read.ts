import { z } from 'zod'
import { type Context, read as defineRead } from '../operation/define.ts'
import { requireSession } from './log.ts'
import { presentApproval, presentHead } from './present.ts'
import { sampleSession } from './samples.ts'
import { SessionId, SessionSchema } from './schema.ts'
import { listApprovals, listToolCalls, type SessionRow } from './store.ts'

/** As many finished calls as a reader wants at a glance; the event log has all. */
const SHOWN_TOOL_CALLS = 100

export const read = defineRead({
  id: 'sessions.read',
  tool: 'agent_session_read',
  surface: 'agent-sessions',
  summary: 'Read one session: status, pending approvals, finished tool calls, latest cursor.',
  boundaries: [
    'Grants see the sessions they opened; people who administer and automation see the organisation’s.',
  ],
  http: { method: 'GET', path: '/api/agent/sessions/{sessionId}' },
  access: { auth: 'optional-session' },
  input: z.strictObject({ sessionId: SessionId }),
  output: z.object({ ok: z.literal(true), sample: z.boolean(), session: SessionSchema }),
  errors: ['not-found'],
  ownEvents: true,
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { sessionId }) {
    const sample = sampleSession(ctx.org, ctx.call.origin, sessionId)
    if (sample) return { ok: true as const, sample: true, session: sample.session }
    const row = await requireSession(ctx, sessionId)
    return { ok: true as const, sample: false, session: await presentSession(ctx, row) }
  },
})

/** `agent-session.v1` of a stored session. */
export async function presentSession(ctx: Context, row: SessionRow): Promise<z.input<typeof SessionSchema>> {
  const [pending, completedToolCalls] = [
    await listApprovals(ctx.db, ctx.org, row.id, ['pending']),
    await listToolCalls(ctx.db, ctx.org, row.id, SHOWN_TOOL_CALLS),
  ]
  return {
    ...presentHead(ctx.org, row),
    pendingApprovals: pending.map((each) => presentApproval(ctx, each)),
    completedToolCalls,
  }
}
