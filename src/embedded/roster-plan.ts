import type { Context } from '../operation/define.ts'
import type { PlanDraft } from '../operation/plan.ts'
import { requireRoom } from './plan.ts'
import {
  type EmbeddedRoom,
  type Entitlement,
  type EntitlementKind,
  newMediaParticipantId,
  type Participant,
  ROSTER_REDACTED,
  type RosterEntry,
  rosterBlockers,
  rosterChange,
  wayAfter,
} from './rules.ts'
import { findEntitlement, findParticipant } from './store.ts'
import { rosterChanges, rosterSummary, rosterText } from './wording.ts'

export type RosterInput = RosterEntry & { roomId: string; email: string }

/** What a planner hands to apply: the entry as it was read (and locked), if there was one, and as it is to be. */
export type RosterSubject = {
  room: EmbeddedRoom
  before: Participant | undefined
  next: Omit<Participant, 'statusAt' | 'createdAt' | 'updatedAt'>
}

const SURFACES = ['embedded-room roster', 'who may enter the room and its live event']

/** Plan of one roster write. The room's row is locked, so that nobody comes in meanwhile. */
export async function planRoster(
  ctx: Context,
  input: RosterInput,
): Promise<PlanDraft & { subject: RosterSubject }> {
  const room = await requireRoom(ctx, input.roomId)
  const email = input.email.toLowerCase()
  const before = await findParticipant(ctx.db, ctx.org, room.id, email, ctx.lock)
  const { displayName, role, status } = input
  const entry = { email, displayName, role, status }
  const change = rosterChange(before, entry)
  return {
    subject: { room, before, next: nextEntry(room, before, entry) },
    target: { kind: 'embedded-room', id: room.id, title: room.title },
    targetSummary: rosterSummary(room.title, entry, change),
    observed: before ? [observedParticipant(before)] : [],
    arguments: entry,
    changes: rosterChanges(before, entry),
    affectedSurfaces: SURFACES,
    blockers: rosterBlockers(room, before, entry),
    warnings: rosterWarnings(ctx, room, before, entry),
    confirmationText: rosterText(room.title, entry, change),
    details: { change },
    redactions: [...ROSTER_REDACTED],
  }
}

const nextEntry = (
  room: EmbeddedRoom,
  before: Participant | undefined,
  entry: RosterEntry & { email: string },
): RosterSubject['next'] => ({
  roomId: room.id,
  ...entry,
  way: wayAfter(before?.way ?? null, entry, room.access),
  userId: before?.userId ?? null,
  mediaParticipantId: before?.mediaParticipantId ?? newMediaParticipantId(),
  version: before?.version ?? 0,
})

const observedParticipant = ({ roomId, email, version, updatedAt }: Participant) => ({
  kind: 'embedded-room-participant',
  id: `${roomId}/${email}`,
  version,
  updatedAt: updatedAt.toISOString(),
})

function rosterWarnings(
  ctx: Context,
  room: EmbeddedRoom,
  before: Participant | undefined,
  next: RosterEntry,
): string[] {
  const warnings: string[] = []
  if (room.status === 'live') warnings.push('The room is live; the change is in force at once.')
  if (before?.status === 'removed' && next.status !== 'removed')
    warnings.push('This lets in again somebody who was removed.')
  if (next.status === 'removed' && room.access === 'public')
    warnings.push('The room is public: the account stays out, a guest without an account is not known.')
  if (next.status === 'removed' && room.mediaProvider !== 'none' && ctx.deps.config.media)
    warnings.push(
      'A media connection that is open stays until the media provider ends it; no new one is given.',
    )
  return warnings
}

export type EntitlementInput = {
  roomId: string
  email: string
  kind: EntitlementKind
  status: Entitlement['status']
  expiresAt?: string | undefined
}

export type EntitlementSubject = {
  before: Entitlement | undefined
  next: Pick<Entitlement, 'roomId' | 'kind' | 'email' | 'status' | 'expiresAt'>
}

/** Plan of recording that somebody holds, or no longer holds, what lets people into a room. */
export async function planEntitlement(
  ctx: Context,
  input: EntitlementInput,
): Promise<PlanDraft & { subject: EntitlementSubject }> {
  const room = await requireRoom(ctx, input.roomId)
  const { kind, status } = input
  const email = input.email.toLowerCase()
  const expiresAt = input.expiresAt ? new Date(input.expiresAt) : null
  const before = await findEntitlement(ctx.db, ctx.org, { roomId: room.id, kind, email }, ctx.lock)
  const until = expiresAt ? ` until ${expiresAt.toISOString()}` : ''
  const isSame = before?.status === status && before.expiresAt?.getTime() === expiresAt?.getTime()
  const doing = status === 'granted' ? 'granting' : 'revoking'
  return {
    subject: { before, next: { roomId: room.id, kind, email, status, expiresAt } },
    target: { kind: 'embedded-room', id: room.id, title: room.title },
    targetSummary: `Record that the ${kind} of ${email} for ${room.title} is ${status}${until}.`,
    observed: before
      ? [
          {
            kind: 'embedded-room-entitlement',
            id: `${room.id}/${kind}/${email}`,
            version: before.version,
            updatedAt: before.updatedAt.toISOString(),
          },
        ]
      : [],
    arguments: { kind, email, status, expiresAt: expiresAt?.toISOString() ?? null },
    changes: [
      {
        op: before ? 'update' : 'create',
        pointer: '/status',
        label: kind,
        before: before?.status ?? null,
        after: status,
      },
      {
        op: before ? 'update' : 'create',
        pointer: '/expiresAt',
        label: 'end',
        before: before?.expiresAt?.toISOString() ?? null,
        after: expiresAt?.toISOString() ?? null,
      },
    ],
    affectedSurfaces: SURFACES,
    blockers: isSame ? [{ code: 'plan-blocked', message: 'Nothing would change.' }] : [],
    warnings:
      room.access === kind ? [] : [`The room is open by ${room.access}; a ${kind} alone does not let in.`],
    confirmationText: `I confirm ${doing} the ${kind} of ${room.title} to ${email}${until}.`,
    redactions: [...ROSTER_REDACTED],
  }
}
