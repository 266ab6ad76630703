import type { Context } from '../operation/define.ts'
import { emitTrigger } from '../workflow-triggers/emit.ts'
import { type Room, readiness } from './rules.ts'

/** Wakes whoever subscribed to it, when the event’s readiness or its status changed; in the transaction that did it. */
export async function tellReadiness(ctx: Context, before: Room, next: Room): Promise<void> {
  const was = readiness(before, before.stats).state
  const is = readiness(next, next.stats).state
  if (was === is && before.status === next.status) return
  await emitTrigger(ctx.db, {
    ...{ org: ctx.org, family: 'live.readiness.changed', at: ctx.now },
    subject: { kind: 'live-event', id: next.id, title: next.title },
    data: { eventId: next.id, before: was, after: is, statusBefore: before.status, statusAfter: next.status },
  })
}
