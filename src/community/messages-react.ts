import { z } from 'zod'
import { record } from '../operation/define.ts'
import { REACTIONS } from './rules.ts'
import { MessageId, MessageSchema } from './schema.ts'
import { keepPace, requireMessage } from './standing.ts'
import { findMessage, type ReadMessage, setReaction } from './store.ts'
import { presentMessage } from './view.ts'

export const messagesReact = record({
  id: 'community.messages.react',
  tool: 'community_messages_react',
  surface: 'community-chat',
  summary: 'Give a message a reaction as oneself, or take it back.',
  boundaries: [
    'For people and the keys that act for them; agents and automation have no reactions.',
    'Each reaction counts once per person; the same again changes nothing.',
  ],
  http: { method: 'POST', path: '/api/agent/community-chat/reactions' },
  access: { auth: 'signed-in-listener' },
  input: z.strictObject({
    messageId: MessageId,
    reaction: z.enum(REACTIONS),
    on: z.boolean().optional().describe('false takes it back'),
  }),
  output: z.object({ ok: z.literal(true), changed: z.boolean(), message: MessageSchema }),
  errors: ['not-found', 'rate-limited', 'unauthenticated', 'idempotency-mismatch'],
  audit: {
    event: 'community_message_react',
    target: ({ messageId }) => ({ kind: 'community-message', id: messageId }),
  },
  async run(ctx, { messageId, reaction, on = true }) {
    const { message, channel } = await requireMessage(ctx, messageId, true)
    await keepPace(ctx, channel.id, 'react')
    const userId = ctx.principal.userId as string
    const changed = await setReaction(ctx.db, ctx.org, { message, userId, reaction, on, now: ctx.now })
    const after = (await findMessage(ctx.db, ctx.org, messageId, userId)) as ReadMessage
    return { ok: true as const, changed, message: presentMessage(after, ctx.principal) }
  },
})
