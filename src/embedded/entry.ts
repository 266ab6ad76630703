import { emailOfUser } from '../access/users.ts'
import type { Queryable } from '../db/pool.ts'
import type { EmbeddedRoom, Entitlement, Participant, Role } from './rules.ts'
import { entitlementsOf, participantsOf, roomsOfEvent } from './store.ts'

/** Why somebody is let in, or is not. */
export const ENTRY_REASONS = [
  'no-room',
  'removed',
  'roster',
  'administers',
  'public',
  'purchase',
  'membership',
  'purchase-required',
  'membership-required',
  'not-invited',
  'people-only',
] as const
export type EntryReason = (typeof ENTRY_REASONS)[number]

export type Entry = { allowed: boolean; reason: EntryReason; role: Role | null }

/** Somebody at the door; a guest has neither. `administers`: an owner or admin of the organisation, in person. */
export type Person = { userId: string | null; email: string | null; administers?: boolean }

type Roster = Pick<Participant, 'role' | 'status' | 'way'>
type Held = Pick<Entitlement, 'kind' | 'status' | 'expiresAt'>

const denied = (reason: EntryReason): Entry => ({ allowed: false, reason, role: null })

/**
 * Whether somebody may enter a room, and as what. Removal comes before everything else: neither purchase, membership,
 * invitation, public access nor administering lets a removed person in. Whether the room is open yet, or over, is not
 * asked here.
 */
export function entryOf(
  room: Pick<EmbeddedRoom, 'access'>,
  participant: Roster | undefined,
  entitlements: readonly Held[],
  { now, administers = false }: { now: Date; administers?: boolean },
): Entry {
  if (participant?.status === 'removed') return denied('removed')
  if (participant?.way === 'invite') return { allowed: true, reason: 'roster', role: participant.role }
  if (administers) return { allowed: true, reason: 'administers', role: participant?.role ?? 'host' }
  const { access } = room
  const asAttendee = (reason: EntryReason): Entry => ({
    allowed: true,
    reason,
    role: participant?.role ?? 'attendee',
  })
  if (access === 'public') return asAttendee('public')
  if (access === 'invite') return denied('not-invited')
  return entitlements.some((held) => held.kind === access && isGood(held, now))
    ? asAttendee(access)
    : denied(`${access}-required`)
}

const isGood = ({ status, expiresAt }: Held, now: Date): boolean =>
  status === 'granted' && (expiresAt === null || expiresAt > now)

/** Who is more, where somebody enters by several rooms at once. */
const RANK: Record<Role, number> = { host: 3, co_host: 2, stage_guest: 1, attendee: 0 }

/** One answer for several rooms of one event: removed from one is out of all, else any room that lets in does. */
export function entryOfAll(entries: readonly Entry[]): Entry {
  const removed = entries.find(({ reason }) => reason === 'removed')
  if (removed) return removed
  const [best] = entries
    .filter(({ allowed }) => allowed)
    .sort((one, other) => RANK[other.role ?? 'attendee'] - RANK[one.role ?? 'attendee'])
  return best ?? entries[0] ?? { allowed: true, reason: 'no-room', role: null }
}

/** The e-mail address people are on rosters by, lower case: the account's own, also where a key acts for it. */
export async function addressOf(db: Queryable, person: Person): Promise<string | null> {
  const email = person.email ?? (person.userId === null ? null : await emailOfUser(db, person.userId))
  return email?.toLowerCase() ?? null
}

/** The entries of a person into these rooms, and what the roster says of that person there. */
export async function entriesInto<R extends Pick<EmbeddedRoom, 'id' | 'access'>>(
  db: Queryable,
  org: string,
  rooms: readonly R[],
  person: Person,
  now: Date,
): Promise<{ room: R; participant: Participant | undefined; entry: Entry }[]> {
  const ids = rooms.map(({ id }) => id)
  const email = await addressOf(db, person)
  const known = email !== null && ids.length > 0
  const [participants, entitlements] = known
    ? [
        await participantsOf(db, org, ids, { email, userId: person.userId }),
        await entitlementsOf(db, org, ids, email),
      ]
    : [[], []]
  return rooms.map((room) => {
    const participant = strictest(participants.filter(({ roomId }) => roomId === room.id))
    const held = entitlements.filter(({ roomId }) => roomId === room.id)
    const entry = entryOf(room, participant, held, { now, administers: person.administers === true })
    return { room, participant, entry }
  })
}

/** An account whose address changed may be on a roster twice: a removal under either counts. */
const strictest = (found: readonly Participant[]): Participant | undefined =>
  found.find(({ status }) => status === 'removed') ?? found[0]

/**
 * Whether a person may enter a live event, by the embedded rooms that are linked to it. Without one: allowed, as
 * nobody in particular (role null).
 */
export async function entryFor(
  db: Queryable,
  org: string,
  eventId: string,
  person: Person,
  now: Date = new Date(),
): Promise<Entry> {
  const rooms = await roomsOfEvent(db, org, eventId)
  if (rooms.length === 0) return entryOfAll([])
  const entries = await entriesInto(db, org, rooms, person, now)
  return entryOfAll(entries.map(({ entry }) => entry))
}
