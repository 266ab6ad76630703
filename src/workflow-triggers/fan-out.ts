import type { Principal } from '../access/principal.ts'
import { standing } from '../access/standing.ts'
import type { Transaction } from '../db/pool.ts'
import type { Deps } from '../deps.ts'
import type { JobRun, QueueJob } from '../jobs/queue.ts'
import { enqueue } from '../jobs/send.ts'
import { newId } from '../sessions/rules.ts'
import { wakeSession } from '../sessions/wake.ts'
import { DELIVER } from './deliver.ts'
import { insertDelivery } from './deliveries-store.ts'
import { FAN_OUT } from './emit.ts'
import { FAMILIES } from './families.ts'
import { payloadOf } from './payload.ts'
import { mayKnow } from './permitted.ts'
import {
  endSubscription,
  listAsking,
  lockWaitingEvent,
  noteFannedOut,
  type Subscription,
  type TriggerEvent,
} from './store.ts'

/** Makes one delivery for each subscription that asks for an event; data is {org, id}. */
export const fanOutJob: QueueJob = {
  name: FAN_OUT,
  attempts: 10,
  expireInSeconds: 300,
  concurrency: 2,
  run: fanOut,
}

/** In one transaction with the sessions that it opens, so that a crash leaves all of it or nothing. */
export async function fanOut(deps: Deps, { data }: Pick<JobRun, 'data'>): Promise<void> {
  const { org, id } = data as { org: string; id: string }
  const woken = await deps.db.transaction(async (tx) => {
    const event = await lockWaitingEvent(tx, org, id)
    if (!event) return []
    const sessions: string[] = []
    for (const subscription of await listAsking(tx, org, event.family)) {
      const sessionId = await tell(deps, tx, subscription, event)
      if (sessionId !== null) sessions.push(sessionId)
    }
    await noteFannedOut(tx, org, id, deps.clock())
    return sessions
  })
  for (const sessionId of woken) deps.feed.poke(org, `session/${sessionId}`)
}

/** Answers the session that was opened or written into. */
async function tell(
  deps: Deps,
  tx: Transaction,
  subscription: Subscription,
  event: TriggerEvent,
): Promise<string | null> {
  const now = deps.clock()
  const { org } = subscription
  const principal = await subscriber(tx, subscription, now)
  if (!principal) {
    await endSubscription(tx, org, subscription.id, { status: 'disabled', reason: 'not-permitted', now })
    return null
  }
  if (!(await mayKnow(tx, principal, event))) return null
  const deliveryId = newId('delivery')
  const sessionId = await wake(deps, tx, principal, subscription, event)
  const { sessionMode } = subscription
  const session =
    sessionId === null
      ? null
      : { id: sessionId, mode: sessionMode === 'open' ? ('opened' as const) : ('resumed' as const) }
  const body = JSON.stringify(payloadOf({ ...event, org, deliveryId, session, origin: deps.access.origin() }))
  await insertDelivery(tx, {
    ...{ org, id: deliveryId, subscriptionId: subscription.id, eventId: event.id, family: event.family },
    ...{ body, sessionId, createdAt: now },
  })
  await enqueue(tx, DELIVER, { org, id: deliveryId, attempt: 0 })
  return sessionId
}

/** Whoever subscribed, with what was allowed then and still is. */
export const subscriber = (
  db: Transaction | Deps['db'],
  { org, principalId, scopes }: Subscription,
  now: Date,
): Promise<Principal | undefined> => standing(db, org, { id: principalId, scopes }, now)

async function wake(
  deps: Deps,
  tx: Transaction,
  principal: Principal,
  { sessionMode, sessionWorkflow, sessionId }: Subscription,
  event: TriggerEvent,
): Promise<string | null> {
  if (sessionMode === 'none') return null
  const session =
    sessionMode === 'open'
      ? { mode: 'open' as const, workflow: sessionWorkflow ?? event.family }
      : { mode: 'resume' as const, id: sessionId ?? '' }
  const { title } = FAMILIES[event.family]
  const summary = `${title}: ${event.subject.title} (${event.id}). Read the current manifest.`
  return wakeSession(deps, tx, {
    principal,
    session,
    title,
    summary,
    requestId: `job:${FAN_OUT}:${event.id}`,
  })
}
