import type pg from 'pg'
import { openEngine } from './engine.ts'
import { CRON_JOBS, QUEUE_JOBS } from './list.ts'
import type { QueueJob } from './queue.ts'

/** 10 s is the least that the engine takes; a sweeper finds dead workers sooner. */
const HEARTBEAT_SECONDS = 10

const queuesOf = (queueJobs: readonly QueueJob[]) => [
  ...CRON_JOBS.map(({ name }) => ({ name, options: { retryLimit: 3, expireInSeconds: 300, notify: false } })),
  ...queueJobs.map(({ name, attempts, expireInSeconds, pauseSeconds = 0 }) => ({
    name,
    options: {
      retryLimit: attempts - 1,
      retryDelay: pauseSeconds,
      retryBackoff: pauseSeconds > 0,
      expireInSeconds,
      notify: true,
    },
  })),
]

/**
 * Brings the job engine's own schema and our queues to this release. Part of every migration, so that any process can
 * enqueue, also one that never works jobs.
 */
export async function installJobs(
  connection: pg.ClientConfig,
  queueJobs: readonly QueueJob[] = QUEUE_JOBS,
): Promise<void> {
  const engine = openEngine(connection, { work: false })
  // without a handler an error of an idle connection would end the process; what fails here is thrown
  engine.on('error', () => {})
  await engine.start()
  try {
    for (const { name, options } of queuesOf(queueJobs)) {
      const settings = { ...options, heartbeatSeconds: HEARTBEAT_SECONDS }
      // the first makes it, the second gives one of an earlier release its settings of today
      await engine.createQueue(name, settings)
      await engine.updateQueue(name, settings)
    }
  } finally {
    await engine.stop({ graceful: false })
  }
}
