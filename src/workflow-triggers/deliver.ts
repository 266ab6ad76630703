import { standing } from '../access/standing.ts'
import type { Queryable, Transaction } from '../db/pool.ts'
import type { Deps } from '../deps.ts'
import type { JobRun, QueueJob } from '../jobs/queue.ts'
import { enqueue } from '../jobs/send.ts'
import {
  claimDelivery,
  type Delivery,
  findDelivery,
  recordAttempt,
  touchDelivery,
} from './deliveries-store.ts'
import { missingScope } from './permitted.ts'
import { nextAttempt } from './rules.ts'
import { type Sent, send } from './send.ts'
import { endSubscription, findSubscription, noteFailing, type Subscription } from './store.ts'

export const DELIVER = 'workflow-triggers.deliver'
const DELIVER_FAILING = 'workflow-triggers.deliver-failing'

/** Nobody else tries meanwhile: the 15 s of an attempt, and time to record it. */
const CLAIM_MS = 30_000
/** Of one subscription in a process at once, so that one slow receiver leaves places for others. */
const AT_ONCE = 4
const underWay = new Map<string, number>()

const job = (name: string, concurrency: number, run: QueueJob['run']): QueueJob => ({
  name,
  attempts: 20,
  expireInSeconds: 120,
  concurrency,
  run,
})

/** Attempts at receivers that answer; data is {org, id, attempt}. */
export const deliverJob = job(DELIVER, 16, (deps, run) => deliver(deps, run, 'fast'))
/** Attempts at receivers that fail or are slow, which wait for each other only. */
export const deliverFailingJob = job(DELIVER_FAILING, 16, (deps, run) => deliver(deps, run, 'failing'))

/**
 * One attempt at one delivery. What a crash leaves without a record is tried again under the same id. `attempt` is how
 * many there were when it was asked for: of two jobs for the same one only one does it.
 */
export async function deliver(
  deps: Deps,
  { data, signal }: Pick<JobRun, 'data' | 'signal'>,
  lane: 'fast' | 'failing' = 'fast',
): Promise<void> {
  const { org, id, attempt } = data as { org: string; id: string; attempt: number }
  const seen = await findDelivery(deps.db, org, id)
  if (seen?.status !== 'pending' || seen.attempts !== attempt) return
  const subscription = await findSubscription(deps.db, org, seen.subscriptionId)
  // a paused one is taken up by the clock once it is active again
  if (subscription?.status !== 'active') return
  const now = deps.clock()
  if (seen.nextAt > now) {
    await enqueue(deps.db, laneOf(subscription), { org, id, attempt }, { startAfter: seen.nextAt })
    return
  }
  const key = `${org}/${subscription.id}`
  const busy = (underWay.get(key) ?? 0) >= AT_ONCE
  if (lane === 'fast' && (busy || subscription.failingSince)) {
    await enqueue(deps.db, DELIVER_FAILING, { org, id, attempt })
    return
  }
  const until = new Date(now.getTime() + CLAIM_MS)
  // at once with the look at it, since others look while the claim is under way
  underWay.set(key, (underWay.get(key) ?? 0) + 1)
  try {
    const delivery = await claimDelivery(deps.db, org, id, { attempts: attempt, now, until })
    if (delivery) await attemptAt(deps, delivery, subscription, signal)
  } finally {
    const rest = (underWay.get(key) ?? 1) - 1
    if (rest > 0) underWay.set(key, rest)
    else underWay.delete(key)
  }
}

const laneOf = ({ failingSince }: Subscription): string => (failingSince ? DELIVER_FAILING : DELIVER)

async function attemptAt(
  deps: Deps,
  delivery: Delivery,
  subscription: Subscription,
  signal: AbortSignal,
): Promise<void> {
  const at = deps.clock()
  const began = performance.now()
  const { org } = delivery
  if (!(await permitted(deps, delivery, subscription))) {
    const reason = 'not-permitted'
    await deps.db.transaction((tx) =>
      endSubscription(tx, org, subscription.id, { status: 'disabled', reason, now: at }),
    )
    return
  }
  const sent = await send(deps, subscription, delivery, signal)
  const durationMs = Math.round(performance.now() - began)
  await deps.db.transaction((tx) => settle(deps, tx, delivery, { ...sent, at, durationMs }))
}

/** Credentials that were revoked or expired, and scopes that were taken away, end the subscription. */
async function permitted(deps: Deps, { family }: Delivery, subscription: Subscription): Promise<boolean> {
  const { org, principalId, scopes } = subscription
  const principal = await standing(deps.db, org, { id: principalId, scopes }, deps.clock())
  return principal !== undefined && missingScope(principal, family) === undefined
}

async function settle(
  deps: Deps,
  tx: Transaction,
  delivery: Delivery,
  sent: Sent & { at: Date; durationMs: number },
): Promise<void> {
  const { org, id, subscriptionId } = delivery
  const now = deps.clock()
  // before the delivery, as whoever ends a subscription locks them
  await findSubscription(tx, org, subscriptionId, true)
  const next = nextAfter(deps, delivery, sent, now)
  const status = sent.outcome === 'delivered' ? 'delivered' : next ? 'pending' : 'dead'
  const recorded = await recordAttempt(tx, delivery, { ...sent, status, nextAt: next ?? now })
  if (!recorded) return
  if (sent.outcome === 'gone') {
    await endSubscription(tx, org, subscriptionId, { status: 'disabled', reason: 'gone', now })
    return
  }
  await noteFailing(tx, org, subscriptionId, sent.outcome === 'delivered' ? null : now)
  const again = { org, id, attempt: delivery.attempts + 1 }
  if (next) await enqueue(tx, DELIVER_FAILING, again, { startAfter: next })
}

/** A test is sent once. */
function nextAfter(deps: Deps, { tries, eventId }: Delivery, sent: Sent, now: Date): Date | undefined {
  if (sent.outcome === 'delivered' || sent.outcome === 'gone' || eventId === null) return undefined
  const random = deps.triggers?.random ?? Math.random
  return nextAttempt(tries + 1, now, { random, retryAfterMs: sent.retryAfterMs })
}

/** Asks for an attempt now, whatever was planned. */
export async function deliverNow(
  tx: Queryable,
  { org, id, attempts }: Pick<Delivery, 'org' | 'id' | 'attempts'>,
  now: Date,
): Promise<void> {
  await touchDelivery(tx, org, id, now)
  await enqueue(tx, DELIVER, { org, id, attempt: attempts })
}
