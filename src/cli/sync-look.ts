import { table } from './output.ts'
import { type Call, count, type Given, pages } from './remote.ts'
import {
  countsOf,
  type Event,
  exitOf,
  headline,
  isDeletion,
  type Job,
  readJob,
  statusLines,
} from './sync-job.ts'
import { interruptible, type JobCommands, showPlan, type WatchOptions, watchable } from './sync-run.ts'
import { plain } from './sync-text.ts'
import { eventLines, events, eventsAfter, failuresOf, follow } from './sync-watch.ts'

type Resource = {
  type: string
  status: string
  source_id?: string
  id?: string
  target_id?: string
  code?: string
  error?: string
}

/** `sync list|status|events|cancel`: what there is and what became of it. */
export function lookCommands({ command, calling, runs, output }: JobCommands): void {
  command('list', 'list jobs, newest first')
    .option('--deletions', 'those that delete')
    .option('--status <status>', 'only those that ended like this')
    .option('--limit <n>', 'at most so many', count, 25)
    .action(async ({ deletions, status, limit, ...given }: Given & Listing) => {
      const id = deletions ? 'config-sync.deletes.list' : 'config-sync.jobs.list'
      const found = await pages<Job>(calling(given), id, status ? { status } : {}, limit)
      const rows = found.map((job) => [
        headline(job).replace(`${job.id}  `, ''),
        job.stage === 'ended' ? job.status : job.stage,
        countsOf(job),
        job.started_at,
        job.id,
      ])
      output().data({ results: found }, table(['job', 'status', 'what', 'started', 'id'], rows))
    })
  watchable(command('status', 'show how far a job is, and what failed'))
    .argument('<job>')
    .option('--plan', 'show its plan')
    .option('--rows', 'show what became of each configuration')
    .option('--all', 'with a plan, also what is unchanged, and long values as a whole')
    .action(async (id: string, options: Given & WatchOptions & Looking) => {
      const call = calling(options)
      if (options.watch) return runs.conclude(call, id, options)
      const job = await readJob(call, id)
      process.exitCode = exitOf(job)
      const open = job.stage === 'waiting' || job.dry_run === true
      if (options.plan) return showPlan(call, job, { all: options.all, open }, output())
      const told = statusLines(job, await failuresOf(call, job)).join('\n')
      if (!options.rows) return output().data(job, told)
      const rows = await rowsOf(call, job)
      output().data({ job, rows }, `${told}\n\n${table(['status', 'what', 'there', 'why'], rows.map(cells))}`)
    })
  watchable(command('events', 'show what happened to a job, in order'))
    .argument('<job>')
    .option('--after <seq>', 'from this event on, without it', count)
    .option('--limit <n>', 'at most so many', count)
    .action(async (id: string, { after = 0, limit, ...options }: Given & WatchOptions & Span) => {
      const call = calling(options)
      if (!options.watch) {
        const results = await eventsAfter(call, id, after, limit)
        return output().data({ results }, results.map(eventLine).join('\n'))
      }
      const display = output().json
        ? events((value) => output().data(value))
        : eventLines((text) => output().say(text), eventLine)
      const until = options.untilEnd ? ('ended' as const) : ('settled' as const)
      const patience = (options.patience ?? 0) * 1000
      const job = await interruptible((signal) =>
        follow(call, id, { until, display, signal, patience, after }),
      )
      process.exitCode = exitOf(job)
    })
  command('cancel', 'stop a job at its next write')
    .argument('<job>')
    .action(async (id: string, given: Given) => {
      const job = await calling(given)<Job>('config-sync.jobs.cancel', { id })
      output().data(job, statusLines(job).join('\n'))
    })
}

type Listing = { deletions?: true; status?: string; limit: number }
type Looking = { plan?: true; rows?: true; all?: true }
type Span = { after?: number; limit?: number }

function eventLine({ seq, ts, phase, type, source_id, target_id, status, message, error }: Event): string {
  const what = type === undefined ? undefined : `${type}/${source_id ?? target_id ?? ''}`
  return plain([String(seq), ts, phase, status, what, message, error].filter(Boolean).join('  '))
}

const rowsOf = (call: Call, job: Job): Promise<Resource[]> =>
  pages(call, isDeletion(job) ? 'config-sync.deletions.list' : 'config-sync.resources.list', { id: job.id })

const cells = ({ type, status, source_id, id, target_id = '', code, error }: Resource): string[] =>
  [status, `${type}/${source_id ?? id}`, target_id, [code, error].filter(Boolean).join(': ')].map(plain)
