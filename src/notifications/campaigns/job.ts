import type { Deps } from '../../deps.ts'
import type { JobRun, QueueJob } from '../../jobs/queue.ts'
import { enqueue } from '../../jobs/send.ts'
import { nextDue } from '../devices/store.ts'
import { dropUnconfirmed } from '../store.ts'
import { expandBatch } from './expand.ts'
import { pushBatch } from './push.ts'
import { DELIVER } from './start.ts'
import { findCampaign, listStanding, setCampaignStatus, touchCampaign } from './store.ts'

/** Sends a campaign out; data is {org, id}. Asked for by the transaction of the write that it tells of. */
export const deliverJob: QueueJob = {
  name: DELIVER,
  // each crash of a process spends one; a campaign that stands still after all of them is taken up by the clock
  attempts: 10,
  expireInSeconds: 3_600,
  concurrency: 1,
  run: deliver,
}

/** Inbox rows first, then pushes; from wherever an earlier run of it came to. */
export async function deliver(deps: Deps, { data, signal }: JobRun): Promise<void> {
  const { org, id } = data as { org: string; id: string }
  for (;;) {
    signal.throwIfAborted()
    if (!(await expandBatch(deps, org, id))) break
  }
  for (;;) {
    signal.throwIfAborted()
    if (!(await pushBatch(deps, org, id))) break
  }
  await finish(deps, org, id)
}

/** Ends a campaign that has nothing left, or comes back to it when its next push is due. */
async function finish(deps: Deps, org: string, id: string): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const campaign = await findCampaign(tx, org, id, true)
    if (campaign?.status !== 'sending') return
    const startAfter = await nextDue(tx, org, id)
    if (startAfter) await enqueue(tx, DELIVER, { org, id }, { startAfter })
    else await setCampaignStatus(tx, campaign, 'done', deps.clock())
  })
}

/** By then a process that works on a campaign has made a step. */
const STANDS_MS = 5 * 60_000
const AT_ONCE = 100

/** Takes up campaigns whose job was lost, or has used up its attempts. */
export async function resumeCampaigns(deps: Deps): Promise<void> {
  const now = deps.clock()
  const before = new Date(now.getTime() - STANDS_MS)
  for (const { org, id } of await listStanding(deps.db, { before, now, limit: AT_ONCE }))
    await deps.db.transaction(async (tx) => {
      await touchCampaign(tx, org, id, now)
      await enqueue(tx, DELIVER, { org, id })
    })
}

/** Addresses that nobody confirmed are kept no longer than that. */
const UNCONFIRMED_KEPT_MS = 30 * 24 * 3_600_000

export async function forgetUnconfirmed(deps: Deps): Promise<void> {
  const dropped = await dropUnconfirmed(deps.db, new Date(deps.clock().getTime() - UNCONFIRMED_KEPT_MS))
  if (dropped > 0) deps.log.info({ dropped }, 'subscriptions that nobody confirmed removed')
}
