import { setTimeout as sleep } from 'node:timers/promises'
import type { Queryable } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import type { JobRun } from '../../jobs/queue.ts'
import { enqueue } from '../../jobs/send.ts'
import { Problem } from '../../operation/errors.ts'
import type { SyncPlan } from '../planning/plan.ts'
import { endJob } from './end.ts'
import { finish } from './finish.ts'
import type { Content, SyncJob } from './job.ts'
import { runLocal } from './local.ts'
import { tryRunning, tryWriting } from './locks-store.ts'
import { announceRows, storePlan } from './plan-store.ts'
import { runRequests } from './remote.ts'
import type { Requests } from './request.ts'
import { failRivalled } from './rivals.ts'
import { openSession } from './session.ts'
import { openSides, type Sides } from './sides.ts'
import {
  claimJob,
  findSyncJob,
  holdJob,
  journalOf,
  moveJob,
  releaseToken,
  rowsOf,
  Superseded,
  takeEvent,
  writeEvents,
} from './store.ts'
import { forgetToken, tokenOf, watchToken } from './tokens.ts'
import { openWork, type Work } from './work.ts'

export const SYNC = 'config-sync.run'

/** What executing needs of planning and of policy. */
export type Hooks = {
  plan(deps: Deps, job: SyncJob, sides: Sides, signal: AbortSignal): Promise<SyncPlan>
  /** Whether a job whose plan was just stored runs at once; else whoever decides sets it running. */
  decide(deps: Deps, tx: Queryable, job: SyncJob): Promise<'run' | 'wait'>
  at?: Requests['at']
}

/** Has a job run, in the open transaction. */
export async function startJob(tx: Queryable, org: string, id: string): Promise<void> {
  await enqueue(tx, SYNC, { org, id })
}

/**
 * Runs a job in this process, which holds its token, without waiting for it. The queue's own job looks after this
 * process meanwhile.
 */
export function startHere(deps: Deps, org: string, id: string, hooks: Hooks): void {
  const signal = new AbortController().signal
  runJob(deps, { data: { org, id }, signal, last: true }, hooks).catch((error) =>
    deps.log.error({ err: error, org, job: id }, 'a sync job stopped'),
  )
}

/** One attempt at a job, from where its rows and journal say that it stands. Returns once there is nothing left to do. */
export async function runJob(deps: Deps, { data, signal, last }: JobRun, hooks: Hooks): Promise<void> {
  const { org, id } = data as { org: string; id: string }
  const job = await findSyncJob(deps.db, org, id)
  if (!job || job.stage === 'ended') return
  if (job.needsToken && tokenOf(deps, id) === undefined) return watchToken(deps, job, SYNC, signal)
  await alone(deps, org, id, signal, async (session) => {
    const claimed = await claimJob(deps.db, org, id)
    if (claimed) await attempt(deps, claimed, { signal, last, session }, hooks)
  })
  if ((await findSyncJob(deps.db, org, id))?.stage === 'ended') await forgetToken(deps, id)
}

/** How often a job that another process works on is looked at. */
const WAIT_MS = 250

/**
 * One process at a time works on a job: a second one waits until the first has ended it, and takes over when its
 * connection is gone. Should both believe to be alone, the fence of the claim decides.
 */
async function alone(
  deps: Deps,
  org: string,
  id: string,
  signal: AbortSignal,
  work: (session: Queryable) => Promise<void>,
): Promise<void> {
  const session = await openSession(deps.db)
  try {
    while (!(await tryRunning(session.queryable, `${org}/${id}`))) {
      await sleep(WAIT_MS, undefined, { signal })
      if ((await findSyncJob(session.queryable, org, id))?.stage === 'ended') return
    }
    await work(session.queryable)
  } finally {
    // what it holds goes with the connection
    await session.end()
  }
}

async function attempt(
  deps: Deps,
  job: SyncJob,
  { signal, last, session }: Omit<JobRun, 'data'> & { session: Queryable },
  hooks: Hooks,
): Promise<void> {
  try {
    const sides = await openSides(deps, job)
    const plan = job.stage === 'running' ? undefined : await prepare(deps, job, sides, signal, hooks)
    if (job.stage !== 'running' && !plan) return
    if (await takeTurn(deps, job, session, signal)) await execute(deps, job, sides, signal, hooks, plan)
  } catch (error) {
    if (error instanceof Superseded) return
    if (signal.aborted || !(last || error instanceof Problem)) throw error
    deps.log.error({ err: error, org: job.org, job: job.id }, 'a sync job failed')
    const detail =
      error instanceof Problem ? error.options.detail : 'It failed for a reason that the log has.'
    await endFailed(deps, job, detail ?? 'It failed.')
  }
}

