import { z } from 'zod'
import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { FeedId, Position } from './rules.ts'
import type { Seal } from './seal.ts'
import { sealReached } from './seal-store.ts'

export const CURSOR_KIND = 'transaction-watermark-plus-sequence'

/** Why a reader has to start anew. */
export type RestartReason = 'history-changed' | 'below-retention'

/** What a cursor says: which feed of whom, in which database, under which seal, and where in it. */
const Payload = z.tuple([
  z.literal('feed-1'),
  z.string(),
  z.string(),
  z.string(),
  z.int(),
  z.string(),
  z.string().regex(/^\d{1,20}$/),
  z.int().min(0),
  z.int().min(0),
])

export const signPosition = (ctx: Context, feed: FeedId, seal: Seal, { xid, seq, index }: Position): string =>
  ctx.deps.sealing.sign(['feed-1', ctx.org, feed, seal.cluster, seal.epoch, seal.id, xid, seq, index])

/**
 * The position in a cursor. Errors: `cursor-invalid` for one that was altered or is of another feed, organisation or
 * cluster; `cursor-expired`, with how to start anew, where this database does not have all that its reader has read: it
 * was restored from before that.
 */
export async function readPosition(
  ctx: Context,
  feed: FeedId,
  seal: Seal,
  cursor: string,
): Promise<Position> {
  const payload = Payload.safeParse(ctx.deps.sealing.verify(cursor))
  const [, org, ofFeed, cluster, epoch, sealId, xid, seq, index] = payload.data ?? []
  if (!payload.success || org !== ctx.org || ofFeed !== feed || cluster !== seal.cluster)
    return fail('cursor-invalid', {
      detail: 'The cursor was not issued by this feed.',
      errors: [{ pointer: '/cursor', message: 'must be a nextCursor of this feed, exactly as it was given' }],
    })
  const position = { xid: xid as string, seq: seq as number, index: index as number }
  const isKnown = epoch === seal.epoch && (await sealReached(ctx.deps.db, sealId as string, position.xid))
  if (!isKnown) restart(ctx, feed, 'history-changed')
  return position
}

/** Refuses to go on, with how to start anew. */
export function restart(ctx: Context, feed: FeedId, reason: RestartReason): never {
  const href = `${ctx.call.origin}/api/agent/sync-feeds/${feed}`
  return fail('cursor-expired', {
    detail: DETAILS[reason],
    nextAction: 'Forget the cursor and what you keep of this feed, and read it again from restart.href.',
    extra: { restart: { reason, action: 'read-from-start', feed, href } },
  })
}

const DETAILS: Record<RestartReason, string> = {
  'history-changed':
    'This database does not have the history that the cursor comes from: it was restored from a backup, or the cursor was not used for too long.',
  'below-retention': 'Entries after the cursor were removed for their age.',
}
