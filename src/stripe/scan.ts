import type { Transaction } from '../db/pool.ts'
import type { Deps } from '../deps.ts'
import type { QueueJob } from '../jobs/queue.ts'
import { enqueue } from '../jobs/send.ts'
import { dropStripeEvents, isWaiting, listWaiting, takeWaiting } from './store.ts'

export const SCAN = 'stripe.scan'

/** Changes come in bursts (a price list is changed price by price); one scan sees them all. */
const GATHERED_MS = 2_000
/** Starts an incremental scan of the organisation's catalog in this transaction; false: one is under way. */
export type StartScan = (deps: Deps, tx: Transaction, org: string) => Promise<boolean>

/** Asks for the scan that events wait for; it begins when the transaction is committed and some more have come. */
export const askForScan = (
  tx: Transaction,
  org: string,
  now: Date,
  inMs: number = GATHERED_MS,
): Promise<string> => enqueue(tx, SCAN, { org }, { startAfter: new Date(now.getTime() + inMs) })

/** Starts one scan for all events that have arrived by then, however often it was asked for. */
export const scanJobWith = (startScan: StartScan): QueueJob => ({
  name: SCAN,
  attempts: 5,
  pauseSeconds: 2,
  expireInSeconds: 60,
  concurrency: 2,
  async run(deps, { data }) {
    const { org } = data as { org: string }
    await deps.db.transaction(async (tx) => {
      const now = deps.clock()
      if (!(await isWaiting(tx, org))) return
      // one that is under way may have passed what an event tells of: the clock asks again, until another has begun
      if (await startScan(deps, tx, org)) await takeWaiting(tx, org, now)
    })
  },
})

/** By then a scan has begun, or could not begin yet, or its job is lost. */
const WAITED_MS = 15_000
const AT_ONCE = 100

/** Asks again for the scans that events still wait for. */
export async function scanForWaiting(deps: Deps): Promise<void> {
  const now = deps.clock()
  const before = new Date(now.getTime() - WAITED_MS)
  for (const org of await listWaiting(deps.db, { before, limit: AT_ONCE }))
    await deps.db.transaction((tx) => askForScan(tx, org, now, 0))
}

/** Stripe delivers for three days, and lists for thirty: what is older never comes again. */
const KEPT_MS = 35 * 24 * 3_600_000

export async function forgetEvents(deps: Deps): Promise<void> {
  const dropped = await dropStripeEvents(deps.db, new Date(deps.clock().getTime() - KEPT_MS))
  if (dropped > 0) deps.log.info({ dropped }, 'events of Stripe removed')
}
