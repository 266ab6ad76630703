import { openDb } from '../../src/db/pool.ts'
import type { Deps } from '../../src/deps.ts'
import { startJobs } from '../../src/jobs/start.ts'
import { createLogger } from '../../src/log.ts'
import { probeJob } from './probe-job.ts'

/** A process that works on one kind of job, which it never ends: what is left of it is its advisory lock. */
const connection = JSON.parse(process.env.CONNECTION as string)
const db = openDb(connection)
const deps = { db, log: createLogger({ logLevel: 'silent' }), clock: () => new Date() } as Deps
await startJobs(deps, connection, [probeJob(`process ${process.pid}`, 'hang')])