/** How long a job waits for another one that writes to the same organisation before it lets others have its worker. */
const TURN_MS = 2_000

/**
 * Jobs write to one organisation one after another, so that each sees what the one before has done. False: another one
 * is at it, and the queue starts this one again.
 */
async function takeTurn(
  deps: Deps,
  { org, id, targetOrg }: SyncJob,
  session: Queryable,
  signal: AbortSignal,
): Promise<boolean> {
  for (const until = Date.now() + TURN_MS; !(await tryWriting(session, targetOrg)); ) {
    if (Date.now() > until) {
      await enqueue(deps.db, SYNC, { org, id }, { startAfter: new Date(Date.now() + TURN_MS) })
      return false
    }
    await sleep(WAIT_MS, undefined, { signal })
  }
  return true
}

/** Ends a job that cannot go on, and says why; nothing where another process has it by now. */
async function endFailed(deps: Deps, job: SyncJob, error: string): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const now = deps.clock()
    const after = await takeEvent(tx, job)
    if (after === undefined) return
    await writeEvents(
      tx,
      job,
      [{ phase: 'finalize', status: 'failed', message: 'ended failed', error }],
      after,
      now,
    )
    await endJob(tx, job, { status: 'failed', error, stats: null, now })
  })
}

/** Plans; the plan, when the job is to go on at once. */
async function prepare(
  deps: Deps,
  job: SyncJob,
  sides: Sides,
  signal: AbortSignal,
  hooks: Hooks,
): Promise<SyncPlan | undefined> {
  const at = { phase: 'phase_0', batch: null, counts: job.counts } as const
  await deps.db.transaction((tx) => holdJob(tx, job, at, 0, 'planning'))
  const began = deps.clock()
  const plan = await hooks.plan(deps, job, sides, signal)
  signal.throwIfAborted()
  return deps.db.transaction(async (tx) => {
    const now = deps.clock()
    const after = await holdJob(tx, job, at, 1, 'planning')
    const counts = await storePlan(tx, job, plan, { sealing: deps.sealing, now: began })
    job.counts = counts
    job.planDigest = plan.digest
    const message = `planned ${plan.rows.length} in ${plan.tasks.length} writes`
    await writeEvents(tx, job, [{ phase: 'phase_0', status: 'pending', message }], after, now)
    // of a source elsewhere everything is in the plan
    if (job.needsToken && sides.target.kind === 'local') await releaseToken(tx, job)
    if (job.dryRun) {
      await endJob(tx, job, { status: 'succeeded', error: null, stats: null, now })
      return undefined
    }
    const run = (await hooks.decide(deps, tx, job)) === 'run'
    const to = run
      ? ({ stage: 'running', status: 'in_progress' } as const)
      : ({ stage: 'waiting', status: 'pending' } as const)
    await moveJob(tx, job, { ...to, phase: run ? 'phase_a' : 'phase_0', now })
    return run ? plan : undefined
  })
}

async function execute(
  deps: Deps,
  job: SyncJob,
  { target }: Sides,
  signal: AbortSignal,
  hooks: Hooks,
  plan?: SyncPlan,
): Promise<void> {
  await moveJob(deps.db, job, {
    stage: 'running',
    status: 'in_progress',
    phase: 'phase_a',
    now: deps.clock(),
  })
  await announceRows(deps.db, job.counts)
  const [rows, journal] = await Promise.all([rowsOf(deps.db, job), journalOf(deps.db, job)])
  const work = openWork({ deps, job, target, signal, contents: plan && contentsIn(plan) }, rows, journal)
  await failRivalled(work)
  const from = performance.now()
  const lowerBound = await write(work, hooks)
  const seconds = (job.stats?.seconds ?? 0) + (performance.now() - from) / 1000
  const lowerBoundSeconds = lowerBound === null ? null : lowerBound / 1000
  await finish(work, { ...work.stats, seconds, lowerBoundSeconds })
}

const contentsIn = ({ rows }: SyncPlan): Map<number, Content> =>
  new Map(rows.map(({ desired, secrets }, seq) => [seq, { desired, secrets }]))

/** In batches where the target is the store of this server, by requests everywhere else. */
async function write(work: Work, hooks: Hooks): Promise<number | null> {
  const { target, rows } = work
  const inStore = rows.every(
    ({ type, tasks, targetId }) =>
      tasks.length === 0 || (targetId !== null && target.registry.get(type)?.connector === 'store'),
  )
  if (target.kind === 'remote' || !inStore) return runRequests(work, hooks.at)
  await runLocal(work)
  return null
}
