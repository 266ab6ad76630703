import { findUserByEmail } from '../access/users.ts'
import { appendEntries, setRemoved } from '../live/room/store.ts'
import type { Context } from '../operation/define.ts'
import type { EmbeddedRoom, Participant } from './rules.ts'
import { listRemoved } from './store.ts'

/** Tells a live event, when a room is linked to it, who was removed from the room before: they are out there too. */
export async function tellLink(
  ctx: Context,
  before: Pick<EmbeddedRoom, 'eventId'>,
  next: Pick<EmbeddedRoom, 'id' | 'eventId'>,
): Promise<void> {
  if (next.eventId === null || next.eventId === before.eventId) return
  for (const removed of await listRemoved(ctx.db, ctx.org, next.id))
    await tellEvent(ctx, next, undefined, removed)
}

/**
 * Tells the live event of a room what became of a participant, in the transaction of the roster write: an entry of the
 * event's log, and for who is removed or let in again another generation of socket tokens. Open sockets end by the entry.
 */
export async function tellEvent(
  ctx: Context,
  { eventId }: Pick<EmbeddedRoom, 'eventId'>,
  before: Participant | undefined,
  next: Pick<Participant, 'email' | 'userId' | 'displayName' | 'role' | 'status'>,
): Promise<void> {
  if (eventId === null) return
  const { displayName, role, status } = next
  const userId = next.userId ?? (await findUserByEmail(ctx.db, next.email))?.id ?? null
  const removed = status === 'removed'
  if (userId !== null && removed !== (before?.status === 'removed'))
    await setRemoved(ctx.db, ctx.org, eventId, { userId, removed, now: ctx.now })
  const detail = { person: userId && `user:${userId}`, displayName, role, status }
  await appendEntries(ctx.db, ctx.org, eventId, [{ kind: 'roster', detail }], ctx.now)
  ctx.touched.add(`room/${eventId}`)
}
