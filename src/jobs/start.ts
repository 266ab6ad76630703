import type pg from 'pg'
import { PgBoss } from 'pg-boss'
import { removeExpired } from '../access/clean-up.ts'
import type { Deps } from '../deps.ts'
import { dropOldKeys } from '../operation/store.ts'
import { dropEndedLogs, expireOverdue } from '../sessions/jobs.ts'

export type Jobs = { stop(): Promise<void> }

type Job = { name: string; cron: string; run(deps: Deps): Promise<void> }

/** At least a day, so that a client may repeat a request a day later and get the same answer. */
const KEYS_KEPT_MS = 48 * 3_600_000

/** Background work, one row per job. Cron has minutes; each run is done by one process, wherever it is. */
const JOBS: readonly Job[] = [
  { name: 'approvals.expire', cron: '* * * * *', run: expireOverdue },
  {
    name: 'idempotency.clean-up',
    cron: '17 * * * *',
    run: async (deps) => {
      const dropped = await dropOldKeys(deps.db, new Date(deps.clock().getTime() - KEYS_KEPT_MS))
      if (dropped > 0) deps.log.info({ dropped }, 'idempotency records removed')
    },
  },
  {
    name: 'access.clean-up',
    cron: '29 * * * *',
    run: async (deps) => {
      const removed = await removeExpired(deps.db, deps.clock())
      if (removed > 0) deps.log.info({ removed }, 'expired sign-ins and tokens removed')
    },
  },
  { name: 'sessions.retention', cron: '43 3 * * *', run: dropEndedLogs },
]

/** Takes part in the background work of the deployment until stopped. */
export async function startJobs(deps: Deps, connection: pg.ClientConfig): Promise<Jobs> {
  const boss = new PgBoss({
    ...(connection as object),
    application_name: 'countersign-jobs',
    schema: 'pgboss',
    // two connections: one works, one keeps schedules and heartbeats
    max: 2,
    superviseIntervalSeconds: 30,
    schedule: true,
  })
  boss.on('error', (error) => deps.log.warn({ err: error }, 'jobs'))
  await boss.start()
  for (const job of JOBS) {
    await boss.createQueue(job.name, { retryLimit: 3, heartbeatSeconds: 10, expireInSeconds: 300 })
    await boss.schedule(job.name, job.cron, {}, { tz: 'UTC' })
    await boss.work(job.name, { pollingIntervalSeconds: 2 }, async () => job.run(deps))
  }
  return { stop: () => boss.stop({ graceful: true, timeout: 3_000 }) }
}
