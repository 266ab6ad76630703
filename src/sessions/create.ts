import { z } from 'zod'
import { type Context, record } from '../operation/define.ts'
import { actorOf, append, SYSTEM_ACTOR } from './log.ts'
import { presentHead, presentRequester } from './present.ts'
import { newId } from './rules.ts'
import { type EventBody, SessionSchema } from './schema.ts'
import { findSession, insertSession, type SessionRow } from './store.ts'

export const create = record({
  id: 'sessions.create',
  tool: 'agent_session_create',
  surface: 'agent-sessions',
  summary: 'Open a durable session for work that spans several calls or needs approval.',
  boundaries: [
    'The principal is resolved from the credential; no identity in the body is believed.',
    'Creation is idempotent by the Idempotency-Key header.',
  ],
  http: { method: 'POST', path: '/api/agent/sessions' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({
    workflow: z
      .string()
      .min(1)
      .max(120)
      .regex(/^[a-z0-9]+([.-][a-z0-9]+)*$/, 'lower-case words joined by . or -'),
    title: z.string().trim().min(1).max(180).optional(),
    client: z.strictObject({
      id: z.string().min(1).max(120),
      name: z.string().min(1).max(120),
      kind: z.string().min(1).max(60),
    }),
  }),
  output: z.object({ ok: z.literal(true), session: SessionSchema }),
  errors: ['validation-failed', 'unauthenticated', 'idempotency-mismatch', 'idempotency-in-flight'],
  status: 201,
  ownEvents: true,
  audit: {
    event: 'session_create',
    target: (_input, output) => ({ kind: 'agent-session', id: output.session.id }),
  },
  async run(ctx, input) {
    const id = await openSession(ctx, input)
    const row = (await findSession(ctx.db, ctx.org, id)) as SessionRow
    return {
      ok: true as const,
      session: { ...presentHead(ctx.org, row), pendingApprovals: [], completedToolCalls: [] },
    }
  },
})

type Opening = { workflow: string; title?: string | undefined; client: SessionRow['client'] }

/** Opens a session of the principal in the open transaction; answers its id. */
export async function openSession(ctx: Context, { workflow, title, client }: Opening): Promise<string> {
  const { principal, org, now } = ctx
  const id = newId('agent-session')
  await insertSession(ctx.db, org, {
    id,
    title: title ?? workflow,
    workflow,
    principal: { source: principal.source, role: principal.role, scopes: principal.scopes },
    requestedBy: presentRequester(principal),
    client,
    principalId: principal.id,
    userId: principal.userId,
    createdAt: now,
  })
  const summary = `Opened a session for ${workflow}.`
  await append(ctx, id, [{ type: 'session.created', actor: openedBy(ctx), summary }])
  return id
}

function openedBy({ call, principal }: Context): EventBody['actor'] {
  if (call.unattended) return SYSTEM_ACTOR
  if (principal.kind === 'person') return actorOf(principal)
  return { kind: 'human', displayName: principal.displayName }
}
