import type { Deps } from '../deps.ts'
import { enqueue } from '../jobs/send.ts'
import { DELIVER } from './deliver.ts'
import { dropEnded, listStandingDeliveries, touchDelivery } from './deliveries-store.ts'
import { FAN_OUT } from './emit.ts'
import { listWaitingEvents } from './store.ts'

/** By then a process that works on one has ended its attempt. */
const STANDS_MS = 60_000
const AT_ONCE = 500

/** Takes up what lost its job, and deliveries of subscriptions that were paused. */
export async function resumeTriggers(deps: Deps): Promise<void> {
  const now = deps.clock()
  const before = new Date(now.getTime() - STANDS_MS)
  for (const event of await listWaitingEvents(deps.db, { before, limit: AT_ONCE }))
    await enqueue(deps.db, FAN_OUT, event)
  for (const { org, id, attempt } of await listStandingDeliveries(deps.db, { before, limit: AT_ONCE }))
    await deps.db.transaction(async (tx) => {
      await touchDelivery(tx, org, id, now)
      await enqueue(tx, DELIVER, { org, id, attempt })
    })
}

const KEPT_MS = 30 * 86_400_000

/** Forgets what ended a month ago. */
export async function forgetTriggers(deps: Deps): Promise<void> {
  const dropped = await dropEnded(deps.db, new Date(deps.clock().getTime() - KEPT_MS))
  if (dropped > 0) deps.log.info({ dropped }, 'ended deliveries of triggers removed')
}
