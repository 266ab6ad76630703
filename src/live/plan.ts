import { linkable } from '../community/linkable.ts'
import { audienceOf } from '../notifications/audience.ts'
import type { Context } from '../operation/define.ts'
import type { Envelope } from '../operation/envelope.ts'
import { fail } from '../operation/errors.ts'
import type { PlanBlocker, PlanDraft } from '../operation/plan.ts'
import {
  audienceNotes,
  type Notification,
  type NotificationDetails,
  notificationArguments,
  notificationDetails,
  observedAudience,
  type PlannedNotification,
  requireDigest,
} from './notification.ts'
import {
  changedFields,
  DEFAULTS,
  type EventStatus,
  type LiveEvent,
  type NextStatus,
  NO_MESSAGES,
  REDACTED_FIELDS,
  type Room,
  readiness,
  SECRET_FIELDS,
  SETTABLE,
  type Settable,
  scheduleBlockers,
  transitionBlockers,
} from './rules.ts'
import { findRoom } from './store.ts'
import { createText, planChanges, statusText, updateSummary, updateText } from './wording.ts'

type Input = Record<string, unknown>

/** The event, or 404; locked when the plan is about to be applied. */
async function requireRoom(ctx: Context, id: string): Promise<Room> {
  const event = await findRoom(ctx.db, ctx.org, id, ctx.lock)
  return (
    event ??
    fail('not-found', {
      detail: `There is no event ${id}.`,
      errors: [{ pointer: '/eventId', message: 'unknown event' }],
    })
  )
}

/** The settable fields an input names, instants as dates; absent ones are not in it. */
export function settableOf(input: Input): Partial<Settable> {
  const named = SETTABLE.filter((field) => input[field] !== undefined)
  return Object.fromEntries(named.map((field) => [field, asStored(field, input[field])]))
}

const INSTANTS: readonly string[] = ['startsAt', 'endsAt', 'replayPublishedAt'] satisfies (keyof Settable)[]
const asStored = (field: string, value: unknown): unknown =>
  INSTANTS.includes(field) && typeof value === 'string' ? new Date(value) : value

/** Plan arguments: the fields that change, with secrets as keyed hashes, so equal effects have equal digests. */
function argumentsOf(
  ctx: Context,
  next: Settable,
  fields: readonly (keyof Settable)[],
): PlanDraft['arguments'] {
  const secrets: readonly string[] = SECRET_FIELDS
  return Object.fromEntries(
    fields.map((field) => {
      const value = next[field]
      if (secrets.includes(field) && value !== null)
        return [field, { secretHash: ctx.deps.sealing.hash(String(value)) }]
      return [field, value instanceof Date ? value.toISOString() : value]
    }),
  ) as PlanDraft['arguments']
}

const SURFACES = ['live-controls manifest', 'public live room', 'live schedule']
const REDACTIONS = [...REDACTED_FIELDS, 'admin ids', 'provider config']

export const observedOf = (event: LiveEvent): PlanDraft['observed'] => [
  { kind: 'live-event', id: event.id, version: event.version, updatedAt: event.updatedAt.toISOString() },
]

/** What a planner hands to apply: the room as it was read (and locked), and as it is to be. */
export type RoomChange = { before: Room; next: Room; notification?: PlannedNotification | undefined }

/** The title of the channel that would be linked, and what speaks against linking it. */
async function channelOf(
  ctx: Context,
  next: Settable,
  fields: readonly (keyof Settable)[],
): Promise<{ title: string | null; blockers: PlanBlocker[] } | undefined> {
  if (!fields.includes('communityChannelId')) return undefined
  if (next.communityChannelId === null) return { title: null, blockers: [] }
  const channel = await linkable(ctx, next.communityChannelId)
  return {
    title: channel.title,
    blockers: channel.problems.map((message) => ({ code: 'plan-blocked', message })),
  }
}

/** The notification that an input asks for, with everybody whom it would reach; undefined when it asks for none. */
async function notificationOf(
  ctx: Context,
  input: Input,
  next: Pick<Settable, 'title' | 'startsAt' | 'timeZone'>,
): Promise<PlannedNotification | undefined> {
  const asked = input.fanNotification as Notification | undefined
  if (!asked?.enabled) return undefined
  requireDigest(ctx, input.envelope as Envelope | undefined)
  const audience = await audienceOf(ctx)
  const details = notificationDetails(asked, next, audience)
  return details && { details, audience, startsAt: next.startsAt }
}

/** Plan of changing an existing event's schedule. Its status stays; status changes have their own write. */
export async function planUpdate(
  ctx: Context,
  eventId: string,
  input: Input,
): Promise<PlanDraft & { subject: RoomChange }> {
  const event = await requireRoom(ctx, eventId)
  const named = settableOf(input)
  const fields = changedFields(event, named)
  const channel = await channelOf(ctx, { ...event, ...named }, fields)
  const next: Room = { ...event, ...named, ...(channel ? { channelTitle: channel.title } : {}) }
  const planned = await notificationOf(ctx, input, next)
  const notification = planned?.details
  const blockers = [
    ...scheduleBlockers(next, event.status),
    ...(channel?.blockers ?? []),
    ...foreignStatus(event, input.status as EventStatus | undefined),
  ]
  if (fields.length === 0 && !notification)
    blockers.push({ code: 'plan-blocked', message: 'Nothing would change.' })
  return {
    subject: { before: event, next, notification: planned },
    target: { kind: 'live-event', id: event.id, title: event.title },
    targetSummary: updateSummary(event, next, fields),
    observed: [...observedOf(event), ...(planned ? observedAudience(planned.audience) : [])],
    arguments: {
      ...argumentsOf(ctx, next, fields),
      ...(notification ? notificationArguments(notification) : {}),
    },
    changes: planChanges(event, next, fields),
    affectedSurfaces: [...SURFACES, ...(notification ? ['follower notifications'] : [])],
    blockers,
    warnings: scheduleWarnings(ctx, event, next, notification),
    confirmationText: updateText(event, next, fields, notification !== undefined),
    details: {
      readiness: readiness(next, next.stats),
      ...(notification ? { fanNotification: notification } : {}),
    },
    redactions: REDACTIONS,
  }
}

