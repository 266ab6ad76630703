import { setTimeout as sleep } from 'node:timers/promises'
import type { Deps } from '../../deps.ts'
import { runJob } from '../execution/run.ts'
import { findSyncJob } from '../execution/store.ts'
import { forgetToken, tokenOf } from '../execution/tokens.ts'
import { jobHooks } from './hooks.ts'

/** How often a job is looked at whose token is here: a request that makes one does not wait for it. */
const LOOK_MS = 250
/** A job that is not there by then is of a transaction that failed. */
const MISSES = 240
/** As often as the queue starts a job: what fails by itself, and not because the database was away, ends it. */
const ATTEMPTS = 50

/**
 * Does a job whose token only this process has, whenever it is to be done: also in a process that works no queue, and
 * also after people approved it elsewhere. Ends with the job, and forgets its token.
 */
export function workHeld(deps: Deps, org: string, id: string): void {
  follow(deps, org, id).catch((error: unknown) =>
    deps.log.error({ err: error, org, job: id }, 'a job whose token is here is no longer looked after'),
  )
}

async function follow(deps: Deps, org: string, id: string): Promise<void> {
  const signal = new AbortController().signal
  let missed = 0
  let failed = 0
  while (missed < MISSES && tokenOf(deps, id) !== undefined && !deps.db.pool.ending) {
    await sleep(LOOK_MS)
    try {
      const job = await findSyncJob(deps.db, org, id)
      if (!job) missed++
      else if (job.stage === 'ended') break
      else if (job.stage !== 'waiting')
        await runJob(deps, { data: { org, id }, signal, last: failed >= ATTEMPTS }, jobHooks)
    } catch (error) {
      if (deps.db.pool.ending) return
      failed++
      deps.log.warn({ err: error, org, job: id }, 'a job whose token is here is tried again')
    }
  }
  await forgetToken(deps, id)
}
