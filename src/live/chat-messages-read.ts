import { z } from 'zod'
import { read } from '../operation/define.ts'
import { requireEntry } from './room/entry.ts'
import { MessageSchema, PositionSchema } from './room/schema.ts'
import { listMessages } from './room/store.ts'
import { presentMessage } from './room/view.ts'
import { DateTime, EventId } from './schema.ts'

const PAGE = 200

export const chatMessagesRead = read({
  id: 'live.chat.messages.read',
  tool: 'live_chat_messages_read',
  surface: 'live-controls',
  summary: 'Read a room’s visible and flagged notes: the newest, or those after a place or a time.',
  boundaries: [
    'Hidden notes are for the admin’s manifest; here they are left out for everybody.',
    'afterSeq misses nothing and repeats nothing; after compares times, which are strictly increasing in a room.',
  ],
  http: { method: 'GET', path: '/api/live/messages' },
  access: { auth: 'optional-session' },
  input: z.strictObject({
    eventId: EventId,
    after: DateTime.optional().describe('Notes made after this time'),
    afterSeq: z.int().min(0).optional().describe('Notes after this place in the room’s log'),
    limit: z.int().min(1).max(PAGE).optional(),
  }),
  output: z.object({
    ok: z.literal(true),
    eventId: z.string(),
    messages: z.array(MessageSchema),
    nextAfterSeq: z.number().int().describe('What to send as afterSeq to read on'),
    position: PositionSchema.describe('Where the room’s log ended when this was read'),
  }),
  errors: ['not-found', 'subscribers-only', 'removed-from-room'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { eventId, after, afterSeq, limit = 100 }) {
    const { room } = await requireEntry(ctx, eventId)
    const rows = await listMessages(ctx.db, ctx.org, eventId, {
      statuses: ['visible', 'flagged'],
      ...{ afterSeq, after: after === undefined ? undefined : new Date(after), limit },
    })
    return {
      ok: true as const,
      eventId,
      messages: rows.map((row) => presentMessage(row)),
      nextAfterSeq: rows.at(-1)?.seq ?? afterSeq ?? room.seq,
      position: { epoch: room.epoch, seq: room.seq },
    }
  },
})
