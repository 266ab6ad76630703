import { once } from 'node:events'
import sql from 'sql-template-tag'
import type { QueueJob } from '../../src/jobs/queue.ts'

/** Notes its starts in the table `probe`; then ends, or goes on until it is told to stop. */
export const probeJob = (worker: string, then: 'end' | 'hang'): QueueJob => ({
  name: 'probe',
  attempts: 5,
  expireInSeconds: 600,
  concurrency: 1,
  async run({ db }, { data, signal, last }) {
    await db.query(
      sql`INSERT INTO probe (worker, what, last) VALUES (${worker}, ${data.what as string}, ${last})`,
    )
    if (then === 'end') return
    if (!signal.aborted) await once(signal, 'abort')
    signal.throwIfAborted()
  },
})

export const PROBE_TABLE = sql`
  CREATE TABLE probe (seq bigserial PRIMARY KEY, worker text NOT NULL, what text NOT NULL, last boolean NOT NULL)`
