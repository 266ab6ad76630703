import type { Batch, Phase } from './job.ts'
import { holdJob, Superseded } from './store.ts'
import { addChange, type Change, committed, countsAfter, noChange, type Work } from './work.ts'
import { writeChange } from './write-change.ts'

/** Notes changes of many requests at once: those that wait while a transaction is under way share the next one. */
export type Notes = {
  /** What is about to be sent. Rejects with `Superseded` when it must not be. */
  intend(change: Change): Promise<void>
  /** What became of it, also after the job was cancelled: it happened. */
  conclude(change: Change): Promise<void>
}

type Waiting = { change: Change; intent: boolean; resolve(): void; reject(error: unknown): void }

export function openNotes(work: Work, position: () => { phase: Phase; batch: Batch | null }): Notes {
  let queue: Waiting[] = []
  let writing = false

  async function flush(): Promise<void> {
    while (queue.length > 0) {
      const taken = queue
      queue = []
      await writeAll(taken)
    }
    writing = false
  }

  async function writeAll(taken: Waiting[]): Promise<void> {
    const intents = taken.some(({ intent }) => intent)
    try {
      await write(work, merged(taken), position(), intents)
      for (const { resolve } of taken) resolve()
    } catch (error) {
      const outcomes = taken.filter(({ intent }) => !intent)
      // a job that was cancelled begins nothing, yet what it had begun is noted
      if (error instanceof Superseded && intents && outcomes.length > 0) {
        for (const { intent, reject } of taken) if (intent) reject(error)
        return writeAll(outcomes)
      }
      for (const { reject } of taken) reject(error)
    }
  }

  const add = (change: Change, intent: boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      queue.push({ change, intent, resolve, reject })
      if (writing) return
      writing = true
      // whatever else is about to start in this turn shares the transaction
      setImmediate(() => void flush())
    })
  return { intend: (change) => add(change, true), conclude: (change) => add(change, false) }
}

function merged(taken: readonly Waiting[]): Change {
  const all = noChange()
  for (const { change } of taken) addChange(all, change)
  // of two changes of a row the later one counts
  all.rows = [...new Map(all.rows.map((row) => [row.seq, row])).values()]
  return all
}

async function write(
  work: Work,
  change: Change,
  at: { phase: Phase; batch: Batch | null },
  running: boolean,
): Promise<void> {
  const { deps, job } = work
  let { doneOrder } = work
  for (const entry of change.journal) if (entry.outcome === 'done') entry.doneOrder ??= ++doneOrder
  const counts = countsAfter(work, change.rows)
  await deps.db.transaction(async (tx) => {
    const now = deps.clock()
    const after = await holdJob(
      tx,
      job,
      { ...at, counts },
      change.events.length,
      running ? 'running' : undefined,
    )
    await writeChange(tx, work, change, after, now)
  })
  work.doneOrder = doneOrder
  committed(work, change, counts)
}
