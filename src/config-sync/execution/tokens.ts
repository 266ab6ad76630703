import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import { enqueue } from '../../jobs/send.ts'
import { endJob } from './end.ts'
import type { JobStatus, SyncJob } from './job.ts'
import { beginHolding, isFresh, isHolding } from './locks-store.ts'
import { openSession, type Session } from './session.ts'
import { findSyncJob, holdJob, loseToken, Superseded, writeEvents } from './store.ts'

/**
 * Tokens of other servers, by job: in the memory of the process that was given them and nowhere else. While it holds one
 * it also holds an advisory lock, which PostgreSQL drops the moment the process is gone.
 */
type Held = { holder: string; tokens: Map<string, string>; session: Promise<Session | undefined> | undefined }

const processes = new WeakMap<object, Held>()

const heldBy = ({ db }: Pick<Deps, 'db'>): Held => {
  const known = processes.get(db.pool)
  if (known) return known
  const made: Held = { holder: crypto.randomUUID(), tokens: new Map(), session: undefined }
  processes.set(db.pool, made)
  return made
}

const RECONNECT_MS = 200

/** Keeps a token for a job until it is forgotten. Answers what to write into the job as its holder. */
export async function holdToken(deps: Pick<Deps, 'db'>, jobId: string, token: string): Promise<string> {
  const held = heldBy(deps)
  held.tokens.set(jobId, token)
  await connected(deps.db, held)
  return held.holder
}

export const tokenOf = (deps: Pick<Deps, 'db'>, jobId: string): string | undefined =>
  processes.get(deps.db.pool)?.tokens.get(jobId)

/** Forgets the token of a job; with the last one the lock goes too. */
export async function forgetToken(deps: Pick<Deps, 'db'>, jobId: string): Promise<void> {
  const held = processes.get(deps.db.pool)
  if (!held?.tokens.delete(jobId) || held.tokens.size > 0) return
  const session = held.session
  held.session = undefined
  await (await session)?.end()
}

/** The connection whose lock says that this process is there; a new one when it breaks. */
async function connected(db: Db, held: Held): Promise<void> {
  held.session ??= connect(db, held)
  await held.session
}

async function connect(db: Db, held: Held): Promise<Session | undefined> {
  const session = await openSession(db)
  const again = () => {
    if (held.tokens.size === 0) return
    void session.end()
    held.session = retry(db, held)
  }
  session.client.once('error', again)
  await beginHolding(session.queryable, held.holder)
  return session
}

async function retry(db: Db, held: Held): Promise<Session | undefined> {
  while (held.tokens.size > 0) {
    await sleep(RECONNECT_MS)
    try {
      return await connect(db, held)
    } catch {
      // the database is away; there is nothing to say that to
    }
  }
  return undefined
}

/** How often a holder must not be found, a second apart, before it counts as gone: it may be connecting again. */
const MISSES = 3
const MISS_MS = 1_000
/** How often a job whose token another process holds is looked at. */
const WATCH_MS = 2_000

/**
 * What a worker does with a job whose token is in another process: leaves it there while that is alive, and looks again a
 * little later; once it is gone, ends the job, its open rows as `token-lost`.
 */
export async function watchToken(
  deps: Deps,
  job: SyncJob,
  queue: string,
  signal: AbortSignal,
): Promise<void> {
  const { org, id } = job
  for (let miss = 0; miss < MISSES; miss++) {
    if ((await isFresh(deps.db)) || (job.holder !== null && (await isHolding(deps.db, job.holder)))) {
      await enqueue(deps.db, queue, { org, id }, { startAfter: new Date(Date.now() + WATCH_MS) })
      return
    }
    await sleep(MISS_MS, undefined, { signal })
  }
  const now = await findSyncJob(deps.db, org, id)
  if (!now?.needsToken || now.stage === 'ended' || now.holder !== job.holder) return
  deps.log.warn({ org, job: id }, 'the process that held the token of a sync job died')
  await endTokenLost(deps, now)
}

async function endTokenLost(deps: Deps, job: SyncJob): Promise<void> {
  try {
    await deps.db.transaction(async (tx) => {
      const now = deps.clock()
      const counts = await loseToken(tx, job, now)
      const claim = { ...job, fence: job.fence + 1 }
      const after = await holdJob(tx, claim, { phase: 'finalize', batch: null, counts }, 1)
      const error = 'The process that held the token of the other organisation has died. Retry with a token.'
      await writeEvents(
        tx,
        job,
        [{ phase: 'finalize', status: 'failed', message: 'token-lost', error }],
        after,
        now,
      )
      const done = (counts.created ?? 0) + (counts.patched ?? 0) + (counts.deleted ?? 0)
      const status: JobStatus = done > 0 ? 'partial' : 'failed'
      await endJob(tx, claim, { status, error: `token-lost: ${error}`, stats: null, now })
    })
  } catch (error) {
    // somebody was quicker
    if (!(error instanceof Superseded)) throw error
  }
}
