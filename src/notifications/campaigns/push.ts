import type { Deps } from '../../deps.ts'
import type { PushResult } from '../../push/result.ts'
import {
  type Delivered,
  type Due,
  dropDevices,
  holdPlatform,
  listDue,
  PLATFORMS,
  recordDeliveries,
} from '../devices/store.ts'
import { deliveryAfter } from './rules.ts'
import { sendersOf } from './senders.ts'
import { touchCampaign } from './store.ts'

/** Pushes under way at once, and noted together: what a crash repeats at most. */
const AT_ONCE = 100

/**
 * Sends what is due of a campaign, and notes what became of it. What was sent and not noted when a process died is sent
 * again; on the device it replaces the first, since both carry the campaign as collapse id. False when nothing is due.
 */
export async function pushBatch(deps: Deps, org: string, campaignId: string): Promise<boolean> {
  const due = await listDue(deps.db, org, campaignId, { now: deps.clock(), limit: AT_ONCE })
  if (due.length === 0) return false
  const results = await Promise.all(due.map((each) => send(deps, campaignId, each)))
  const now = deps.clock()
  const noted = due.map((each, n) => asDelivered(each, results[n], now))
  const dropped = noted.filter(({ status }) => status === 'token-dropped').map(({ deviceId }) => deviceId)
  await deps.db.transaction(async (tx) => {
    await recordDeliveries(tx, org, campaignId, noted)
    if (dropped.length > 0) await dropDevices(tx, org, dropped)
    for (const platform of PLATFORMS) {
      const until = busyUntil(due, noted, platform)
      if (until) await holdPlatform(tx, org, campaignId, { platform, until })
    }
    await touchCampaign(tx, org, campaignId, now)
  })
  return true
}

/** Undefined for who unsubscribed, or removed the device, meanwhile: nothing is sent. */
async function send(deps: Deps, collapseId: string, due: Due): Promise<PushResult | undefined> {
  if (due.token === null) return undefined
  const { title, body } = due
  const token = deps.sealing.unseal(due.token)
  return sendersOf(deps)[due.platform](token, { title, body, collapseId }, due.attempts)
}

const asDelivered = (due: Due, result: PushResult | undefined, now: Date): Delivered =>
  result
    ? deliveryAfter(due, result, now)
    : { deviceId: due.deviceId, status: 'withdrawn', reason: null, attempts: due.attempts, nextAt: now }

/** The soonest that a provider which asked to wait is asked again; undefined when none did. */
function busyUntil(
  due: readonly Due[],
  noted: readonly Delivered[],
  platform: Due['platform'],
): Date | undefined {
  const waits = noted.filter(({ status }, n) => status === 'pending' && due[n]?.platform === platform)
  return waits.length === 0 ? undefined : new Date(Math.min(...waits.map(({ nextAt }) => nextAt.getTime())))
}
