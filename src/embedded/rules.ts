import { randomBytes } from 'node:crypto'
import type { PlanBlocker } from '../operation/plan.ts'
import { slugId } from '../slug.ts'

export const ROOM_STATUSES = ['waiting', 'scheduled', 'live', 'ended', 'cancelled'] as const
export type RoomStatus = (typeof ROOM_STATUSES)[number]
export const ACCESS = ['purchase', 'membership', 'invite', 'public'] as const
export type RoomAccess = (typeof ACCESS)[number]
export const MEDIA_PROVIDERS = ['none', 'signed_token', 'external_url'] as const
export type MediaProviderName = (typeof MEDIA_PROVIDERS)[number]
export const ROLES = ['host', 'co_host', 'attendee', 'stage_guest'] as const
export type Role = (typeof ROLES)[number]
export const PARTICIPANT_STATUSES = ['invited', 'joined', 'left', 'removed'] as const
export type ParticipantStatus = (typeof PARTICIPANT_STATUSES)[number]
export const ENTITLEMENT_KINDS = ['purchase', 'membership'] as const
export type EntitlementKind = (typeof ENTITLEMENT_KINDS)[number]

/** How somebody came into a room. Only an invitation lets in again by itself; the others are looked at each time. */
export type Way = RoomAccess | 'administers'

/** Who is seen and heard by the whole room. */
export const ON_STAGE: readonly Role[] = ['host', 'co_host', 'stage_guest']

/** Of a room: set for the media provider, never shown. */
export const ROOM_SECRETS = ['mediaRoomId', 'mediaPresetName', 'mediaJoinUrl'] as const
/** Of participants, in the contract's words: never shown. */
export const ROSTER_REDACTED = [
  'userId',
  'mediaParticipantId',
  'mediaRoomId',
  'mediaPresetName',
  'mediaTokenRefreshedAt',
] as const

export type EmbeddedRoom = {
  id: string
  title: string
  description: string | null
  status: RoomStatus
  access: RoomAccess
  startsAt: Date | null
  endsAt: Date | null
  timeZone: string
  eventId: string | null
  mediaProvider: MediaProviderName
  mediaRoomId: string | null
  mediaPresetName: string | null
  mediaJoinUrl: string | null
  version: number
  createdAt: Date
  updatedAt: Date
}

export type Participant = {
  roomId: string
  email: string
  displayName: string
  userId: string | null
  role: Role
  status: ParticipantStatus
  way: Way
  mediaParticipantId: string
  /** When the status last changed, by whomever; `updatedAt` is of the last roster write. */
  statusAt: Date
  version: number
  createdAt: Date
  updatedAt: Date
}

export type Entitlement = {
  roomId: string
  kind: EntitlementKind
  email: string
  status: 'granted' | 'revoked'
  expiresAt: Date | null
  version: number
  createdAt: Date
  updatedAt: Date
}

export type Settable = Omit<EmbeddedRoom, 'id' | 'version' | 'createdAt' | 'updatedAt'>

export const ROOM_DEFAULTS: Omit<Settable, 'title' | 'access'> = {
  description: null,
  status: 'waiting',
  startsAt: null,
  endsAt: null,
  timeZone: 'UTC',
  eventId: null,
  mediaProvider: 'none',
  mediaRoomId: null,
  mediaPresetName: null,
  mediaJoinUrl: null,
}
export const SETTABLE = ['title', 'access', ...Object.keys(ROOM_DEFAULTS)] as (keyof Settable)[]

/** From where to where a room may go. `ended` is final; a cancelled one may be set up again. */
export const TRANSITIONS: Record<RoomStatus, readonly RoomStatus[]> = {
  waiting: ['scheduled', 'live', 'cancelled'],
  scheduled: ['waiting', 'live', 'cancelled'],
  live: ['ended', 'cancelled'],
  cancelled: ['waiting', 'scheduled'],
  ended: [],
}
const CREATABLE: readonly RoomStatus[] = ['waiting', 'scheduled', 'live']

/** Whether somebody may come in at all now, whoever it is. */
export const isOpen = (status: RoomStatus): boolean => status !== 'ended' && status !== 'cancelled'

