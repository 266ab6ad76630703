import type { Principal } from '../../access/principal.ts'
import type { Queryable } from '../../db/pool.ts'
import { type Entry, entryFor } from '../../embedded/entry.ts'
import { isSubscriber } from '../../notifications/store.ts'
import { admits } from '../../operation/admit.ts'
import type { Context } from '../../operation/define.ts'
import { fail, Problem } from '../../operation/errors.ts'
import { entryRefusal, type Visitor } from './rules.ts'
import { findRoomFor, type RoomState, type Standing } from './store.ts'

type EntryContext = Pick<Context, 'db' | 'org' | 'principal' | 'now'>

export type Admitted = { room: RoomState & Standing; visitor: Visitor }

/** Moderators: people who administer and automation, with the scope where it is a credential. */
export const moderates = (principal: Principal): boolean =>
  admits({ auth: 'artist-admin-or-approved-automation', scope: 'live:write' }, principal)

/** Drafts and hidden notes are for those who administer. */
export const seesEverything = (principal: Principal): boolean =>
  admits({ auth: 'artist-admin-or-approved-automation', scope: 'live:read' }, principal)

/**
 * The room, if the caller may see what is said in it, and how the caller stands in it. Errors: not-found,
 * removed-from-room, subscribers-only, forbidden (not invited, no purchase or membership).
 */
export async function requireEntry(ctx: EntryContext, eventId: string): Promise<Admitted> {
  const { principal, db, org } = ctx
  // asked at once: on the connection for hot reads both travel together
  const [room, door] = await Promise.all([
    findRoomFor(db, org, eventId, principal.userId),
    doorOf(ctx, eventId),
  ])
  if (!room) return fail('not-found', `There is no event ${eventId}.`)
  const visitor: Visitor = {
    moderates: seesEverything(principal),
    // asked only where it matters
    subscriber: room.subscriberOnly && (await subscribes(db, principal)),
    removed: room.removed || door.reason === 'removed',
  }
  const refused = entryRefusal(room, visitor)
  if (refused) fail(refused, DETAILS[refused](eventId))
  const { allowed, reason } = door
  if (!allowed)
    fail('forbidden', { detail: `The room ${eventId} is not open to you: ${reason}.`, extra: { reason } })
  return { room, visitor }
}

/** What the embedded rooms that are linked to an event say of who comes in; automation is nobody who comes. */
function doorOf(
  { principal, db, org, now }: EntryContext,
  eventId: string,
): Promise<Pick<Entry, 'allowed' | 'reason'>> {
  if (principal.kind === 'automation') return Promise.resolve({ allowed: true, reason: 'no-room' })
  const { userId, email, adminRole } = principal
  return entryFor(db, org, eventId, { userId, email, administers: adminRole !== null }, now)
}

/** Whether the caller may see what is said in a room. */
export async function enters(ctx: Parameters<typeof requireEntry>[0], eventId: string): Promise<boolean> {
  try {
    await requireEntry(ctx, eventId)
    return true
  } catch (error) {
    if (error instanceof Problem) return false
    throw error
  }
}

const DETAILS = {
  'not-found': (id: string) => `There is no event ${id}.`,
  'removed-from-room': (id: string) => `You were removed from the room ${id}.`,
  'subscribers-only': (id: string) => `The room ${id} is for confirmed subscribers.`,
}

export const subscribes = async (db: Queryable, { userId, org }: Principal): Promise<boolean> =>
  userId !== null && isSubscriber(db, org, userId)
