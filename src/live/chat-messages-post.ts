import { z } from 'zod'
import { record } from '../operation/define.ts'
import { moderates, requireEntry } from './room/entry.ts'
import { postNote } from './room/post.ts'
import { MessageSchema } from './room/schema.ts'
import { EventId } from './schema.ts'

export const chatMessagesPost = record({
  id: 'live.chat.messages.post',
  tool: 'live_chat_messages_post',
  surface: 'live-controls',
  summary: 'Post a note as the signed-in listener; everybody in the room sees it.',
  boundaries: [
    'Automation and agents cannot post as a listener.',
    'The chat must be open: the event scheduled or live, its notes enabled, and subscribers only where it is for them.',
    'Five notes at once and one every two seconds; a room in slow mode asks for longer waits. Moderators do not wait.',
  ],
  http: { method: 'POST', path: '/api/live/messages' },
  access: { auth: 'signed-in-listener' },
  input: z.strictObject({ eventId: EventId, body: z.string().trim().min(1).max(600) }),
  output: z.object({ ok: z.literal(true), message: MessageSchema }),
  errors: [
    'not-found',
    'chat-closed',
    'subscribers-only',
    'removed-from-room',
    'rate-limited',
    'unauthenticated',
    'idempotency-mismatch',
  ],
  status: 201,
  oneStatement: true,
  confirmation: { kind: 'public-message', reason: 'Everybody in the room sees the note.' },
  audit: { none: 'The note itself is the record, with its author.', record: 'live_chat_messages' },
  async run(ctx, { eventId, body }) {
    // outside a transaction on the connection for hot reads, which has no queue of its own
    const db = ctx.lock ? ctx.db : { query: ctx.deps.db.read }
    const { visitor } = await requireEntry({ ...ctx, db }, eventId)
    const name = ctx.principal.displayName
    const posted = await postNote(ctx, eventId, {
      userId: ctx.principal.userId as string,
      ...{ name, body, moderates: moderates(ctx.principal), subscriber: visitor.subscriber },
    })
    const made = { createdAt: (posted.at as Date).toISOString(), seq: posted.seq as number }
    const message = {
      id: posted.id,
      eventId,
      displayName: name,
      body,
      status: 'visible' as const,
      pinned: false,
      ...made,
    }
    return { ok: true as const, message }
  },
})