export const newRoomId = (title: string): string => slugId(title, 'room')

/** 96 random bits: who a participant is to the media provider. */
export const newMediaParticipantId = (): string => `participant_${randomBytes(12).toString('hex')}`

const comparable = (value: unknown): unknown =>
  value instanceof Date ? value.toISOString() : (value ?? null)

/** The fields of `next` that differ from the room. Equal values are no change, whether sent or not. */
export const changedFields = (before: Settable, next: Partial<Settable>): (keyof Settable)[] =>
  SETTABLE.filter(
    (field) => next[field] !== undefined && comparable(next[field]) !== comparable(before[field]),
  )

/** Problems of a room's setup that no confirmation can heal. `before` is null for a new room. */
export function roomBlockers(before: RoomStatus | null, next: Settable): PlanBlocker[] {
  const blockers: PlanBlocker[] = []
  const block = (message: string) => blockers.push({ code: 'plan-blocked', message })
  if (next.startsAt && next.endsAt && next.endsAt <= next.startsAt) block('The end is not after the start.')
  if (next.status === 'scheduled' && !next.startsAt) block('A scheduled room needs a start time.')
  if (next.mediaProvider === 'external_url' && !next.mediaJoinUrl)
    block('The media provider external_url needs a mediaJoinUrl.')
  const allowed = [...(before === null ? CREATABLE : TRANSITIONS[before])]
  if (before !== next.status && !allowed.includes(next.status))
    blockers.push({
      code: 'status-forbidden',
      message:
        before === null
          ? `A room is not created as ${next.status}.`
          : `The room is ${before} and may go ${allowed.length > 0 ? `only to ${allowed.join(' or ')}` : 'nowhere: this is final'}.`,
      allowed,
    })
  return blockers
}

export type RosterEntry = Pick<Participant, 'displayName' | 'role' | 'status'>

/** The way of somebody whom a roster write names: to invite somebody, or to put on stage, is to let in. */
export function wayAfter(before: Way | null, next: RosterEntry, access: RoomAccess): Way {
  const invites = next.status === 'invited' || (next.status !== 'removed' && next.role !== 'attendee')
  if (invites) return 'invite'
  if (before !== null) return before
  return next.status === 'removed' ? access : 'invite'
}

/** What a roster write does, as the audit names it. */
export type RosterChange =
  | 'participant_invite'
  | 'participant_remove'
  | 'participant_restore'
  | 'participant_role_change'
  | 'participant_update'

export function rosterChange(before: RosterEntry | undefined, next: RosterEntry): RosterChange {
  if (next.status === 'removed') return 'participant_remove'
  if (!before) return 'participant_invite'
  if (before.status === 'removed') return 'participant_restore'
  return before.role === next.role ? 'participant_update' : 'participant_role_change'
}

/** Why a roster write may not be: it changes nothing, or lets into what is over. */
export function rosterBlockers(
  room: Pick<EmbeddedRoom, 'title' | 'status'>,
  before: RosterEntry | undefined,
  next: RosterEntry,
): PlanBlocker[] {
  const block = (message: string): PlanBlocker[] => [{ code: 'plan-blocked', message }]
  if (!before && next.status === 'left') return block('Who was never in the room cannot have left it.')
  const same =
    before?.displayName === next.displayName && before.role === next.role && before.status === next.status
  if (same) return block('Nothing would change.')
  if (!isOpen(room.status) && (next.status === 'invited' || next.status === 'joined'))
    return block(`${room.title} is ${room.status}; nobody is let in any more.`)
  return []
}

/** Whether a caller who does not administer learns of a room: one by invitation is known to who is on its roster. */
export const isVisible = (
  room: Pick<EmbeddedRoom, 'access'>,
  participant: Pick<Participant, 'status'> | undefined,
): boolean => room.access !== 'invite' || (participant !== undefined && participant.status !== 'removed')

/** Whether people of this role get media now: who is on stage before it is live too, to set up. */
export const hasMedia = (status: RoomStatus, role: Role): boolean =>
  status === 'live' || (isOpen(status) && ON_STAGE.includes(role))
