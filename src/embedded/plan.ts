import { linkedEvents } from '../live/linked-events.ts'
import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { PlanDraft } from '../operation/plan.ts'
import {
  changedFields,
  type EmbeddedRoom,
  isOpen,
  ROOM_DEFAULTS,
  ROOM_SECRETS,
  roomBlockers,
  SETTABLE,
  type Settable,
} from './rules.ts'
import { noRoom } from './seen.ts'
import { findRoom, type RoomRow } from './store.ts'
import { isSecretField, roomChanges, roomCreateText, roomUpdateSummary, roomUpdateText } from './wording.ts'

type Input = Record<string, unknown>

/** The room, or 404; locked when the plan is about to be applied. */
export const requireRoom = async (ctx: Context, id: string): Promise<RoomRow> =>
  (await findRoom(ctx.db, ctx.org, id, ctx.lock ? 'change' : undefined)) ?? noRoom(id)

const INSTANTS: readonly string[] = ['startsAt', 'endsAt'] satisfies (keyof Settable)[]

/** The settable fields that an input names, instants as dates; absent ones are not in it. */
const settableOf = (input: Input): Partial<Settable> =>
  Object.fromEntries(
    SETTABLE.filter((field) => input[field] !== undefined).map((field) => {
      const value = input[field]
      return [field, INSTANTS.includes(field) && typeof value === 'string' ? new Date(value) : value]
    }),
  )

/** Plan arguments: the fields that change, with secrets as keyed hashes, so equal effects have equal digests. */
const argumentsOf = (
  ctx: Context,
  next: Settable,
  fields: readonly (keyof Settable)[],
): PlanDraft['arguments'] =>
  Object.fromEntries(
    fields.map((field) => {
      const value = next[field]
      if (isSecretField(field) && value !== null)
        return [field, { secretHash: ctx.deps.sealing.hash(String(value)) }]
      return [field, value instanceof Date ? value.toISOString() : value]
    }),
  ) as PlanDraft['arguments']

/** A live event that is named must be there; another organisation's is not. */
async function requireEvent(
  ctx: Context,
  next: Settable,
  fields: readonly (keyof Settable)[],
): Promise<void> {
  const { eventId } = next
  if (eventId === null || !fields.includes('eventId')) return
  if ((await linkedEvents(ctx.db, ctx.org, [eventId])).has(eventId)) return
  fail('not-found', {
    detail: `There is no event ${eventId}.`,
    errors: [{ pointer: '/eventId', message: 'unknown event' }],
  })
}

const SURFACES = ['embedded-rooms manifest', 'calendar of embedded rooms']
const REDACTIONS = [...ROOM_SECRETS, 'provider config']

function warningsOf(ctx: Context, next: Settable): string[] {
  const warnings: string[] = []
  if (next.startsAt && next.startsAt < ctx.now && isOpen(next.status) && next.status !== 'live')
    warnings.push('The start time is in the past.')
  if (next.mediaProvider === 'signed_token' && !ctx.deps.config.media)
    warnings.push('No media provider is configured on this server; nobody gets a media token.')
  if (next.mediaProvider === 'none' && isOpen(next.status)) warnings.push('The room has no media yet.')
  return warnings
}

/** Plan of creating a room. It has no id and nothing observed yet. */
export async function planRoomCreate(ctx: Context, input: Input): Promise<PlanDraft & { subject: Settable }> {
  const named = settableOf(input) as Partial<Settable> & Pick<Settable, 'title' | 'access'>
  const next: Settable = { ...ROOM_DEFAULTS, ...named }
  const fields = SETTABLE.filter(
    (field) =>
      ['title', 'access', 'status'].includes(field) ||
      changedFields({ ...ROOM_DEFAULTS, title: '', access: next.access }, next).includes(field),
  )
  await requireEvent(ctx, next, fields)
  return {
    subject: next,
    target: { kind: 'embedded-room', id: null, title: next.title },
    targetSummary: `Create ${next.title} as ${next.status}, open by ${next.access}.`,
    observed: [],
    arguments: argumentsOf(ctx, next, fields),
    changes: roomChanges(null, next, fields),
    affectedSurfaces: SURFACES,
    blockers: roomBlockers(null, next),
    warnings: warningsOf(ctx, next),
    confirmationText: roomCreateText(next),
    redactions: REDACTIONS,
  }
}

/** What a planner hands to apply: the room as it was read (and locked), and as it is to be. */
export type RoomChange = { before: RoomRow; next: RoomRow }

/** Plan of changing an existing room: its setup, its access, its status. */
export async function planRoomUpdate(
  ctx: Context,
  roomId: string,
  input: Input,
): Promise<PlanDraft & { subject: RoomChange }> {
  const before = await requireRoom(ctx, roomId)
  const named = settableOf(input)
  const fields = changedFields(before, named)
  const next: RoomRow = { ...before, ...named }
  await requireEvent(ctx, next, fields)
  const blockers = roomBlockers(before.status, next)
  if (fields.length === 0) blockers.push({ code: 'plan-blocked', message: 'Nothing would change.' })
  return {
    subject: { before, next },
    target: { kind: 'embedded-room', id: before.id, title: before.title },
    targetSummary: roomUpdateSummary(before, fields),
    observed: observedRoom(before),
    arguments: argumentsOf(ctx, next, fields),
    changes: roomChanges(before, next, fields),
    affectedSurfaces: SURFACES,
    blockers,
    warnings: [
      ...warningsOf(ctx, next),
      ...(before.status === 'live' ? ['The room is live now; who is in sees the change at once.'] : []),
      ...(fields.includes('access') ? ['Who came in by the access of before is asked for the new one.'] : []),
    ],
    confirmationText: roomUpdateText(before, next, fields),
    redactions: REDACTIONS,
  }
}

const observedRoom = (room: EmbeddedRoom): PlanDraft['observed'] => [
  { kind: 'embedded-room', id: room.id, version: room.version, updatedAt: room.updatedAt.toISOString() },
]
