import { openDeps } from '../../src/server.ts'
import { work } from '../../src/sync-jobs/engine/work.ts'
import { pagedJob } from './sync-jobs-source.ts'

/** One attempt at a run, in a process that is killed from outside or comes to the end. */
const { config, data, url } = JSON.parse(process.env.SYNC_RUN as string)
const { deps, stop } = await openDeps(config)
deps.syncJobs = [pagedJob(url)]
await work(deps, { data, signal: new AbortController().signal, last: false })
await stop()
