import type { Principal } from '../access/principal.ts'
import { linkedEvents } from '../live/linked-events.ts'
import { admits } from '../operation/admit.ts'
import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { type Entry, entriesInto, type Person } from './entry.ts'
import { isVisible, type Participant } from './rules.ts'
import { findRoom, listRooms, type RoomRow } from './store.ts'
import { type Looking, presentRoom, type RoomView } from './view.ts'

/** Which rooms a caller sees, and as what the caller may enter them. */

export type Seen = { room: RoomRow; participant: Participant | undefined; entry: Entry | null }

/** Rosters with addresses, and rooms by invitation, are for those who administer, with the scope where it is a credential. */
export const administers = (principal: Principal): boolean =>
  admits({ auth: 'artist-admin-or-approved-automation', scope: 'live:read' }, principal)

/** Who a caller is at a door; undefined for automation and agents, which are nobody who comes in. */
export function personOf(principal: Principal): Person | undefined {
  if (principal.kind === 'automation' || principal.kind === 'grant') return undefined
  const { userId, email } = principal
  return { userId, email, administers: principal.adminRole !== null }
}

async function lookInto(ctx: Context, rooms: readonly RoomRow[]): Promise<Seen[]> {
  const person = personOf(ctx.principal)
  if (!person) return rooms.map((room) => ({ room, participant: undefined, entry: NOT_PEOPLE }))
  return entriesInto(ctx.db, ctx.org, rooms, person, ctx.now)
}

const NOT_PEOPLE: Entry = { allowed: false, reason: 'people-only', role: null }

/** Every room that the caller sees, newest start first. Cancelled ones are in calendars, so that they leave them. */
export async function seenRooms(ctx: Context, { cancelled }: { cancelled: boolean }): Promise<Seen[]> {
  const seesAll = administers(ctx.principal)
  const seen = await lookInto(ctx, await listRooms(ctx.db, ctx.org))
  return seen.filter(
    ({ room, participant }) =>
      seesAll || (isVisible(room, participant) && (cancelled || room.status !== 'cancelled')),
  )
}

export const noRoom = (id: string): never =>
  fail('not-found', {
    detail: `There is no room ${id}.`,
    errors: [{ pointer: '/roomId', message: 'unknown room' }],
  })

/** One room that the caller sees, or 404. */
export async function seenRoom(ctx: Context, id: string, lock?: 'enter'): Promise<Seen> {
  const room = (await findRoom(ctx.db, ctx.org, id, lock)) ?? noRoom(id)
  const [seen] = await lookInto(ctx, [room])
  return seen && (administers(ctx.principal) || isVisible(room, seen.participant)) ? seen : noRoom(id)
}

/** How a write shows the room it wrote: to those who administer, and as nobody at its door. */
export const asAdministrator = (ctx: Context): Looking => ({
  administers: true,
  entry: null,
  showsEvent: true,
  media: ctx.deps.config.media,
})

/** What the caller may be shown of these rooms. */
export async function shownRooms(ctx: Context, seen: readonly Seen[]): Promise<RoomView[]> {
  const isAdmin = administers(ctx.principal)
  const { media } = ctx.deps.config
  const linked = seen.flatMap(({ room }) => (room.eventId === null ? [] : [room.eventId]))
  const events = isAdmin ? undefined : await linkedEvents(ctx.db, ctx.org, linked)
  return seen.map(({ room, entry }) => {
    const showsEvent = isAdmin || events?.get(room.eventId ?? '')?.isPublic === true
    return presentRoom(room, { administers: isAdmin, entry, showsEvent, media })
  })
}
