import type { Transaction } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import { tellFindings } from '../findings-feed.ts'
import type { ChangedRecord, RunContext, SourcePage, Subject, SyncJobDefinition } from './definition.ts'
import { type DraftedFinding, putFindings, resolveFindings } from './findings-store.ts'
import { outcomeOf, subjectText } from './page.ts'
import { selectKnown, sendRecords, sendSeen } from './records-store.ts'
import { findJobRow, findRunRow, type JobRow, type RunRow, sendJob, sendRun } from './store.ts'

/** The run is no longer this worker's: cancelled, or taken by another one. */
export class LostRun extends Error {
  constructor() {
    super('The run is no longer ours.')
    this.name = 'LostRun'
  }
}

export type Working = { definition: SyncJobDefinition; run: RunRow; job: JobRow }

/** Locks the run and its job for a transaction of its worker. Errors: LostRun. */
export async function hold(
  tx: Transaction,
  run: Pick<RunRow, 'org' | 'id' | 'attempt' | 'jobId'>,
): Promise<{ run: RunRow; job: JobRow }> {
  const [now, job] = await Promise.all([
    findRunRow(tx, run.org, run.id, true),
    findJobRow(tx, run.org, run.jobId, true),
  ])
  if (!now || !job || now.attempt !== run.attempt || now.status !== 'running') throw new LostRun()
  return { run: now, job }
}

/** A stable name of what a finding is about: the same whenever it is found again. */
export const fingerprintOf = (
  deps: Deps,
  jobId: string,
  { class: kind, sourceKind, key }: Pick<DraftedFinding, 'class' | 'sourceKind' | 'key'>,
): string =>
  `finding-${deps.sealing.hash(JSON.stringify(['finding', jobId, kind, sourceKind, key])).slice(0, 32)}`

type Projected = { opened: number; resolved: number }

/** Has what changed judged, and keeps the findings that come of it. */
export async function projectChanges(
  tx: Transaction,
  definition: SyncJobDefinition,
  context: RunContext,
  changed: readonly ChangedRecord[],
): Promise<Projected> {
  if (changed.length === 0) return { opened: 0, resolved: 0 }
  const { deps, org, jobId, runId, now } = context
  const { judged, findings } = await definition.project(tx, context, changed)
  const drafts = new Map(
    findings.map((draft) => {
      const fingerprint = fingerprintOf(deps, jobId, draft)
      return [fingerprint, { ...draft, fingerprint }] as const
    }),
  )
  const own = { org, jobId }
  const [put, resolved] = await Promise.all([
    putFindings(tx, own, [...drafts.values()], { runId, now }),
    resolveFindings(tx, own, distinct(judged), [...drafts.keys()], { runId, now }),
  ])
  await tellFindings(tx, org, [...put, ...resolved], now)
  return {
    opened: put.filter((each) => each.opened).length,
    resolved: resolved.filter(({ judgedAt }) => judgedAt === null).length,
  }
}

const distinct = (subjects: readonly Subject[]): Subject[] => [
  ...new Map(subjects.map((subject) => [subjectText(subject), subject])).values(),
]

export const contextOf = (deps: Deps, { org, jobId, id, mode }: RunRow, now: Date): RunContext => ({
  ...{ deps, org, jobId, mode, now, runId: id },
})

/**
 * One page in one transaction: its records, the findings that follow, the counts and the checkpoint, all or nothing.
 * Errors: LostRun, and what the job's `project` throws.
 */
export async function writePage(
  deps: Deps,
  { definition, run }: { definition: SyncJobDefinition; run: RunRow },
  { page, sourceId }: { page: SourcePage; sourceId: string },
): Promise<RunRow> {
  const own = { org: run.org, jobId: run.jobId }
  return deps.db.transaction(async (tx) => {
    const now = deps.clock()
    const [held, known] = await Promise.all([hold(tx, run), selectKnown(tx, own, distinct(page.records))])
    const byText = new Map(known.map((each) => [subjectText(each), each]))
    const outcome = outcomeOf(page.records, byText, run.id, held.job.digest)
    sendRecords(tx, own, outcome.written, now)
    sendSeen(tx, own, outcome.seen, run.id)
    const found = await projectChanges(tx, definition, contextOf(deps, run, now), outcome.changed)
    const moved = movedRun(held.run, { page, sourceId, outcome, found })
    const { pages, scanned, processed, duplicates, conflicts, opened, resolved, source } = moved
    sendRun(
      tx,
      held.run,
      {
        ...{ pages, scanned, processed, duplicates, conflicts, opened, resolved, source },
        ...{ cursor: moved.cursor, previous_cursor: moved.previousCursor, failures: 0 },
        watermarks: JSON.stringify(moved.watermarks),
      },
      now,
    )
    sendJob(tx, run.org, run.jobId, {
      cursor: page.position ?? page.next ?? held.job.cursor,
      high_watermark: highest(page, held.job.highWatermark),
      records_processed: moved.processed,
      duplicates_skipped: moved.duplicates,
      digest: outcome.digest,
    })
    return moved
  })
}

function highest({ records }: SourcePage, before: Date | null): Date | null {
  const newest = records.reduce(
    (most, { updatedAt }) => Math.max(most, updatedAt.getTime()),
    before?.getTime() ?? 0,
  )
  return newest === 0 ? null : new Date(newest)
}

type Done = {
  page: SourcePage
  sourceId: string
  outcome: { scanned: number; processed: number; duplicates: number; conflicts: number }
  found: { opened: number; resolved: number }
}

/** The run after a page: behind it, or at the next source. */
function movedRun(run: RunRow, { page, sourceId, outcome, found }: Done): RunRow {
  const ends = page.next === null
  return {
    ...run,
    pages: run.pages + 1,
    scanned: run.scanned + outcome.scanned,
    processed: run.processed + outcome.processed,
    duplicates: run.duplicates + outcome.duplicates,
    conflicts: run.conflicts + outcome.conflicts,
    opened: run.opened + found.opened,
    resolved: run.resolved + found.resolved,
    source: ends ? run.source + 1 : run.source,
    cursor: page.next,
    previousCursor: run.cursor,
    failures: 0,
    watermarks: page.highWatermark
      ? { ...run.watermarks, [sourceId]: page.highWatermark.toISOString() }
      : run.watermarks,
  }
}
