import type { Deps } from '../../deps.ts'
import type { JobRun, QueueJob } from '../../jobs/queue.ts'
import { enqueue } from '../../jobs/send.ts'
import type { Since, Source, SyncJobDefinition } from './definition.ts'
import { SourceFailure, SourceLimited } from './definition.ts'
import { finish } from './finish.ts'
import { definitionOf } from './jobs.ts'
import { measurePage, measureRun } from './measure.ts'
import { RUN } from './runs.ts'
import {
  findJobRow,
  type JobRow,
  listStanding,
  type RunChange,
  type RunRow,
  takeRun,
  updateRun,
} from './store.ts'
import { hold, LostRun, writePage } from './write-page.ts'

/** The most records that are asked for in a page. */
const PAGE = 100
/** A source that is unavailable is tried again so often without a page in between, after pauses that double from 2 s. */
const TRIES = 6
const FIRST_PAUSE_MS = 2_000

/** Works on a run; data is {org, id}. */
export const runJob: QueueJob = {
  name: RUN,
  // each crash of a process spends one; what fails by itself ends or pauses its run
  attempts: 100,
  expireInSeconds: 12 * 3_600,
  concurrency: 2,
  run: work,
}

/**
 * Reads the sources page by page from where the run stands, until it has completed, paused or failed. Nothing is read
 * ahead: of a process that dies no more than the page it was at is read twice.
 */
export async function work(deps: Deps, { data, signal }: JobRun): Promise<void> {
  const { org, id } = data as { org: string; id: string }
  const run = await takeRun(deps.db, org, id, deps.clock())
  if (!run) return
  const definition = definitionOf(deps, run.jobId)
  try {
    if (!definition) throw new SourceFailure('not-configured')
    await go(deps, definition, run, signal)
  } catch (error) {
    if (error instanceof LostRun) return
    if (signal.aborted) throw error
    await stop(deps, run, error)
  }
  await measureRun(deps, run)
}

async function go(
  deps: Deps,
  definition: SyncJobDefinition,
  taken: RunRow,
  signal: AbortSignal,
): Promise<void> {
  const job = (await findJobRow(deps.db, taken.org, taken.jobId)) as JobRow
  const asked = await definition.sources(deps, taken.org, taken.mode, sinceOf(job))
  const { sources, coverage } = asked
  const mode = asked.mode ?? taken.mode
  await note(deps, taken, { coverage, mode, notes: JSON.stringify(asked.notes) })
  let run: RunRow = { ...taken, mode }
  for (let source = sources[run.source]; source; source = sources[run.source]) {
    signal.throwIfAborted()
    const page = await source.read(run.cursor, definition.pageSize ?? PAGE, signal)
    const written = await writePage(deps, { definition, run }, { page, sourceId: (source as Source).id })
    measurePage(deps, run, written)
    run = written
  }
  await finish(deps, { definition, run, sources, coverage })
}

/** What the last run that completed left; null before the first. */
const sinceOf = (job: JobRow): Since | null =>
  job.completeThrough === null || job.lastFullAt === null
    ? null
    : {
        completeThrough: job.completeThrough,
        lastFullAt: job.lastFullAt,
        watermarks: Object.fromEntries(
          Object.entries(job.watermarks).map(([id, at]) => [id, new Date(at)] as const),
        ),
      }

const note = (deps: Deps, run: RunRow, change: RunChange): Promise<void> =>
  deps.db.transaction(async (tx) => updateRun(tx, (await hold(tx, run)).run, change, deps.clock()))

/** Pauses or fails a run; its cursor and all that it wrote stay. */
async function stop(deps: Deps, run: RunRow, error: unknown): Promise<void> {
  const code = error instanceof SourceFailure ? error.code : 'internal'
  const limited = error instanceof SourceLimited
  if (code === 'internal' && !limited)
    deps.log.error({ err: error, org: run.org, run: run.id }, 'a sync run failed')
  try {
    await deps.db.transaction(async (tx) => {
      const now = deps.clock()
      const held = await hold(tx, run)
      const failures = held.run.failures + 1
      const errors = held.run.errors + 1
      const resumeAt = limited
        ? error.resumeAt
        : code === 'unavailable' && failures < TRIES
          ? new Date(now.getTime() + FIRST_PAUSE_MS * 2 ** (failures - 1))
          : undefined
      if (!resumeAt) {
        const change = { status: 'failed' as const, error_code: code, errors, failures, finished_at: now }
        await updateRun(tx, held.run, change, now)
        return
      }
      const why = limited ? { error_code: 'limited', errors } : { error_code: code, errors, failures }
      await updateRun(tx, held.run, { status: 'paused', resume_at: resumeAt, ...why }, now)
      await enqueue(tx, RUN, { org: run.org, id: run.id }, { startAfter: resumeAt })
    })
  } catch (lost) {
    if (!(lost instanceof LostRun)) throw lost
  }
}

/** By then a worker has written a page, or the job was lost with the queue's attempts. */
const STANDS_MS = 5 * 60_000
const AT_ONCE = 100

/** Takes up runs whose job was lost. */
export async function resumeStanding(deps: Deps): Promise<void> {
  const now = deps.clock()
  const before = new Date(now.getTime() - STANDS_MS)
  for (const { org, id } of await listStanding(deps.db, { before, now, limit: AT_ONCE }))
    await deps.db.transaction((tx) => enqueue(tx, RUN, { org, id }))
}
