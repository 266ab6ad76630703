import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { Plan } from '../operation/plan.ts'
import { logEvent } from '../sync-feeds/work-log/write.ts'
import { emitTrigger } from '../workflow-triggers/emit.ts'
import type { RoomChange } from './plan.ts'
import { tellRoom } from './room/tell.ts'
import { newEventId, type Room, readiness } from './rules.ts'
import { insertEvent, updateEvent } from './store.ts'
import { type EventView, presentEvent } from './view.ts'

/** Writes a planned room under an id of its own; answers it as it is shown. */
export async function createRoom(ctx: Context, planned: Room): Promise<EventView> {
  const room = { ...planned, id: newEventId(planned.title) }
  await insertEvent(ctx.db, ctx.org, room)
  await logEvent(ctx, room)
  return presentEvent(room, true)
}

/**
 * Writes a planned change of a room where it still has the version that was read, and tells the room and the
 * public work log of it; answers both states, redacted.
 */
export async function applyChange(
  ctx: Context,
  plan: Plan,
  { before, next }: RoomChange,
): Promise<{ previous: EventView; event: EventView }> {
  const moved = await updateEvent(ctx.db, ctx.org, next, ctx.now)
  if (!moved) fail('stale', { detail: `${before.title} changed meanwhile.`, extra: { plan } })
  await tellRoom(ctx, before, next)
  await logEvent(ctx, next)
  await tellReadiness(ctx, before, next)
  return { previous: presentEvent(before, true), event: presentEvent({ ...next, ...moved }, true) }
}

/** Wakes whoever subscribed to it, when the event’s readiness or its status changed. */
async function tellReadiness(ctx: Context, before: Room, next: Room): Promise<void> {
  const was = readiness(before, before.stats).state
  const is = readiness(next, next.stats).state
  if (was === is && before.status === next.status) return
  await emitTrigger(ctx.db, {
    ...{ org: ctx.org, family: 'live.readiness.changed', at: ctx.now },
    subject: { kind: 'live-event', id: next.id, title: next.title },
    data: { eventId: next.id, before: was, after: is, statusBefore: before.status, statusAfter: next.status },
  })
}
