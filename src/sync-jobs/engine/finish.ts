import type { Transaction } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import type { Coverage, Source, SyncJobDefinition } from './definition.ts'
import { digestText, movedDigest } from './digest.ts'
import { countOpen } from './findings-store.ts'
import { countUnseen, listUnseen, sendRecords } from './records-store.ts'
import { type JobRow, type RunRow, updateJob, updateRun } from './store.ts'
import { contextOf, hold, projectChanges } from './write-page.ts'

/** A fifth of a kind, and more than ten: rather a wrong account or an empty answer than a day's work. */
const MANY = { share: 0.2, count: 10 }
const AT_ONCE = 500

export const isMass = ({ total, unseen }: { total: number; unseen: number }): boolean =>
  unseen > MANY.count && unseen > total * MANY.share

type Ending = { definition: SyncJobDefinition; run: RunRow; sources: readonly Source[]; coverage: Coverage }

/**
 * Ends a run whose sources are read: what a full scan did not see is removed, if it is not suspiciously much; else the
 * run waits for a person. In steps of a transaction each, so it goes on where it was cut off. Errors: LostRun.
 */
export async function finish(deps: Deps, ending: Ending): Promise<void> {
  const { run, sources } = ending
  const kinds = run.mode === 'full' ? completeKinds(sources) : []
  if (kinds.length > 0) {
    if (!run.accepted && (await waitsForPerson(deps, run, kinds))) return
    while (await removeSome(deps, ending, kinds));
  }
  await complete(deps, ending)
}

/** A kind that two sources share is complete when both are. */
function completeKinds(sources: readonly Source[]): string[] {
  const partial = new Set(
    sources.filter(({ complete }) => !complete).flatMap(({ sourceKinds }) => sourceKinds),
  )
  const all = new Set(sources.filter((source) => source.complete).flatMap(({ sourceKinds }) => sourceKinds))
  return [...all].filter((kind) => !partial.has(kind))
}

const waitsForPerson = (deps: Deps, run: RunRow, kinds: readonly string[]): Promise<boolean> =>
  deps.db.transaction(async (tx) => {
    const held = await hold(tx, run)
    const counts = await countUnseen(tx, { org: run.org, jobId: run.jobId }, kinds, run.id)
    const disappeared = counts.reduce((sum, { unseen }) => sum + unseen, 0)
    const waits = !held.run.accepted && counts.some(isMass)
    const change = waits ? { status: 'needs-review' as const, disappeared } : { disappeared }
    await updateRun(tx, held.run, change, deps.clock())
    return waits
  })

/** Removes some that the run did not see; answers whether there may be more. */
const removeSome = (deps: Deps, { definition, run }: Ending, kinds: readonly string[]): Promise<boolean> =>
  deps.db.transaction(async (tx) => {
    const now = deps.clock()
    const held = await hold(tx, run)
    const own = { org: run.org, jobId: run.jobId }
    const gone = await listUnseen(tx, own, kinds, run.id, AT_ONCE)
    if (gone.length === 0) return false
    sendRecords(
      tx,
      own,
      gone.map((record) => ({ ...record, deleted: true, seenRun: run.id })),
      now,
    )
    const changed = gone.map(({ sourceKind, key, updatedAt, content }) => ({
      ...{ sourceKind, key, updatedAt, content, before: content, deleted: true as const },
    }))
    const found = await projectChanges(tx, definition, contextOf(deps, run, now), changed)
    const counts = { opened: held.run.opened + found.opened, resolved: held.run.resolved + found.resolved }
    await updateRun(tx, held.run, counts, now)
    await updateJob(tx, run.org, run.jobId, {
      digest: movedDigest(
        held.job.digest,
        gone.map(({ hash }) => hash),
        [],
      ),
    })
    return gone.length === AT_ONCE
  })

const complete = (deps: Deps, { definition, run, coverage }: Ending): Promise<void> =>
  deps.db.transaction(async (tx) => {
    const now = deps.clock()
    const held = await hold(tx, run)
    await updateRun(tx, held.run, { status: 'completed', finished_at: now, error_code: null }, now)
    await keepCheckpoint(tx, held, { coverage, now })
    if (!definition.finished) return
    const { opened, resolved, startedAt } = held.run
    const counts = await countOpen(tx, { org: run.org, jobId: run.jobId })
    await definition.finished(tx, contextOf(deps, run, now), {
      ...{ opened, resolved, coverage, completeThrough: startedAt },
      open: counts.reduce((sum, { open }) => sum + open, 0),
      digest: digestText(held.job.digest),
    })
  })

/** What the next incremental run begins with, and what can be said of this one. */
async function keepCheckpoint(
  tx: Transaction,
  { run, job }: { run: RunRow; job: JobRow },
  { coverage, now }: { coverage: Coverage; now: Date },
): Promise<void> {
  await updateJob(tx, run.org, run.jobId, {
    complete_through: run.startedAt,
    last_successful_at: now,
    watermarks: JSON.stringify({ ...job.watermarks, ...run.watermarks }),
    ...(run.mode === 'full' ? { last_full_at: now, coverage } : {}),
  })
}
