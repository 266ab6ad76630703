import type pg from 'pg'
import type { Job, PgBoss } from 'pg-boss'
import type { Deps } from '../deps.ts'
import { openEngine } from './engine.ts'
import { CRON_JOBS, QUEUE_JOBS } from './list.ts'
import { type Liveness, openLiveness } from './liveness.ts'
import type { QueueJob } from './queue.ts'
import { wakeWorkers } from './store.ts'

export type Jobs = { stop(): Promise<void> }

/** Cron has minutes; where nobody is waiting two seconds do. Queues with a listener look this often besides. */
const POLLING = { pollingIntervalSeconds: 2, notifyPollingIntervalSeconds: 5 }

/** Takes part in the background work of the deployment until stopped. The database is migrated. */
export async function startJobs(
  deps: Deps,
  connection: pg.ClientConfig,
  queueJobs: readonly QueueJob[] = QUEUE_JOBS,
): Promise<Jobs> {
  const engine = openEngine(connection, { work: true })
  engine.on('error', (error) => deps.log.warn({ err: error }, 'jobs'))
  engine.on('warning', (warning) => deps.log.debug({ warning }, 'jobs'))
  const stopping = new AbortController()
  const liveness = await openLiveness(connection, {
    names: queueJobs.map(({ name }) => name),
    log: deps.log,
    async onLost(job) {
      await engine.fail(job.name, job, { message: 'its worker died' })
      await wakeWorkers(deps.db, job.name)
    },
  })
  try {
    await engine.start()
    for (const { name, cron, run } of CRON_JOBS) {
      await engine.schedule(name, cron, {}, { tz: 'UTC' })
      await engine.work(name, POLLING, async () => run(deps))
    }
    for (const job of queueJobs) await workQueue(engine, liveness, deps, job, stopping.signal)
  } catch (error) {
    await engine.stop({ graceful: false })
    await liveness.stop()
    throw error
  }
  return {
    async stop() {
      // jobs stop at their next checkpoint and start elsewhere; what does not stop in 3 s is left to its checkpoint
      stopping.abort(new Error('the process is stopping'))
      await engine.stop({ graceful: true, timeout: 3_000 })
      // what was given back starts at once elsewhere; unheard, within the interval at which workers look
      for (const { name } of queueJobs) await wakeWorkers(deps.db, name).catch(() => {})
      await liveness.stop()
    },
  }
}

async function workQueue(
  engine: PgBoss,
  liveness: Liveness,
  deps: Deps,
  { name, attempts, concurrency, run }: QueueJob,
  stopping: AbortSignal,
): Promise<void> {
  const handle = async ([job]: Job<Record<string, unknown>>[]) => {
    if (!job) return
    const signal = AbortSignal.any([job.signal, stopping])
    const last = job.retryCount >= attempts - 1
    await liveness.during(job.id, () => run(deps, { data: job.data, signal, last }))
  }
  // every second: a heartbeat that is 2.5 s old is half of the proof that a worker died
  const options = { ...POLLING, heartbeatRefreshSeconds: 1 }
  for (let n = 0; n < concurrency; n++) {
    const worker: string = await engine.work(name, options, async (jobs: Job<Record<string, unknown>>[]) => {
      await handle(jobs)
      // the engine would look for the next job after its interval only; after a failure that is as well
      engine.notifyWorker(worker)
    })
  }
}
