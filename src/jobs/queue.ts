import type { Deps } from '../deps.ts'

/** One run of a job: what it is about, and when to stop. */
export type JobRun = {
  data: Record<string, unknown>
  /** Aborts when the process stops, and when the job was given to another worker: stop without a further write. */
  signal: AbortSignal
  /** True when a failure is final: the job has used up its attempts. */
  last: boolean
}

/** Work of a queue. It may be started again at any time, elsewhere too, so it goes on from checkpoints of its own. */
export type QueueJob = {
  name: string
  /** Starts before the job counts as failed; each crash of a worker spends one. */
  attempts: number
  /** Pause before the second start, doubled before each further one; without it there is none. */
  pauseSeconds?: number
  /** After this the job is taken from its worker and started again. */
  expireInSeconds: number
  /** Jobs of the queue that one process does at once. */
  concurrency: number
  run(deps: Deps, run: JobRun): Promise<void>
}
