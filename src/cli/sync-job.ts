import { EXIT, Refused } from './exit.ts'
import type { Call } from './remote.ts'
import { counted, lasting, plain } from './sync-text.ts'

export type Phase = 'phase_0' | 'phase_a' | 'phase_a5' | 'phase_b' | 'finalize'

export type Summary = {
  create: number
  patch: number
  delete: number
  unchanged: number
  refused: number
  requests: number
  completed: number
  at_least: number
  exact: boolean
  may_duplicate: number
  warned: number
}

/** A job as the routes of sync jobs and of delete jobs answer it; only the latter have `org_id` and no `kind`. */
export type Job = {
  id: string
  name?: string
  kind?: 'sync' | 'restore' | 'rollback' | 'delete'
  status: 'pending' | 'in_progress' | 'succeeded' | 'partial' | 'failed' | 'cancelled'
  stage: 'planning' | 'waiting' | 'running' | 'ended'
  direction?: 'push' | 'pull'
  source_org_id?: string
  target_org_id?: string
  org_id?: string
  dry_run?: boolean
  counts: { total: number; pending: number; in_progress: number; failed: number } & Record<string, number>
  current_phase?: Phase
  current_batch?: { index: number; of: number; level: number }
  plan_digest?: string
  plan?: Summary
  waiting_for?: { approval_id: string; session_id: string }
  of_job?: string
  started_at: string
  finished_at?: string
  stats?: {
    requests: number
    repeated: number
    seconds: number
    lower_bound_seconds?: number
    verified?: { equal: number; different: number }
  }
  errors_sample?: Failure[]
  error?: string
}

export type Failure = { type: string; source_id: string; error: string }

export type Event = {
  seq: number
  ts: string
  phase?: Phase
  type?: string
  source_id?: string
  target_id?: string
  status: string
  message?: string
  error?: string
}

/** A job by its id, of whatever kind. */
export async function readJob(call: Call, id: string): Promise<Job> {
  try {
    return await call<Job>('config-sync.jobs.read', { id })
  } catch (error) {
    if (!(error instanceof Refused) || error.body.code !== 'not-found') throw error
    return call<Job>('config-sync.deletes.read', { id })
  }
}

export const isDeletion = ({ kind }: Pick<Job, 'kind'>): boolean => kind === undefined || kind === 'delete'

/** How a command ends whose answer is this job. One that is under way is no failure. */
export function exitOf({ stage, status, dry_run, plan }: Pick<Job, 'stage' | 'status' | 'dry_run' | 'plan'>) {
  if (stage === 'waiting') return EXIT.waiting
  if (stage !== 'ended') return EXIT.ok
  if (status === 'partial') return EXIT.partial
  if (status !== 'succeeded') return EXIT.refused
  return dry_run && (plan?.refused ?? 0) > 0 ? EXIT.holes : EXIT.ok
}

/** What a job is, in a line. */
export function headline(job: Job): string {
  const target = job.target_org_id ?? job.org_id ?? ''
  const what = isDeletion(job)
    ? `deletion in ${target}`
    : job.kind === 'rollback'
      ? `rollback of ${job.of_job} in ${target}`
      : job.kind === 'restore'
        ? `restoration of ${target}`
        : `${job.direction} ${job.source_org_id} → ${target}`
  const name = job.name === undefined ? '' : ` “${job.name}”`
  return plain(`${job.id}  ${what}${name}${job.dry_run ? ' (dry run)' : ''}`)
}

const SAID = ['created', 'patched', 'deleted'] as const

/** What became of the configurations, counted. */
export function countsOf({ counts, dry_run }: Pick<Job, 'counts' | 'dry_run'>): string {
  const unchanged = counts.skipped_unchanged ?? 0
  const parts: [number, string][] = dry_run
    ? [
        [counts.would_create ?? 0, 'would be created'],
        [(counts.would_patch ?? 0) + (counts.would_match_heuristic ?? 0), 'would be changed'],
      ]
    : SAID.map((name) => [counts[name] ?? 0, name === 'patched' ? 'changed' : name])
  parts.push([unchanged, 'unchanged'], [counts.skipped ?? 0, 'skipped'], [counts.failed, 'failed'])
  if (!dry_run) parts.push([counts.pending + counts.in_progress, 'open'])
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  return `${told.join(', ') || 'nothing'} of ${counts.total}`
}

const secondsOf = ({ started_at, finished_at }: Job): number =>
  finished_at === undefined ? 0 : (Date.parse(finished_at) - Date.parse(started_at)) / 1000

function standing(job: Job): string {
  if (job.stage === 'planning') return 'being planned'
  if (job.stage === 'waiting') return 'waits for an approval'
  if (job.stage === 'running') return `under way since ${job.started_at}`
  return `${job.status} after ${lasting(secondsOf(job))}`
}

/** A job as lines for people: what it is, how far, what failed and what can be done about it. */
export function statusLines(job: Job, failures: readonly Failure[] = job.errors_sample ?? []): string[] {
  const { stats, plan_digest, waiting_for, error, id } = job
  return [
    headline(job),
    `${standing(job)}: ${countsOf(job)}`,
    ...(error === undefined ? [] : [plain(error)]),
    ...(stats ? [statsOf(stats)] : []),
    ...(plan_digest === undefined ? [] : [`plan ${plan_digest}`]),
    ...failureLines(failures, job.counts.failed),
    ...(waiting_for
      ? [
          `People decide on the approval ${waiting_for.approval_id} in the session ${waiting_for.session_id}; the job goes on by itself then.`,
        ]
      : []),
    ...nextOf(job).map((line) => `Next: ${line.replace('JOB', id)}`),
  ]
}

function statsOf({ requests, repeated, seconds, lower_bound_seconds, verified }: NonNullable<Job['stats']>) {
  const bound = lower_bound_seconds === undefined ? '' : `, ${lower_bound_seconds.toFixed(1)} s at best`
  const again = repeated > 0 ? `, ${repeated} of them again` : ''
  const read = verified ? `; read back: ${verified.equal} equal, ${verified.different} different` : ''
  // what goes into the store of the server itself takes no requests
  const sent = requests === 0 ? 'took' : `${counted(requests, 'request')}${again} in`
  return `${sent} ${seconds.toFixed(1)} s${bound}${read}`
}

export function failureLines(failures: readonly Failure[], failed: number): string[] {
  const more = failed - failures.length
  return [
    ...failures.map(({ type, source_id, error }) => plain(`failed: ${type}/${source_id}: ${error}`)),
    ...(more > 0 && failures.length > 0 ? [`and ${more} more that failed`] : []),
  ]
}

/** Commands that make sense now. */
function nextOf(job: Job): string[] {
  const { stage, status, dry_run, plan } = job
  if (stage !== 'ended') return ['countersign sync cancel JOB']
  if (dry_run)
    return status === 'succeeded' && (plan?.requests ?? 0) > 0 ? ['countersign sync apply JOB'] : []
  const retry = status === 'succeeded' || isDeletion(job) ? [] : ['countersign sync retry JOB']
  const wrote = SAID.some((name) => (job.counts[name] ?? 0) > 0)
  return wrote ? [...retry, 'countersign sync rollback JOB'] : retry
}
