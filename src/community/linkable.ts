import type { Context } from '../operation/define.ts'
import { findChannel, findCommunity } from './store.ts'

/** Why no channel can be linked or written to by listeners while the gate is shut. */
export const LOCKED = 'The community is locked; unlock it first.'

/**
 * The title of a channel that an event would be linked to, and what speaks against it: it must be an active channel of
 * the organisation, and the community unlocked. When the plan is about to be applied the channel is kept as it is until
 * then: archiving it and shutting the gate wait.
 */
export async function linkable(
  ctx: Context,
  channelId: string,
): Promise<{ title: string | null; problems: string[] }> {
  const channel = await findChannel(ctx.db, ctx.org, channelId, ctx.lock ? 'share' : undefined)
  if (!channel?.active) return { title: null, problems: [`${channelId} is no active community channel.`] }
  const { unlocked } = await findCommunity(ctx.db, ctx.org)
  return { title: channel.title, problems: unlocked ? [] : [LOCKED] }
}
