import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { Plan } from '../operation/plan.ts'
import { logEvent } from '../sync-feeds/work-log/write.ts'
import type { RoomChange } from './plan.ts'
import { tellRoom } from './room/tell.ts'
import { newEventId, type Room } from './rules.ts'
import { insertEvent, updateEvent } from './store.ts'
import { tellReadiness } from './tell-readiness.ts'
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
