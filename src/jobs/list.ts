import { removeExpired } from '../access/clean-up.ts'
import { resumeStripeWrites, stripeWritesJob } from '../catalog/stripe/job.ts'
import { rebuildJob } from '../config-hub/index/rebuild.ts'
import { syncJobWith } from '../config-sync/execution/queue-job.ts'
import { jobHooks } from '../config-sync/jobs/hooks.ts'
import { keepSnapshots, snapshotJob } from '../config-sync/snapshots/take.ts'
import type { Deps } from '../deps.ts'
import { deliverJob, forgetUnconfirmed, resumeCampaigns } from '../notifications/campaigns/job.ts'
import { dropOldKeys } from '../operation/store.ts'
import { executeJob } from '../sessions/execute.ts'
import { dropEndedLogs, expireOverdue } from '../sessions/jobs.ts'
import { forgetEvents, scanForWaiting, scanJobWith } from '../stripe/scan.ts'
import { dropOldEntries } from '../sync-feeds/retention.ts'
import { beginIncremental } from '../sync-jobs/engine/runs.ts'
import { forgetRuns, startDue } from '../sync-jobs/engine/schedules.ts'
import { resumeStanding, runJob } from '../sync-jobs/engine/work.ts'
import { STRIPE_CATALOG } from '../sync-jobs/stripe-catalog/definition.ts'
import { forgetTriggers, resumeTriggers } from '../workflow-triggers/clock-jobs.ts'
import { deliverFailingJob, deliverJob as triggerJob } from '../workflow-triggers/deliver.ts'
import { fanOutJob } from '../workflow-triggers/fan-out.ts'
import type { QueueJob } from './queue.ts'

export type CronJob = { name: string; cron: string; run(deps: Deps): Promise<void> }

/** At least a day, so that a client may repeat a request a day later and get the same answer. */
const KEYS_KEPT_MS = 48 * 3_600_000

/** What is done by the clock. Cron has minutes; each run is done by one process, wherever it is. */
export const CRON_JOBS: readonly CronJob[] = [
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
  { name: 'config-sync.snapshots', cron: '* * * * *', run: keepSnapshots },
  { name: 'sync-jobs.schedules', cron: '* * * * *', run: startDue },
  { name: 'sync-jobs.resume', cron: '* * * * *', run: resumeStanding },
  { name: 'sync-jobs.clean-up', cron: '51 4 * * *', run: forgetRuns },
  { name: 'sync-feeds.retention', cron: '51 * * * *', run: dropOldEntries },
  { name: 'notifications.resume', cron: '* * * * *', run: resumeCampaigns },
  { name: 'catalog.stripe-writes-resume', cron: '* * * * *', run: resumeStripeWrites },
  { name: 'notifications.clean-up', cron: '37 4 * * *', run: forgetUnconfirmed },
  { name: 'stripe.waiting', cron: '* * * * *', run: scanForWaiting },
  { name: 'stripe.clean-up', cron: '53 4 * * *', run: forgetEvents },
  { name: 'workflow-triggers.resume', cron: '* * * * *', run: resumeTriggers },
  { name: 'workflow-triggers.clean-up', cron: '47 4 * * *', run: forgetTriggers },
]

/** What is done when somebody asks for it (`enqueue`). */
export const QUEUE_JOBS: readonly QueueJob[] = [
  executeJob,
  rebuildJob,
  snapshotJob,
  syncJobWith(jobHooks),
  deliverJob,
  runJob,
  scanJobWith((deps, tx, org) =>
    beginIncremental(deps, tx, { org, jobId: STRIPE_CATALOG, requestedBy: 'Stripe' }),
  ),
  stripeWritesJob,
  fanOutJob,
  triggerJob,
  deliverFailingJob,
]
