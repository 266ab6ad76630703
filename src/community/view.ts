import type { z } from 'zod'
import type { Principal } from '../access/principal.ts'
import { type Channel, DEFAULT_CHANNEL } from './rules.ts'
import type { ChannelSchema, MessageSchema } from './schema.ts'
import { seesHidden } from './standing.ts'
import type { Message, Reactions } from './store.ts'

const NO_REACTIONS: Reactions = { counts: {}, own: [] }

/** A message for one reader: nobody's id, and nothing of a hidden one except to moderators. */
export function presentMessage(
  message: Message & { reactions?: Reactions },
  principal: Principal,
): z.input<typeof MessageSchema> {
  const { id, channelId, seq, status, pinned, reactions = NO_REACTIONS } = message
  const isShown = status !== 'hidden' || seesHidden(principal)
  return {
    id,
    channelId,
    seq,
    status,
    displayName: isShown ? message.displayName : null,
    via: isShown ? message.via : null,
    body: isShown ? message.body : null,
    pinned,
    reactions: isShown ? reactions.counts : {},
    ownReactions: isShown ? reactions.own : [],
    own: principal.userId !== null && message.userId === principal.userId,
    createdAt: message.createdAt.toISOString(),
    updatedAt: message.updatedAt.toISOString(),
  }
}

export const presentChannel = (
  channel: Pick<Channel, 'id' | 'title' | 'active' | 'membersOnly' | 'position' | 'updatedAt'>,
): z.input<typeof ChannelSchema> => ({
  id: channel.id,
  title: channel.title,
  isDefault: channel.id === DEFAULT_CHANNEL,
  active: channel.active,
  membersOnly: channel.membersOnly,
  position: channel.position,
  updatedAt: channel.updatedAt.toISOString(),
})