function foreignStatus(event: LiveEvent, status: EventStatus | undefined): PlanBlocker[] {
  if (status === undefined || status === event.status) return []
  const message = `A schedule change keeps the status ${event.status}; use the status write to go to ${status}.`
  return [{ code: 'status-forbidden', message, allowed: [event.status] }]
}

function scheduleWarnings(
  ctx: Context,
  event: LiveEvent,
  next: LiveEvent,
  notification: NotificationDetails | undefined,
): string[] {
  const warnings = notification ? audienceNotes(notification) : []
  if (next.startsAt && next.startsAt < ctx.now && event.status !== 'ended')
    warnings.push('The start time is in the past.')
  if (event.status === 'live') warnings.push('The event is live now; listeners see the change at once.')
  if (event.status === 'ended' || event.status === 'cancelled') warnings.push(`The event is ${event.status}.`)
  return warnings
}

const CREATABLE = ['draft', 'scheduled', 'live'] as const

/** The room that would be, but for its id. */
export type RoomCreation = { room: Room; notification: PlannedNotification | undefined }

/** Plan of creating an event. It has no id and nothing observed yet. */
export async function planCreate(ctx: Context, input: Input): Promise<PlanDraft & { subject: RoomCreation }> {
  const status = (input.status as EventStatus | undefined) ?? 'scheduled'
  const next: Settable = { ...DEFAULTS, ...(settableOf(input) as Partial<Settable> & { title: string }) }
  const fields = SETTABLE.filter(
    (field) => field === 'title' || changedFields({ ...DEFAULTS, title: '' }, next).includes(field),
  )
  const planned = await notificationOf(ctx, input, next)
  const notification = planned?.details
  const channel = await channelOf(ctx, next, fields)
  const blockers = [...scheduleBlockers(next, status), ...(channel?.blockers ?? [])]
  if (!(CREATABLE as readonly string[]).includes(status))
    blockers.push({
      code: 'status-forbidden',
      message: `An event is not created as ${status}.`,
      allowed: [...CREATABLE],
    })
  const event = newborn(next, status, channel?.title ?? null, ctx.now)
  if (status === 'live')
    blockers.push(...transitionBlockers({ ...event, status: 'draft' }, 'live', readiness(event, event.stats)))
  const statusChange = {
    op: 'create' as const,
    pointer: '/status',
    label: 'status',
    before: null,
    after: status,
  }
  return {
    subject: { room: event, notification: planned },
    target: { kind: 'live-event', id: null, title: next.title },
    targetSummary: `Create ${next.title} as ${status}.`,
    observed: planned ? observedAudience(planned.audience) : [],
    arguments: {
      status,
      ...argumentsOf(ctx, next, fields),
      ...(notification ? notificationArguments(notification) : {}),
    },
    changes: [statusChange, ...planChanges(null, next, fields)],
    affectedSurfaces: [...SURFACES, ...(notification ? ['follower notifications'] : [])],
    blockers,
    warnings: scheduleWarnings(ctx, event, event, notification),
    confirmationText: createText(next, status, notification !== undefined),
    details: {
      readiness: readiness(event, event.stats),
      ...(notification ? { fanNotification: notification } : {}),
    },
    redactions: REDACTIONS,
  }
}

/** The room that a create would make, but for its id. */
const newborn = (next: Settable, status: EventStatus, channelTitle: string | null, now: Date): Room => ({
  ...next,
  id: '',
  status,
  version: 1,
  createdAt: now,
  updatedAt: now,
  stats: NO_MESSAGES,
  channelTitle,
})

/** Plan of one status transition. */
export async function planStatus(
  ctx: Context,
  eventId: string,
  next: NextStatus,
): Promise<PlanDraft & { subject: RoomChange }> {
  const event = await requireRoom(ctx, eventId)
  const ready = readiness(event, event.stats)
  const open = ready.checks.filter((each) => each.status !== 'pass')
  return {
    subject: { before: event, next: { ...event, status: next } },
    target: { kind: 'live-event', id: event.id, title: event.title },
    targetSummary: `Change ${event.title} from ${event.status} to ${next}.`,
    observed: observedOf(event),
    arguments: { nextStatus: next },
    changes: [{ op: 'update', pointer: '/status', label: 'status', before: event.status, after: next }],
    affectedSurfaces: [...SURFACES, ...(next === 'live' || next === 'ended' ? ['live chat'] : [])],
    blockers: transitionBlockers(event, next, ready),
    warnings: next === 'live' ? open.map((each) => each.message) : [],
    confirmationText: statusText(event.title, next),
    details: { readiness: ready },
    redactions: REDACTIONS,
  }
}
