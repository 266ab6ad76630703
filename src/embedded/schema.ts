import { z } from 'zod'
import { DateTime, EventId, TimeZone } from '../live/schema.ts'
import { PlanSchema } from '../operation/plan.ts'
import { secret } from '../operation/redact.ts'
import { ENTRY_REASONS } from './entry.ts'
import {
  ACCESS,
  ENTITLEMENT_KINDS,
  MEDIA_PROVIDERS,
  PARTICIPANT_STATUSES,
  ROLES,
  ROOM_SECRETS,
  ROOM_STATUSES,
  ROSTER_REDACTED,
} from './rules.ts'

export const RoomId = z.string().min(1).max(180)
export const Email = z.email().max(240)

/** The contract's fields of a roster write. */
export const rosterFields = {
  roomId: RoomId,
  email: Email,
  displayName: z.string().trim().min(1).max(160),
  role: z.enum(ROLES),
  status: z.enum(PARTICIPANT_STATUSES),
}

export const entitlementFields = {
  roomId: RoomId,
  email: Email,
  kind: z.enum(ENTITLEMENT_KINDS),
  status: z.enum(['granted', 'revoked']),
  expiresAt: DateTime.optional().describe('When it ends by itself; without end if left out'),
}

const Link = z.url({ protocol: /^https$/, hostname: z.regexes.hostname }).max(2000)
const handle = z.string().min(1).max(180)

/** The settable fields of a room, all optional: left out they stay (or are the defaults), null clears. */
export const roomFields = {
  description: z.string().max(1200).nullable().optional(),
  status: z.enum(ROOM_STATUSES).optional(),
  startsAt: DateTime.nullable().optional(),
  endsAt: DateTime.nullable().optional(),
  timeZone: TimeZone.optional().describe('Zone that times are shown and confirmed in'),
  eventId: EventId.nullable().optional().describe('Live event whose listeners enter by this room’s rules'),
  mediaProvider: z.enum(MEDIA_PROVIDERS).optional(),
  mediaRoomId: secret(handle).nullable().optional(),
  mediaPresetName: secret(handle).nullable().optional(),
  mediaJoinUrl: secret(Link).nullable().optional().describe('For the media provider external_url'),
}
export const Title = z.string().trim().min(1).max(180)
export const Access = z.enum(ACCESS)

const Instant = z.string().nullable()
const Count = z.number().int()

/** What the rules say to one caller: whether the caller may enter, why, and as what. */
export const EntrySchema = z.object({
  allowed: z.boolean(),
  reason: z.enum(ENTRY_REASONS),
  role: z.enum(ROLES).nullable(),
})

/** A room as anybody sees it: its media setup only as booleans. Counts of who is out are for those who administer. */
export const RoomSchema = z.object({
  id: z.string(),
  title: z.string(),
  description: z.string().nullable(),
  status: z.enum(ROOM_STATUSES),
  access: Access,
  startsAt: Instant,
  endsAt: Instant,
  timeZone: z.string(),
  eventId: z.string().nullable(),
  media: z.object({
    provider: z.enum(MEDIA_PROVIDERS),
    configured: z.boolean(),
    redactedFields: z.array(z.enum(ROOM_SECRETS)),
  }),
  stats: z.object({
    joined: Count,
    onStage: Count,
    invited: Count.nullable(),
    left: Count.nullable(),
    removed: Count.nullable(),
  }),
  entry: EntrySchema.nullable(),
  updatedAt: z.string(),
})

/** Somebody on a roster. The e-mail address is for those who administer, and for that very person. */
export const ParticipantSchema = z.object({
  roomId: z.string(),
  email: z.string().nullable(),
  displayName: z.string(),
  role: z.enum(ROLES),
  status: z.enum(PARTICIPANT_STATUSES),
  statusAt: z.string().describe('When the status last changed, by whomever'),
  updatedAt: z.string().describe('Of the last roster write: what observedParticipantUpdatedAt names'),
})

export const RosterSchema = z.object({
  roomId: z.string().nullable(),
  participants: z.array(ParticipantSchema),
  redactedFields: z.array(z.enum([...ROSTER_REDACTED, 'email'])),
})

export const EntitlementSchema = z.object({
  roomId: z.string(),
  email: z.string(),
  kind: z.enum(ENTITLEMENT_KINDS),
  status: z.enum(['granted', 'revoked']),
  expiresAt: Instant,
})

const applied = { ok: z.literal(true), mode: z.enum(['applied', 'preview']), plan: PlanSchema }

/** Answers of confirmed writes: the plan that was applied and what is there now; in preview mode the plan alone. */
export const RoomWriteOutput = z.object({ ...applied, room: RoomSchema.optional() })
export const RosterWriteOutput = z.object({ ...applied, participant: ParticipantSchema.optional() })
export const EntitlementWriteOutput = z.object({ ...applied, entitlement: EntitlementSchema.optional() })
