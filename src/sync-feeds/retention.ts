import type { Deps } from '../deps.ts'
import { dropForgotten, dropSeals, dropSuperseded } from './retention-store.ts'

const DAY_MS = 86_400_000
/** Every version of a key stays this long, for readers who look at what happened rather than at what is. */
const HISTORY_MS = DAY_MS
/** Rows of one transaction: short enough for a statement's 30 s on any machine. */
const BATCH = 5_000

/**
 * Removes what feeds need not keep: versions that a later one supersedes after a day; tombstones, batches and the seals of
 * cursors after the days that the operator sets. A reader who has missed one of these is told to start anew.
 */
export async function dropOldEntries(deps: Pick<Deps, 'db' | 'clock' | 'config' | 'log'>): Promise<void> {
  const now = deps.clock().getTime()
  const before = new Date(now - (deps.config.feedDays ?? 30) * DAY_MS)
  const superseded = await untilFewer((most) => dropSuperseded(deps.db, new Date(now - HISTORY_MS), most))
  const forgotten = await untilFewer((most) => dropForgotten(deps.db, before, most))
  await dropSeals(deps.db, { before, hour: new Date(now - 3_600_000) })
  if (superseded + forgotten > 0) deps.log.info({ superseded, forgotten }, 'old entries of feeds removed')
}

async function untilFewer(drop: (most: number) => Promise<number>): Promise<number> {
  for (let total = 0; ; ) {
    const dropped = await drop(BATCH)
    total += dropped
    if (dropped < BATCH) return total
  }
}
