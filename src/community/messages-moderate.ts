import { z } from 'zod'
import { write } from '../operation/define.ts'
import { EnvelopeSchema } from '../operation/envelope.ts'
import { fail } from '../operation/errors.ts'
import { MESSAGE_STATUSES } from './rules.ts'
import { CONTRACT_ID, DateTime, MessageId, MessageWriteOutput } from './schema.ts'
import { MODERATES, requireMessage } from './standing.ts'
import { moderateMessage } from './store.ts'
import { presentMessage } from './view.ts'

const DOING = { visible: 'restoring', hidden: 'hiding', flagged: 'flagging' } as const

export const messagesModerate = write({
  id: 'community.messages.moderate',
  tool: 'fanful_creator_community_message_moderate',
  surface: 'community-chat',
  summary: 'Hide, flag, restore, pin or unpin one message of a channel.',
  boundaries: [
    'Needs the exact text of a fresh preview and the updatedAt it saw.',
    'A hidden message loses its pin and is given to nobody but moderators again.',
  ],
  http: { method: 'POST', path: '/api/agent/community-chat' },
  access: MODERATES,
  input: z.strictObject({
    action: z.literal('confirm_community_message_moderation'),
    messageId: MessageId,
    status: z.enum(MESSAGE_STATUSES).optional(),
    pinned: z.boolean().optional(),
    observedUpdatedAt: DateTime,
    envelope: EnvelopeSchema,
  }),
  output: MessageWriteOutput,
  errors: ['not-found', 'stale', 'plan-blocked', 'approval-required'],
  confirmation: {
    kind: 'moderation',
    reason: 'Moderation changes what everybody in the channel sees.',
    contractId: CONTRACT_ID,
    action: 'creator.community.message.moderate',
    envelope: true,
  },
  audit: {
    event: 'community_message_moderate',
    record: 'community_chat_messages + agent_write_idempotency_keys',
    attribution: 'Status and pin before and after, with who moderated; the body stands in the message only.',
  },
  async preview(ctx, input) {
    const { message, channel } = await requireMessage(ctx, input.messageId, ctx.lock)
    const status = input.status ?? message.status
    const hidden = status === 'hidden'
    const next = { status, pinned: hidden ? false : (input.pinned ?? message.pinned) }
    const fields = (['status', 'pinned'] as const).filter((field) => next[field] !== message[field])
    const problems = [
      ...(fields.length === 0 ? ['Nothing would change.'] : []),
      ...(hidden && input.pinned ? ['A hidden message is not pinned.'] : []),
    ]
    const title = `message ${message.seq} of ${message.displayName} in ${channel.title}`
    const doing = [
      ...(fields.includes('status') ? [DOING[status]] : []),
      ...(fields.includes('pinned') ? [next.pinned ? 'pinning' : 'unpinning'] : []),
    ]
    const text = doing.join(' and ') || 'leaving'
    return {
      subject: { message, next },
      target: { kind: 'community-message', id: message.id, title },
      targetSummary: `${text[0]?.toUpperCase()}${text.slice(1)} ${title}.`,
      observed: [
        {
          kind: 'community-message',
          id: message.id,
          version: message.version,
          updatedAt: message.updatedAt.toISOString(),
        },
      ],
      arguments: next,
      changes: fields.map((field) => ({
        op: 'update' as const,
        pointer: `/${field}`,
        label: field,
        before: message[field],
        after: next[field],
      })),
      affectedSurfaces: ['community chat'],
      blockers: problems.map((problem) => ({ code: 'plan-blocked' as const, message: problem })),
      confirmationText: `I confirm ${text} ${title}.`,
      // what is moderated is read by whoever confirms or approves it: they moderate
      details: { channelId: channel.id, seq: message.seq, body: message.body },
    }
  },
  async apply(ctx, plan, _input, { message, next }) {
    const moved = await moderateMessage(ctx.db, ctx.org, message, next, ctx.now)
    if (!moved) fail('stale', { detail: 'The message changed meanwhile.', extra: { plan } })
    const state = ({ id, channelId, seq, status, pinned }: typeof moved) => ({
      id,
      channelId,
      seq,
      status,
      pinned,
    })
    const shown = presentMessage({ ...message, ...moved }, ctx.principal)
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, message: shown },
      previous: state(message),
      next: state(moved),
    }
  },
})
