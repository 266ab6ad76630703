import { readFileSync } from 'node:fs'
import { startJobs } from '../../src/jobs/start.ts'
import { openDeps } from '../../src/server.ts'
import { deliverFailingJob, deliverJob } from '../../src/workflow-triggers/deliver.ts'
import { fanOutJob } from '../../src/workflow-triggers/fan-out.ts'

/** A process that works the queues of triggers until it is killed; how far its clock is ahead is in a file. */
const { config, connection, skewFile } = JSON.parse(process.env.TRIGGERS as string)
const { deps } = await openDeps(config)
const clock = () => new Date(Date.now() + Number(readFileSync(skewFile, 'utf8')))
await startJobs({ ...deps, clock, triggers: { random: () => 0, timeoutMs: 400 } }, connection, [
  fanOutJob,
  deliverJob,
  deliverFailingJob,
])
console.log('working')
