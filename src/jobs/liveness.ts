import pg from 'pg'
import type { Logger } from 'pino'
import type { Queryable } from '../db/pool.ts'
import { prepared } from '../db/statement.ts'
import { beginWork, endWork, type Lost, lostJobs } from './store.ts'

const SWEEP_MS = 1_000
const RECONNECT_MS = 200

export type Liveness = {
  /** Says that this process works on the job while `work` runs, for whoever looks for dead workers. */
  during<T>(jobId: string, work: () => Promise<T>): Promise<T>
  stop(): Promise<void>
}

type Options = {
  /** Queues whose jobs are looked after. */
  names: readonly string[]
  log: Logger
  /** Gives a job that lost its worker back to its queue. */
  onLost(job: Lost): Promise<void>
}

/**
 * Finds jobs whose worker died within about 3.5 s, where the engine's own heartbeats take 10 to 13 s. A worker holds an
 * advisory lock for each job on a connection of its own; PostgreSQL drops it the moment the process is gone.
 */
export async function openLiveness(
  connection: pg.ClientConfig,
  { names, log, onLost }: Options,
): Promise<Liveness> {
  const held = new Set<string>()
  let current: pg.Client | undefined
  let stopped = false
  let waiting: NodeJS.Timeout | undefined

  const session = (client: pg.Client): Queryable => ({
    query: async <R>(statement: Parameters<Queryable['query']>[0]) =>
      (await client.query(prepared(statement))).rows as R[],
  })

  async function connect(): Promise<void> {
    const client = new pg.Client({
      ...connection,
      application_name: 'countersign-liveness',
      keepAlive: true,
      query_timeout: 5_000,
      // jobs begin and end side by side
      pipeline: true,
    })
    client.on('error', () => reconnect(client))
    client.on('end', () => reconnect(client))
    try {
      await client.connect()
      for (const jobId of held) await beginWork(session(client), jobId)
      current = client
    } catch (error) {
      client.end().catch(() => {})
      throw error
    }
  }

  /** Once per lost connection; what was being worked on is said anew. */
  function reconnect(lost?: pg.Client): void {
    if (stopped || waiting || (lost && lost !== current)) return
    current = undefined
    waiting = setTimeout(() => {
      waiting = undefined
      connect().catch(() => reconnect())
    }, RECONNECT_MS)
  }

  async function sweep(): Promise<void> {
    if (!current) return
    for (const job of await lostJobs(session(current), names)) {
      log.warn({ job: job.name, jobId: job.id }, 'a worker died; its job starts elsewhere')
      await onLost(job)
    }
  }

  await connect()
  let sweeping = Promise.resolve()
  let busy = false
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    sweeping = sweep()
      .catch((error) => log.debug({ err: error }, 'sweep'))
      .finally(() => {
        busy = false
      })
  }, SWEEP_MS)

  return {
    async during(jobId, work) {
      held.add(jobId)
      // without a connection the heartbeat alone speaks for the job until there is one again
      if (current) await beginWork(session(current), jobId).catch(() => false)
      try {
        return await work()
      } finally {
        held.delete(jobId)
        if (current) await endWork(session(current), jobId).catch(() => {})
      }
    },
    async stop() {
      stopped = true
      clearInterval(timer)
      clearTimeout(waiting)
      await sweeping
      await current?.end()
    },
  }
}
