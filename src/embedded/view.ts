import type { z } from 'zod'
import type { Entry } from './entry.ts'
import { type MediaConfig, mediaConfigured } from './media.ts'
import {
  type EmbeddedRoom,
  type Entitlement,
  isOpen,
  type Participant,
  ROOM_SECRETS,
  ROSTER_REDACTED,
} from './rules.ts'
import type { EntitlementSchema, ParticipantSchema, RoomSchema, RosterSchema } from './schema.ts'
import type { RosterStats } from './store.ts'

export type RoomView = z.input<typeof RoomSchema>
export type ParticipantView = z.input<typeof ParticipantSchema>

export const NOBODY: RosterStats = { invited: 0, joined: 0, left: 0, removed: 0, onStage: 0 }

/** Who looks: those who administer see addresses, counts of who is out, and events that are not public. */
export type Looking = {
  administers: boolean
  entry: Entry | null
  showsEvent: boolean
  media: MediaConfig | undefined
}

/** What may be shown of a room. */
export function presentRoom(room: EmbeddedRoom & { stats: RosterStats }, looking: Looking): RoomView {
  const { stats } = room
  const counted = (count: number) => (looking.administers ? count : null)
  return {
    id: room.id,
    title: room.title,
    description: room.description,
    status: room.status,
    access: room.access,
    startsAt: room.startsAt?.toISOString() ?? null,
    endsAt: room.endsAt?.toISOString() ?? null,
    timeZone: room.timeZone,
    eventId: looking.showsEvent ? room.eventId : null,
    media: {
      provider: room.mediaProvider,
      configured: mediaConfigured(room, looking.media),
      redactedFields: [...ROOM_SECRETS],
    },
    stats: {
      joined: stats.joined,
      onStage: stats.onStage,
      invited: counted(stats.invited),
      left: counted(stats.left),
      removed: counted(stats.removed),
    },
    entry: looking.entry,
    updatedAt: room.updatedAt.toISOString(),
  }
}

/** The contract's counts of rooms, over those that are shown. */
export const roomStats = (rooms: readonly RoomView[]) => {
  const inStatus = (status: RoomView['status']) => rooms.filter((room) => room.status === status).length
  return {
    totalRooms: rooms.length,
    liveRooms: inStatus('live'),
    scheduledRooms: inStatus('scheduled'),
    waitingRooms: inStatus('waiting'),
    roomsNeedingMedia: rooms.filter(({ status, media }) => isOpen(status) && !media.configured).length,
  }
}

/** Somebody on a roster; `withAddress` for those who administer, and for that very person. */
export const presentParticipant = (
  participant: Pick<
    Participant,
    'roomId' | 'email' | 'displayName' | 'role' | 'status' | 'statusAt' | 'updatedAt'
  >,
  withAddress: boolean,
): ParticipantView => ({
  roomId: participant.roomId,
  email: withAddress ? participant.email : null,
  displayName: participant.displayName,
  role: participant.role,
  status: participant.status,
  statusAt: participant.statusAt.toISOString(),
  updatedAt: participant.updatedAt.toISOString(),
})

export const presentRoster = (
  roomId: string | null,
  participants: readonly Participant[],
  withAddress: boolean,
): z.input<typeof RosterSchema> => ({
  roomId,
  participants: participants.map((each) => presentParticipant(each, withAddress)),
  redactedFields: [...ROSTER_REDACTED, ...(withAddress ? [] : (['email'] as const))],
})

export const presentEntitlement = (
  held: Pick<Entitlement, 'roomId' | 'email' | 'kind' | 'status' | 'expiresAt'>,
): z.input<typeof EntitlementSchema> => ({
  roomId: held.roomId,
  email: held.email,
  kind: held.kind,
  status: held.status,
  expiresAt: held.expiresAt?.toISOString() ?? null,
})
