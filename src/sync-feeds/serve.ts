import { z } from 'zod'
import type { Context, StreamItem } from '../operation/define.ts'
import type { ErrorCode } from '../operation/errors.ts'
import { wakeable } from '../operation/wakeable.ts'
import { CURSOR_KIND, readPosition, signPosition } from './cursor.ts'
import { type FeedPage, type Placed, readPage } from './read.ts'
import { RECORD_TYPES } from './records.ts'
import { type FeedId, feedLog, type Position, START } from './rules.ts'
import { presentSeal } from './seal.ts'

/** 15 s: below the 30 to 60 s after which proxies close a silent connection. */
const HEARTBEAT_MS = 15_000
/** 25 s: the same for an answer that waits. */
const LONGEST_WAIT_S = 25
/** 100 ms: how soon after a transaction that held entries back they arrive, at the most. */
const HELD_MS = 100
const PAGE = 500

export const FEED_VERSION = 'agent-sync-feed.v1'

export const FeedInput = z.strictObject({
  cursor: z.string().max(600).optional().describe('Read on from this nextCursor; absent: from the beginning'),
  limit: z.int().min(1).max(PAGE).optional().describe('Records of a page, 100 unless told'),
  wait: z
    .int()
    .min(0)
    .max(LONGEST_WAIT_S)
    .optional()
    .describe('Seconds to wait for a record where there is none yet'),
})
type Input = z.output<typeof FeedInput>

export const FEED_ERRORS = ['not-found', 'cursor-invalid', 'cursor-expired'] as const satisfies ErrorCode[]

/** Records of a feed: of each type what it allows, and tombstones. */
export const recordsOf = (feed: FeedId) => {
  const common = { key: z.string(), idempotencyKey: z.string(), updatedAt: z.string() }
  const forms = Object.entries(RECORD_TYPES[feed] as Record<string, z.ZodObject | null>).map(
    ([type, data]) =>
      data
        ? z.object({ type: z.literal(type), ...common, tombstone: z.literal(false), data })
        : z.object({ type: z.literal(type), ...common, tombstone: z.literal(true), data: z.null() }),
  )
  return z.union(forms)
}

export const feedOutput = <F extends FeedId>(feed: F) =>
  z.object({
    ok: z.literal(true),
    version: z.literal(FEED_VERSION),
    feed: z.literal(feed),
    records: z.array(recordsOf(feed)),
    cursor: z.object({
      kind: z.literal(CURSOR_KIND),
      value: z.string().nullable(),
      nextValue: z.string(),
      terminal: z.boolean(),
    }),
    nextCursor: z.string(),
    hasMore: z.boolean(),
    completeThrough: z
      .string()
      .nullable()
      .describe('Every record after this page has a later updatedAt; null: nothing can be said yet'),
  })

/** A page; with `wait` the first one that is not empty, or an empty one when the time is over. */
export async function readFeed<F extends FeedId>(ctx: Context, feed: F, input: Input) {
  const after = await startOf(ctx, feed, input.cursor)
  const limit = input.limit ?? 100
  const page = input.wait
    ? await awaitPage(ctx, feed, { after, limit, ms: input.wait * 1_000 })
    : await readPage(ctx, feed, { after, limit })
  const nextCursor = cursorAfter(ctx, feed, page, after)
  return {
    ok: true as const,
    version: FEED_VERSION as typeof FEED_VERSION,
    feed,
    records: page.placed.map(({ record }) => record),
    cursor: {
      kind: CURSOR_KIND as typeof CURSOR_KIND,
      value: input.cursor ?? null,
      nextValue: nextCursor,
      terminal: !page.hasMore,
    },
    nextCursor,
    hasMore: page.hasMore,
    completeThrough: page.completeThrough?.toISOString() ?? null,
  }
}

async function startOf(ctx: Context, feed: FeedId, cursor: string | undefined): Promise<Position> {
  return cursor === undefined ? START : readPosition(ctx, feed, await presentSeal(ctx.deps), cursor)
}

const cursorAfter = (ctx: Context, feed: FeedId, page: FeedPage, after: Position): string =>
  signPosition(ctx, feed, page.seal, page.placed.at(-1)?.position ?? after)

type Waiting = { after: Position; limit: number; ms: number }

async function awaitPage(ctx: Context, feed: FeedId, { after, limit, ms }: Waiting): Promise<FeedPage> {
  const growth = wakeable((listener) => ctx.deps.feed.follow(ctx.org, feedLog(feed), listener))
  const until = performance.now() + ms
  try {
    for (;;) {
      const woken = growth.next()
      const page = await readPage(ctx, feed, { after, limit })
      const left = until - performance.now()
      if (page.placed.length > 0 || left <= 0 || ctx.call.signal?.aborted) return page
      await woken.within(Math.min(left, page.isHeld ? HELD_MS : left), ctx.call.signal)
    }
  } finally {
    growth.end()
  }
}

/**
 * Records as they become final, each event with the cursor to go on from as its id, and at each beat how far the feed is
 * complete. Whoever may no longer read it (`may`) is cut off at the next beat.
 */
export async function* followFeed(
  ctx: Context,
  feed: FeedId,
  input: Input,
  may: (ctx: Context) => boolean,
): AsyncIterable<StreamItem> {
  let after = await startOf(ctx, feed, input.cursor)
  const growth = wakeable((listener) => ctx.deps.feed.follow(ctx.org, feedLog(feed), listener))
  const limit = input.limit ?? PAGE
  let beatAt = performance.now()
  try {
    while (!ctx.call.signal?.aborted) {
      const woken = growth.next()
      if (!(await stillMay(ctx, may))) return
      const page = await readPage(ctx, feed, { after, limit })
      for (const { record, position } of page.placed) yield item(ctx, feed, page, { record, position })
      after = page.placed.at(-1)?.position ?? after
      if (page.placed.length > 0) {
        beatAt = performance.now()
        continue
      }
      if (performance.now() - beatAt >= HEARTBEAT_MS) {
        beatAt = performance.now()
        yield { id: cursorAfter(ctx, feed, page, after), event: 'complete-through', data: completeness(page) }
      }
      const left = HEARTBEAT_MS - (performance.now() - beatAt)
      await woken.within(Math.max(0, Math.min(left, page.isHeld ? HELD_MS : left)), ctx.call.signal)
    }
  } finally {
    growth.end()
  }
}

const item = (ctx: Context, feed: FeedId, page: FeedPage, { record, position }: Placed): StreamItem => ({
  id: signPosition(ctx, feed, page.seal, position),
  event: record.type,
  data: recordsOf(feed).parse(record),
})

const completeness = ({ completeThrough }: FeedPage) => ({
  completeThrough: completeThrough?.toISOString() ?? null,
})

/** Asks again who is calling: a revoked key or an ended sign-in ends the stream. */
async function stillMay(ctx: Context, may: (ctx: Context) => boolean): Promise<boolean> {
  const principal = ctx.call.reauthenticate
    ? await ctx.call.reauthenticate().catch(() => undefined)
    : ctx.principal
  return principal !== undefined && may({ ...ctx, principal })
}
