import { z } from 'zod'
import { type Context, read, type StreamItem } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { wakeable } from '../operation/wakeable.ts'
import { enters, requireEntry } from './room/entry.ts'
import { formatPosition, parsePosition, resumption } from './room/rules.ts'
import { EntrySchema, PositionSchema } from './room/schema.ts'
import { listEntries, type RoomState } from './room/store.ts'
import { presentEntry } from './room/view.ts'
import { EventId } from './schema.ts'

/** 15 s: below the 30 to 60 s after which proxies close a silent connection. */
const HEARTBEAT_MS = 15_000
const PAGE = 500

export const logRead = read({
  id: 'live.log.read',
  tool: 'live_log_read',
  surface: 'live-controls',
  summary:
    'Read a room’s log after a cursor, or follow it as server-sent events: notes, moderation, status, settings, roster.',
  boundaries: [
    'In order and without gaps; notes have their present state, so what was hidden stays hidden in every replay.',
    'A cursor of another epoch, or ahead of the log, is refused; start again without one.',
  ],
  http: { method: 'GET', path: '/api/live/log' },
  access: { auth: 'optional-session' },
  input: z.strictObject({
    eventId: EventId,
    cursor: z.string().max(240).optional().describe('Read on after this: <eventId>:<epoch>:<seq>'),
    limit: z.int().min(1).max(PAGE).optional(),
  }),
  output: z.object({
    ok: z.literal(true),
    eventId: z.string(),
    entries: z.array(EntrySchema),
    nextCursor: z.string(),
    position: PositionSchema.describe('Where the log ended when this was read'),
  }),
  errors: ['not-found', 'subscribers-only', 'removed-from-room', 'cursor-invalid', 'cursor-ahead'],
  audit: { none: 'A read changes nothing.' },
  follows: ({ eventId }) => `room/${eventId}`,
  resource: { uri: 'fanful://agent/live-controls/rooms/{eventId}/log', title: 'Log of a live room' },
  async run(ctx, { eventId, cursor, limit = 100 }) {
    const { room } = await requireEntry(ctx, eventId)
    const after = startOf(room, cursor)
    const rows = await listEntries(ctx.db, ctx.org, eventId, after, limit)
    const seq = rows.at(-1)?.seq ?? after
    return {
      ok: true as const,
      eventId,
      entries: rows.map(presentEntry),
      nextCursor: formatPosition(eventId, { epoch: room.epoch, seq }),
      position: { epoch: room.epoch, seq: room.seq },
    }
  },
  async *stream(ctx, { eventId, cursor }) {
    const { room } = await requireEntry(ctx, eventId)
    yield* follow(ctx, room, startOf(room, cursor))
  },
})

/** The position to read on from. Errors: cursor-invalid (another room or epoch), cursor-ahead. */
function startOf(room: RoomState, cursor: string | undefined): number {
  if (cursor === undefined) return 0
  const position = parsePosition(cursor)
  const reason = position && position.eventId === room.eventId ? resumption(position, room) : 'other-epoch'
  if (reason === 'ahead') return fail('cursor-ahead', 'The cursor is ahead of the room’s log.')
  if (!position || reason === 'other-epoch')
    return fail('cursor-invalid', {
      detail: 'The cursor is not of this room’s log.',
      errors: [{ pointer: '/cursor', message: 'must be a nextCursor of this room in its present epoch' }],
    })
  // a page at a time however far behind
  return position.seq
}

/** Entries as they are committed. Whoever may no longer see the room is cut off at the next entry or beat. */
async function* follow(ctx: Context, room: RoomState, from: number): AsyncIterable<StreamItem> {
  const { deps, org, call } = ctx
  const { eventId, epoch } = room
  const growth = wakeable((listener) => deps.feed.follow(org, `room/${eventId}`, listener))
  try {
    let after = from
    while (!call.signal?.aborted) {
      const woken = growth.next()
      if (!(await stillEnters(ctx, eventId))) return
      const rows = await listEntries(deps.db, org, eventId, after, PAGE)
      for (const row of rows) {
        yield {
          id: formatPosition(eventId, { epoch, seq: row.seq }),
          event: row.kind,
          data: presentEntry(row),
        }
        after = row.seq
      }
      if (rows.length === 0 && !(await woken.within(HEARTBEAT_MS, call.signal)))
        yield { comment: 'heartbeat' }
    }
  } finally {
    growth.end()
  }
}

/** Asks again who is calling and whether they may be here. */
async function stillEnters(ctx: Context, eventId: string): Promise<boolean> {
  const principal = ctx.call.reauthenticate
    ? await ctx.call.reauthenticate().catch(() => undefined)
    : ctx.principal
  return principal !== undefined && enters({ ...ctx, db: ctx.deps.db, principal }, eventId)
}
