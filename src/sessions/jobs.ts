import type { Deps } from '../deps.ts'
import { inTransaction } from '../operation/context.ts'
import { expireApproval } from './approvals.ts'
import { dropEvents, listExpiredLogs, listOverdueApprovals } from './store.ts'
import { systemContext } from './system.ts'

const BATCH = 200
/** Ended sessions keep their events for 90 days; the session itself and its audit stay. */
const LOG_KEPT_MS = 90 * 24 * 3_600_000

/**
 * Expires every approval whose time is over, each in its own transaction: one whose operation fails to hear of it keeps
 * no other from its end, and is tried again in the next run.
 */
export async function expireOverdue(deps: Deps): Promise<void> {
  for (;;) {
    const overdue = await listOverdueApprovals(deps.db, deps.clock(), BATCH)
    let failed = 0
    for (const { org, id, sessionId } of overdue)
      await inTransaction(systemContext(deps, org, 'job:approvals.expire'), (ctx) =>
        expireApproval(ctx, sessionId, id),
      ).catch((error: unknown) => {
        failed++
        deps.log.error({ err: error, org, approval: id }, 'an approval did not expire')
      })
    if (overdue.length < BATCH || failed > 0) return
  }
}

/** Drops the events of sessions that ended long ago and raises their retention floor. */
export async function dropEndedLogs(deps: Deps): Promise<void> {
  const before = new Date(deps.clock().getTime() - LOG_KEPT_MS)
  for (;;) {
    const logs = await listExpiredLogs(deps.db, before, BATCH)
    for (const { org, id } of logs) await dropEvents(deps.db, org, id)
    if (logs.length < BATCH) return
  }
}
