import type { Queryable } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import { fail } from '../../operation/errors.ts'
import { DEFINITIONS } from '../definitions.ts'
import type { Coverage, SyncJobDefinition } from './definition.ts'
import { digestText, EMPTY_DIGEST } from './digest.ts'
import { type ClassCount, countOpen } from './findings-store.ts'
import { findJobRow, findOpenRun, type JobRow, listRunRows, type RunRow, type Schedule } from './store.ts'

export type { RunRow, Schedule } from './store.ts'

/** The jobs of this deployment. */
export const definitionsOf = (deps: Deps): readonly SyncJobDefinition[] => deps.syncJobs ?? DEFINITIONS

export const definitionOf = (deps: Deps, jobId: string): SyncJobDefinition | undefined =>
  definitionsOf(deps).find(({ id }) => id === jobId)

/** Errors: not-found. */
export const requireDefinition = (deps: Deps, jobId: string): SyncJobDefinition =>
  definitionOf(deps, jobId) ??
  fail('not-found', {
    detail: `There is no sync job ${jobId}.`,
    errors: [{ pointer: '/jobId', message: 'unknown job' }],
  })

/** `agent-sync-checkpoint.v1`: written with the effects of each page, and kept by whatever fails. */
export type Checkpoint = {
  cursor: string | null
  highWatermark: Date | null
  lastSuccessfulAt: Date | null
  recordsProcessed: number
  duplicateRecordsSkipped: number
  digest: string
}

export type JobStatus = 'idle' | 'running' | 'completed' | 'failed' | 'paused' | 'needs-review'

/** A job as it stands in an organisation. */
export type Job = {
  id: string
  status: JobStatus
  checkpoint: Checkpoint
  /** Of the last run that completed. */
  completeThrough: Date | null
  lastFullAt: Date | null
  coverage: Coverage | null
  schedule: Schedule | null
  nextAt: Date | null
  latestRun: RunRow | undefined
  openFindings: readonly ClassCount[]
}

/** The job of an organisation; undefined when there is no such job. Never run, it is idle with an empty checkpoint. */
export async function findJob(
  deps: Deps,
  org: string,
  jobId: string,
  db: Queryable = deps.db,
): Promise<Job | undefined> {
  if (!definitionOf(deps, jobId)) return undefined
  const [row, open, [newest], openFindings] = await Promise.all([
    findJobRow(db, org, jobId),
    findOpenRun(db, org, jobId),
    listRunRows(db, org, { jobId, limit: 1 }),
    countOpen(db, { org, jobId }),
  ])
  const latestRun = open ?? newest
  return {
    id: jobId,
    status: statusOf(latestRun, openFindings),
    checkpoint: checkpointOf(row),
    completeThrough: row?.completeThrough ?? null,
    lastFullAt: row?.lastFullAt ?? null,
    coverage: row?.coverage ?? null,
    schedule: row?.schedule ?? null,
    nextAt: row?.nextAt ?? null,
    latestRun,
    openFindings,
  }
}

/** A run that completed leaves the job for review while a finding that only a person can judge is open. */
export function statusOf(run: RunRow | undefined, openFindings: readonly ClassCount[]): JobStatus {
  if (!run) return 'idle'
  if (run.status !== 'completed') return run.status
  return openFindings.some(({ needsPerson }) => needsPerson > 0) ? 'needs-review' : 'completed'
}

export const checkpointOf = (row: JobRow | undefined): Checkpoint => ({
  cursor: row?.cursor ?? null,
  highWatermark: row?.highWatermark ?? null,
  lastSuccessfulAt: row?.lastSuccessfulAt ?? null,
  recordsProcessed: row?.recordsProcessed ?? 0,
  duplicateRecordsSkipped: row?.duplicatesSkipped ?? 0,
  digest: digestText(row?.digest ?? EMPTY_DIGEST),
})

export const latestCheckpoint = async (db: Queryable, org: string, jobId: string): Promise<Checkpoint> =>
  checkpointOf(await findJobRow(db, org, jobId))
