import type { z } from 'zod'
import type { SyncJob, SyncRun } from '../sync-jobs/schema.ts'
import { EXIT } from './exit.ts'
import { counted, plain } from './sync-text.ts'

export type Job = z.output<typeof SyncJob>
export type Run = z.output<typeof SyncRun>

/** How a command ends whose answer is this job: 0 only where nothing differs. A scan under way is no failure. */
export function exitOf({ status, drift }: Pick<Job, 'status' | 'drift'>): number {
  if (status === 'failed') return EXIT.refused
  if (status === 'needs-review') return EXIT.waiting
  if (status === 'paused') return EXIT.paused
  return drift.drift === 'drift' ? EXIT.drift : EXIT.ok
}

/** A run in a line: `full run, page 4: 2,000 records, 3 duplicates, 1 finding`. */
export function progressLine({ mode, status, stats }: Run): string {
  const parts = [
    counted(stats.recordsScanned, 'record'),
    ...(stats.duplicateRecordsSkipped > 0 ? [counted(stats.duplicateRecordsSkipped, 'duplicate')] : []),
    ...(stats.conflicts > 0 ? [counted(stats.conflicts, 'conflict')] : []),
    counted(stats.driftFindings, 'new finding'),
  ]
  return `${mode} run ${status}, ${counted(stats.pages, 'page')}: ${parts.join(', ')}`
}

/** Why a run is not done, line by line. */
export function troubleLines({ errors, resumeAt }: Run): string[] {
  const lines = errors.map(({ code, message }) => `! ${code}: ${plain(message)}`)
  return resumeAt === null ? lines : [...lines, `! goes on at ${resumeAt}`]
}

/** A job for people: where it stands, what it found, and what can be said about drift. */
export function jobText(job: Job): string {
  const { checkpoint, findings, drift, schedule, latestRun } = job
  return [
    `${job.id}: ${job.status}`,
    ...(latestRun ? [`  last run ${latestRun.id}: ${progressLine(latestRun)}`] : ['  never run']),
    ...(latestRun ? troubleLines(latestRun).map((line) => `  ${line}`) : []),
    ...(schedule ? [`  by the clock: ${schedule.cron} (${schedule.timeZone}), ${schedule.mode}`] : []),
    'checkpoint',
    `  ${counted(checkpoint.recordsProcessed, 'record')}, seen up to ${checkpoint.highWatermark ?? 'nothing'}`,
    `  last complete ${checkpoint.lastSuccessfulAt ?? 'never'}`,
    `  ${checkpoint.digest}`,
    findings.open === 0 ? 'findings: none open' : `findings: ${findings.open} open`,
    ...findings.byClass.map((each) => `  ${each.class}: ${each.open}`),
    `drift: ${drift.drift}`,
    `  ${plain(drift.statement)}`,
    ...drift.notes.map((note) => `  ${plain(note)}`),
  ].join('\n')
}
