import { z } from 'zod'
import { type Context, read, type StreamItem } from '../operation/define.ts'
import { wakeable } from '../operation/wakeable.ts'
import { canSee, requireSession } from './log.ts'
import { presentEvent } from './present.ts'
import { formatCursor, isTerminal, readFrom } from './rules.ts'
import { sampleSession } from './samples.ts'
import { Cursor, SessionEvent, SessionId } from './schema.ts'
import { findSession, listEvents } from './store.ts'

/** 15 s: below the 30 to 60 s after which proxies close a silent connection. */
const HEARTBEAT_MS = 15_000
const PAGE = 500

const Input = z.strictObject({
  sessionId: SessionId,
  cursor: Cursor.optional().describe('Read on after this event: <sessionId>:<sequence>'),
  limit: z.int().min(1).max(PAGE).optional(),
})

export const eventsRead = read({
  id: 'sessions.events.read',
  tool: 'agent_session_events_read',
  surface: 'agent-sessions',
  summary: 'Replay a session’s events after a cursor, or follow them as server-sent events.',
  boundaries: [
    'Events are ordered by sequence without gaps; nothing follows the final event.',
    'Sample logs are readable by guests and say so.',
  ],
  http: { method: 'GET', path: '/api/agent/sessions/{sessionId}/events' },
  access: { auth: 'optional-session' },
  input: Input,
  output: z.object({
    ok: z.literal(true),
    contract: z.literal('agent-session-events.v1'),
    sample: z.boolean(),
    sessionId: z.string(),
    events: z.array(SessionEvent),
    nextCursor: z.string(),
    latestEventCursor: z.string(),
    earliestCursor: z.string(),
    terminal: z.boolean(),
  }),
  errors: ['not-found', 'cursor-invalid', 'cursor-ahead', 'cursor-expired'],
  ownEvents: true,
  audit: { none: 'A read changes nothing.' },
  resource: { uri: 'fanful://agent/sessions/{sessionId}/events', title: 'Session event log' },
  async run(ctx, input) {
    const sample = sampleSession(ctx.org, ctx.call.origin, input.sessionId)
    if (sample) return page(sample.head, sample.events, input, true)
    const session = await requireSession(ctx, input.sessionId)
    const after = readFrom(input.cursor, session)
    const rows = await listEvents(ctx.db, ctx.org, session.id, after, input.limit ?? 100)
    return page(
      session,
      rows.map((row) => presentEvent(session.id, row)),
      { ...input, after },
      false,
    )
  },
  follows: ({ sessionId }) => `session/${sessionId}`,
  async *stream(ctx, input) {
    const sample = sampleSession(ctx.org, ctx.call.origin, input.sessionId)
    if (sample) {
      const { events } = page(sample.head, sample.events, input, true)
      for (const event of events) yield item(event)
      return
    }
    const session = await requireSession(ctx, input.sessionId)
    yield* follow(ctx, session.id, readFrom(input.cursor, session))
  },
})

type Served = z.input<typeof SessionEvent>

const item = (event: Served): StreamItem => ({
  id: event.cursor,
  event: event.type,
  data: SessionEvent.parse(event),
})

function page(
  head: { id: string; lastSequence: number; floorSequence: number; status: Parameters<typeof isTerminal>[0] },
  all: readonly Served[],
  input: { cursor?: string; limit?: number; after?: number },
  sample: boolean,
) {
  const after = input.after ?? readFrom(input.cursor, head)
  const events = all.filter((event) => event.sequence > after).slice(0, input.limit ?? 100)
  const reached = events.at(-1)?.sequence ?? after
  return {
    ok: true as const,
    contract: 'agent-session-events.v1' as const,
    sample,
    sessionId: head.id,
    events,
    nextCursor: formatCursor(head.id, reached),
    latestEventCursor: formatCursor(head.id, head.lastSequence),
    earliestCursor: formatCursor(head.id, head.floorSequence),
    terminal: isTerminal(head.status) && reached >= head.lastSequence,
  }
}

/** Events as they are committed, until the final one. Whoever may no longer see the session is cut off at the next beat. */
async function* follow(ctx: Context, sessionId: string, from: number): AsyncIterable<StreamItem> {
  const { deps, org, call } = ctx
  const growth = wakeable((listener) => deps.feed.follow(org, `session/${sessionId}`, listener))
  deps.metrics.streams.inc()
  try {
    let after = from
    for (;;) {
      if (call.signal?.aborted) return
      const woken = growth.next()
      const session = await findSession(deps.db, org, sessionId)
      if (!session || !(await stillSees(ctx, session))) return
      const rows = await listEvents(deps.db, org, sessionId, after, PAGE)
      for (const row of rows) {
        yield item(presentEvent(sessionId, row))
        after = row.sequence
      }
      if (isTerminal(session.status) && after >= session.lastSequence) return
      if (rows.length === 0 && !(await woken.within(HEARTBEAT_MS, call.signal)))
        yield { comment: 'heartbeat' }
    }
  } finally {
    growth.end()
    deps.metrics.streams.dec()
  }
}

/** Asks again who is calling: a revoked key or an ended sign-in ends the stream. */
async function stillSees(ctx: Context, session: Parameters<typeof canSee>[1]): Promise<boolean> {
  const principal = ctx.call.reauthenticate
    ? await ctx.call.reauthenticate().catch(() => undefined)
    : ctx.principal
  return principal !== undefined && canSee(principal, session)
}
