import { hasScope, type Principal } from '../access/principal.ts'
import { admits } from '../operation/admit.ts'
import type { Context, OperationAccess } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { type Channel, mayRead, PACES, type Paced } from './rules.ts'
import { findChannel, findCommunity, findMessage, type ReadMessage, takePace } from './store.ts'

/** Who administers the community: admins, owners, and automation and grants with the scope. */
export const MODERATES = {
  auth: 'artist-admin-or-approved-automation',
  scope: 'live:write',
} as const satisfies OperationAccess

const POST_SCOPE = 'listener:community:write'

export const moderates = (principal: Principal): boolean => admits(MODERATES, principal)

/** Archived channels and hidden bodies are for those who administer. */
export const seesHidden = (principal: Principal): boolean =>
  admits({ ...MODERATES, scope: 'live:read' }, principal)

/**
 * Why a principal may not post, or undefined. People post as themselves; keys and grants as the person they act for,
 * with the listener's scope or the organisation's.
 */
export function postBarrier(principal: Principal): string | undefined {
  if (principal.kind === 'person') return undefined
  if (principal.userId === null) return 'Only people post: automation has nobody to post as.'
  const held = hasScope(principal, POST_SCOPE) || hasScope(principal, `creator:${principal.org}:live:write`)
  return held ? undefined : `This credential may not post: it lacks the scope ${POST_SCOPE}.`
}

/** The channel, if the caller may read it; locked as `requireChannel` says. */
async function readable(ctx: Context, id: string, lock: boolean): Promise<Channel | undefined> {
  const channel = await findChannel(ctx.db, ctx.org, id, lock ? 'update' : undefined)
  // read after the channel is locked, since the gate is shut with all channels locked
  const community = await findCommunity(ctx.db, ctx.org)
  const reader = { moderates: seesHidden(ctx.principal), signedIn: ctx.principal.kind !== 'guest' }
  return channel && mayRead(channel, community, reader) ? channel : undefined
}

/**
 * A channel that the caller may read. With `lock` nobody else writes into its log, archives it or shuts the gate until
 * the transaction ends. Error: not-found, whether it is missing, archived, locked or for members only.
 */
export const requireChannel = async (ctx: Context, id: string, lock = false): Promise<Channel> =>
  (await readable(ctx, id, lock)) ??
  fail('not-found', {
    detail: `There is no channel ${id}.`,
    errors: [{ pointer: '/channelId', message: 'unknown channel' }],
  })

/** A message that the caller may see, with its channel locked as above. Error: not-found. */
export async function requireMessage(
  ctx: Context,
  id: string,
  lock: boolean,
): Promise<{ message: ReadMessage; channel: Channel }> {
  const { userId } = ctx.principal
  const found = await findMessage(ctx.db, ctx.org, id, userId)
  const channel = found && (await readable(ctx, found.channelId, lock))
  // what was read before the channel was locked may have changed
  const message = lock && channel ? await findMessage(ctx.db, ctx.org, id, userId) : found
  if (channel && message && (message.status !== 'hidden' || seesHidden(ctx.principal)))
    return { message, channel }
  return fail('not-found', {
    detail: `There is no message ${id}.`,
    errors: [{ pointer: '/messageId', message: 'unknown message' }],
  })
}

/** Keeps to the pace of a person in a channel, in the transaction of what they do. Error: rate-limited. */
export async function keepPace(ctx: Context, channelId: string, kind: Paced): Promise<void> {
  if (moderates(ctx.principal)) return
  const at = { channelId, userId: ctx.principal.userId as string, kind, ...PACES[kind], now: ctx.now }
  const retryAfterMs = await takePace(ctx.db, ctx.org, at)
  if (retryAfterMs === undefined) return
  fail('rate-limited', {
    detail: `Too many at once; wait ${Math.ceil(retryAfterMs / 1000)} s.`,
    extra: { retryAfterMs },
    headers: { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) },
  })
}
