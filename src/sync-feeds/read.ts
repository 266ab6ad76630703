import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { canonical, sha256 } from '../operation/plan.ts'
import { restart } from './cursor.ts'
import { allowed } from './records.ts'
import { type FeedId, type Position, START } from './rules.ts'
import { freshSeal, presentSeal, type Seal, sealAfter } from './seal.ts'
import { type BatchData, completeBefore, type FeedRow, rowsAfter, stateOf } from './store.ts'

/** An entry as readers get it. `idempotencyKey` is the same each time it is read, and no other entry's. */
export type FeedRecord = {
  type: string
  key: string
  idempotencyKey: string
  updatedAt: string
} & ({ tombstone: false; data: Record<string, unknown> } | { tombstone: true; data: null })

export type Placed = { record: FeedRecord; position: Position }

export type FeedPage = {
  seal: Seal
  placed: Placed[]
  hasMore: boolean
  /** Entries are committed and yet held back, by a transaction that is still open. */
  isHeld: boolean
  completeThrough: Date | null
}

/**
 * A page after a position, of what nothing can come before any more. `completeThrough`: every entry after this page is
 * later than that. Everything is said under one horizon, whoever moves it on meanwhile. Errors: `cursor-expired` where
 * something after the position was removed.
 */
export async function readPage(
  ctx: Context,
  feed: FeedId,
  { after, limit }: { after: Position; limit: number },
): Promise<FeedPage> {
  const { deps, org } = ctx
  const seal = await sealFor(ctx, feed, after)
  const { horizon } = seal
  const rows = await rowsAfter(deps.db, org, feed, { after, horizon, limit })
  const all = rows.flatMap((row) => entriesOf(feed, row, after))
  const placed = all.slice(0, limit)
  const hasMore = all.length > limit
  const last = placed.at(-1)
  const completeThrough = await completeBefore(deps.db, hasMore && last ? last.position.xid : horizon)
  // asked after the rows were read, since what was removed meanwhile is not among them
  const { isKnown, isBeyond, isBelowFloor } = await stateOf(deps.db, org, feed, { ...seal, after })
  // who has read nothing has missed nothing
  if (isBelowFloor && after.xid !== START.xid) restart(ctx, feed, 'below-retention')
  if (!isKnown) fail('unavailable', 'The database was replaced meanwhile.')
  return { seal, placed, hasMore, isHeld: !hasMore && isBeyond, completeThrough }
}

/** The seal to read under: beyond the position, and beyond every entry that is committed where nothing holds it back. */
async function sealFor({ deps, org }: Context, feed: FeedId, after: Position): Promise<Seal> {
  const seal = await presentSeal(deps)
  const { isKnown, isBeyond } = await stateOf(deps.db, org, feed, { ...seal, after })
  // the position may come from another process, which is further
  if (!isKnown || BigInt(after.xid) >= BigInt(seal.horizon)) return freshSeal(deps)
  return isBeyond ? sealAfter(deps, seal) : seal
}

/** The entries of a row, of a batch those after the position. */
function entriesOf(feed: FeedId, row: FeedRow, after: Position): Placed[] {
  const { xid, seq, updatedAt } = row
  if (row.key !== null)
    return [
      {
        record: recordOf(feed, { ...row, key: row.key }, updatedAt),
        position: { xid, seq, index: 0 },
      },
    ]
  const batch = row.data as BatchData
  const read = after.xid === xid && after.seq === seq ? after.index : 0
  return batch.slice(read).map((entry, n) => {
    const index = read + n + 1
    return {
      record: recordOf(feed, entry, updatedAt),
      position: { xid, seq, index: index === batch.length ? 0 : index },
    }
  })
}

function recordOf(
  feed: FeedId,
  entry: { key: string; type: string; data: object | null },
  at: Date,
): FeedRecord {
  const { type, key } = entry
  const data = allowed(feed, entry).data as Record<string, unknown> | null
  const updatedAt = at.toISOString()
  const idempotencyKey = `${feed}-${sha256(canonical([feed, key, type, updatedAt, data])).slice(0, 32)}`
  return {
    type,
    key,
    idempotencyKey,
    updatedAt,
    ...(data ? { tombstone: false, data } : { tombstone: true, data: null }),
  }
}
