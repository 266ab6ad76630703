import { syncJobWith } from '../../src/config-sync/execution/queue-job.ts'
import { startJobs } from '../../src/jobs/start.ts'
import { openDeps } from '../../src/server.ts'

/** A process that works on sync jobs that were planned, until it is killed. */
const { config, connection } = JSON.parse(process.env.WORKER as string)
const { deps } = await openDeps(config)
const hooks = {
  plan: () => Promise.reject(new Error('it was planned')),
  decide: () => Promise.reject(new Error('it was decided')),
}
await startJobs(deps, connection, [syncJobWith(hooks)])
console.log(JSON.stringify({ working: true }))
