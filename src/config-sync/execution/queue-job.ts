import type { QueueJob } from '../../jobs/queue.ts'
import { type Hooks, runJob, SYNC } from './run.ts'

/** The queue's side of sync jobs; data is {org, id}. */
export const syncJobWith = (hooks: Hooks): QueueJob => ({
  name: SYNC,
  // each crash of a process spends one; what fails by itself ends its job
  attempts: 50,
  expireInSeconds: 12 * 3_600,
  concurrency: 2,
  run: (deps, run) => runJob(deps, run, hooks),
})
