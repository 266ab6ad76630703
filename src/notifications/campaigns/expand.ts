import type { Deps } from '../../deps.ts'
import { bodyIn } from '../copy.ts'
import { findCampaign, moveCampaign, nextFollowers, setCampaignStatus, tellFollowers } from './store.ts'

/** Followers of one transaction: 5,000 rows of an inbox take some 200 ms, far below any timeout. */
const BATCH = 5_000

/**
 * Tells the next followers of a campaign, in one transaction with its cursor: whoever does it again after a crash goes
 * on where that was committed. False when there are none left.
 */
export async function expandBatch(deps: Deps, org: string, id: string): Promise<boolean> {
  return deps.db.transaction(async (tx) => {
    const campaign = await findCampaign(tx, org, id, true)
    if (campaign?.status !== 'expanding') return false
    const now = deps.clock()
    const followers = await nextFollowers(tx, campaign, BATCH)
    const last = followers.at(-1)
    if (!last) {
      await setCampaignStatus(tx, campaign, 'sending', now)
      return false
    }
    const zones = new Set(followers.map(({ timeZone }) => timeZone))
    const bodies = new Map([...zones].map((zone) => [zone, bodyIn(campaign, zone)]))
    const told = await tellFollowers(tx, campaign, followers, bodies, now)
    await moveCampaign(tx, campaign, { reached: last.id, told, now })
    return true
  })
}
