import type { Context } from '../../operation/define.ts'
import { appendToFeed } from '../append.ts'
import { feedLog } from '../rules.ts'
import {
  entryOfEvent,
  entryOfItem,
  eventEntryId,
  itemEntryId,
  type Origin,
  type PublicEvent,
  type PublicItem,
  presentWork,
  saysTheSame,
  type WorkEntry,
} from './rules.ts'
import { deleteWork, findWork, putWork, type WorkRow } from './store.ts'

/** Writes an entry and tells the feed, in the open transaction. Undefined when it has another version by now. */
export async function writeWork(
  ctx: Context,
  entry: Omit<WorkRow, 'updatedAt'>,
): Promise<WorkRow | undefined> {
  const row = await putWork(ctx.db, ctx.org, entry, ctx.now)
  if (row) await tell(ctx, row.id, presentWork(row))
  return row
}

/** Removes an entry and leaves a tombstone in the feed; false when there is none. */
export async function removeWork(ctx: Context, id: string): Promise<boolean> {
  const removed = await deleteWork(ctx.db, ctx.org, id)
  if (removed) await tell(ctx, id, null)
  return removed
}

async function tell(ctx: Context, key: string, data: object | null): Promise<void> {
  const type = data ? 'work-log.entry.upsert' : 'work-log.entry.delete'
  await appendToFeed(ctx.db, {
    org: ctx.org,
    feed: 'work-log',
    entries: [{ key, type, data, at: ctx.now }],
  })
  ctx.touched.add(feedLog('work-log'))
}

/** Brings the work log to what guests see of a live event, in the transaction that writes it. */
export const logEvent = (ctx: Context, event: PublicEvent): Promise<void> =>
  follow(ctx, eventEntryId(event.id), 'live-event', entryOfEvent(event, ctx.now))

/** The same of an item of the catalog. */
export const logItem = (ctx: Context, item: PublicItem): Promise<void> =>
  follow(ctx, itemEntryId(item), 'catalog-item', entryOfItem(item, ctx.now))

/**
 * What was never public does not enter, what is no longer public leaves a tombstone, what says the same as before adds
 * nothing.
 */
async function follow(ctx: Context, id: string, origin: Origin, entry: WorkEntry | undefined): Promise<void> {
  const before = await findWork(ctx.db, ctx.org, id, true)
  if (!entry) {
    if (before) await removeWork(ctx, id)
    return
  }
  if (before && saysTheSame(before, entry)) return
  await writeWork(ctx, { ...entry, origin, version: before?.version ?? 0 })
}
