import { z } from 'zod'
import { write } from '../operation/define.ts'
import { EnvelopeSchema } from '../operation/envelope.ts'
import { fail } from '../operation/errors.ts'
import { newId } from '../sessions/rules.ts'
import { DEFAULT_CHANNEL } from './rules.ts'
import { ChannelId, CONTRACT_ID, MessageWriteOutput } from './schema.ts'
import { keepPace, postBarrier, requireChannel } from './standing.ts'
import { insertMessage } from './store.ts'
import { presentMessage } from './view.ts'

/** As much of a message as a confirmation repeats. */
const EXCERPT = 80

export const messagesPost = write({
  id: 'community.messages.post',
  tool: 'community_messages_post',
  surface: 'community-chat',
  summary: 'Post a message into a channel as the signed-in listener, or as the person that a grant acts for.',
  boundaries: [
    'Automation cannot post. Keys and grants post as their person, with listener:community:write.',
    'What an agent posted says which client did.',
    'Five messages at once and one every six seconds, per person and channel; moderators are exempt.',
  ],
  http: { method: 'POST', path: '/api/agent/community-chat' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({
    action: z.literal('confirm_community_message_post'),
    channelId: ChannelId.optional().describe('general unless told'),
    body: z.string().trim().min(1).max(2000),
    envelope: EnvelopeSchema,
  }),
  output: MessageWriteOutput,
  errors: ['not-found', 'forbidden', 'stale', 'plan-blocked', 'rate-limited', 'approval-required'],
  status: 201,
  confirmation: {
    kind: 'public-message',
    reason: 'Everybody who reads the channel sees the message.',
    contractId: CONTRACT_ID,
    action: 'listener.community.message.post',
    envelope: true,
  },
  audit: {
    event: 'community_message_post',
    record: 'community_chat_messages + agent_write_idempotency_keys',
    attribution:
      'The message with its author and, for an agent, its client; the body stands in the message only.',
  },
  async preview(ctx, { channelId = DEFAULT_CHANNEL, body }) {
    const barrier = postBarrier(ctx.principal)
    if (barrier) fail('forbidden', barrier)
    const channel = await requireChannel(ctx, channelId, ctx.lock)
    const excerpt = body.length > EXCERPT ? `${body.slice(0, EXCERPT)}…` : body
    const { id, title, version, updatedAt } = channel
    return {
      subject: channel,
      target: { kind: 'community-channel', id, title },
      targetSummary: `Post a message to ${title}.`,
      observed: [{ kind: 'community-channel', id, version, updatedAt: updatedAt.toISOString() }],
      arguments: { channelId: id, body },
      changes: [{ op: 'create', pointer: '/messages/-', label: 'message', before: null, after: body }],
      affectedSurfaces: ['community chat'],
      blockers: channel.active ? [] : [{ code: 'plan-blocked', message: `${title} is archived.` }],
      confirmationText: `I confirm posting “${excerpt}” to ${title}.`,
      details: { postedAs: ctx.principal.displayName, membersOnly: channel.membersOnly },
    }
  },
  async apply(ctx, plan, { body }, channel) {
    await keepPace(ctx, channel.id, 'post')
    const { userId, displayName, client } = ctx.principal
    const posted = await insertMessage(ctx.db, ctx.org, {
      id: newId('message'),
      channelId: channel.id,
      userId: userId as string,
      displayName,
      via: client?.name ?? null,
      body,
      createdAt: ctx.now,
    })
    const { id, channelId, seq, status } = posted
    return {
      output: {
        ok: true as const,
        mode: 'applied' as const,
        plan,
        message: presentMessage(posted, ctx.principal),
      },
      previous: null,
      next: { id, channelId, seq, status },
    }
  },
})
