import type { Principal } from '../access/principal.ts'
import type { Deps } from '../deps.ts'
import { context, inTransaction } from '../operation/context.ts'
import { expireApproval } from './approvals.ts'
import { dropEvents, listExpiredLogs, listOverdueApprovals } from './store.ts'

const BATCH = 200
/** Ended sessions keep their events for 90 days; the session itself and its audit stay. */
const LOG_KEPT_MS = 90 * 24 * 3_600_000

/** The system itself, acting in one organisation. */
const systemPrincipal = (org: string): Principal => ({
  kind: 'automation',
  source: 'approved-automation',
  role: 'automation',
  org,
  id: 'system',
  userId: null,
  displayName: 'Countersign',
  email: null,
  adminRole: null,
  scopes: [],
  grantId: null,
  client: null,
})

/** Expires every approval whose time is over, each in its own transaction. */
export async function expireOverdue(deps: Deps): Promise<void> {
  for (;;) {
    const overdue = await listOverdueApprovals(deps.db, deps.clock(), BATCH)
    for (const { org, id, sessionId } of overdue) {
      const call = { principal: systemPrincipal(org), requestId: 'job:approvals.expire', origin: '' }
      await inTransaction(context(deps, call, deps.clock()), (ctx) => expireApproval(ctx, sessionId, id))
    }
    if (overdue.length < BATCH) return
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
