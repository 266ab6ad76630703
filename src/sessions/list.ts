import { z } from 'zod'
import { read } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { seesEverything } from './log.ts'
import { presentHead } from './present.ts'
import { SESSION_STATUSES } from './rules.ts'
import { Cursor, SessionSummary } from './schema.ts'
import { listSessions } from './store.ts'

const Position = z.tuple([z.string(), z.string(), z.string()])

export const list = read({
  id: 'sessions.list',
  tool: 'agent_sessions_list',
  surface: 'agent-sessions',
  summary: 'List sessions, newest first; filter by status, workflow, or what waits for me.',
  boundaries: ['Shows the sessions the caller may read, of one organisation.'],
  http: { method: 'GET', path: '/api/sessions' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({
    status: z.enum(SESSION_STATUSES).optional(),
    workflow: z.string().min(1).max(120).optional(),
    waitingForMe: z
      .boolean()
      .optional()
      .describe('Only sessions with an approval that the caller may decide now'),
    cursor: Cursor.optional(),
    limit: z.int().min(1).max(100).optional(),
  }),
  output: z.object({
    ok: z.literal(true),
    sessions: z.array(SessionSummary),
    nextCursor: z.string().nullable(),
  }),
  errors: ['cursor-invalid', 'unauthenticated'],
  ownEvents: true,
  audit: { none: 'A read changes nothing.' },
  async run(ctx, input) {
    const { principal, org } = ctx
    const limit = input.limit ?? 25
    const mayDecide = principal.kind === 'person' && principal.adminRole !== null
    if (input.waitingForMe && !mayDecide) return { ok: true as const, sessions: [], nextCursor: null }
    const rows = await listSessions(ctx.db, org, {
      status: input.status,
      workflow: input.workflow,
      waitingFor: input.waitingForMe ? (principal.userId ?? undefined) : undefined,
      visible: {
        principalId: principal.id,
        userId: principal.kind === 'grant' ? null : principal.userId,
        everything: seesEverything(principal),
      },
      before: input.cursor ? position(ctx.deps.sealing.verify(input.cursor), org) : undefined,
      limit: limit + 1,
    })
    const shown = rows.slice(0, limit)
    const last = rows.length > limit ? shown.at(-1) : undefined
    return {
      ok: true as const,
      sessions: shown.map((row) => ({ ...presentHead(org, row), pendingApprovals: row.pending })),
      nextCursor: last ? ctx.deps.sealing.sign([org, last.createdAt.toISOString(), last.id]) : null,
    }
  },
})

/** Where a signed cursor points; a cursor of another organisation is as invalid as a made-up one. */
function position(payload: unknown, org: string): { createdAt: string; id: string } {
  const parsed = Position.safeParse(payload)
  if (!parsed.success || parsed.data[0] !== org)
    return fail('cursor-invalid', {
      detail: 'The cursor was not issued by this endpoint.',
      errors: [{ pointer: '/cursor', message: 'must be a nextCursor of this endpoint' }],
    })
  return { createdAt: parsed.data[1], id: parsed.data[2] }
}
