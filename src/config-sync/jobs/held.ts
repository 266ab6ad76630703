import { setTimeout as sleep } from 'node:timers/promises'
import type { Deps } from '../../deps.ts'
import { runJob } from '../execution/run.ts'
import { findSyncJob } from '../execution/store.ts'
import { forgetToken, tokenOf } from '../execution/tokens.ts'
import { jobHooks } from './hooks.ts'

/** How often jobs are looked at whose token is here: a request that makes one does not wait for it. */
const LOOK_MS = 250
/** As many as the queue does at once in a process; each holds a connection while it is done. */
const AT_ONCE = 2
/** A job that is not there by then is of a transaction that failed. */
const MISSES = 240
/** As often as the queue starts a job: what fails by itself, and not because the database was away, ends it. */
const ATTEMPTS = 50

/** `looked`: it is being looked at; `done`: what is to be done of it is being done. */
type Held = { org: string; looked: boolean; done: boolean; missed: number; failed: number }

/** Jobs whose token only this process has, by id; by pool, of which a process has one. */
const processes = new WeakMap<object, Map<string, Held>>()

/**
 * Does a job whose token only this process has, whenever it is to be done: also in a process that works no queue, and
 * also after people approved it elsewhere. Ends with the job, and forgets its token.
 */
export function workHeld(deps: Deps, org: string, id: string): void {
  const { pool } = deps.db
  const known = processes.get(pool)
  const jobs = known ?? new Map<string, Held>()
  jobs.set(id, { org, looked: false, done: false, missed: 0, failed: 0 })
  if (known) return
  processes.set(pool, jobs)
  lookAfter(deps, jobs).catch((error: unknown) =>
    deps.log.error({ err: error }, 'jobs whose tokens are here are left'),
  )
}

async function lookAfter(deps: Deps, jobs: Map<string, Held>): Promise<void> {
  const { pool } = deps.db
  try {
    while (jobs.size > 0 && !pool.ending) {
      await sleep(LOOK_MS, undefined, { ref: false })
      for (const [id, held] of jobs) {
        if (held.looked || pool.ending) continue
        held.looked = true
        const step = look(deps, jobs, id, held).then((over) => (over ? leave(deps, jobs, id) : undefined))
        void step
          .catch((error: unknown) => failed(deps, id, held, error))
          .finally(() => {
            held.looked = false
          })
      }
    }
  } finally {
    // at once: whoever comes next begins anew
    processes.delete(pool)
  }
  // a process that ends holds nothing any more
  for (const id of jobs.keys()) await leave(deps, jobs, id)
}

/** Does what is to be done of a job now. True: nothing is left to do. */
async function look(deps: Deps, jobs: Map<string, Held>, id: string, held: Held): Promise<boolean> {
  const { org } = held
  const job = await findSyncJob(deps.db, org, id)
  if (!job) return ++held.missed >= MISSES
  if (job.stage === 'ended' || tokenOf(deps, id) === undefined) return true
  // what waits for people, or is not there yet, takes no other one's place
  if (job.stage === 'waiting' || [...jobs.values()].filter(({ done }) => done).length >= AT_ONCE) return false
  const signal = new AbortController().signal
  held.done = true
  try {
    await runJob(deps, { data: { org, id }, signal, last: held.failed >= ATTEMPTS }, jobHooks)
  } finally {
    held.done = false
  }
  return false
}

async function leave(deps: Deps, jobs: Map<string, Held>, id: string): Promise<void> {
  jobs.delete(id)
  await forgetToken(deps, id)
}

function failed(deps: Deps, id: string, held: Held, error: unknown): void {
  held.failed++
  if (!deps.db.pool.ending) deps.log.warn({ err: error, job: id }, 'a job whose token is here is tried again')
}
