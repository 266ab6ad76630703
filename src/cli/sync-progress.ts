import { failureLines, headline, isDeletion, type Job, type Phase } from './sync-job.ts'
import { clipped, lasting } from './sync-text.ts'

/** How many were done at a moment, in milliseconds. */
export type Sample = { at: number; done: number }

/** What the rate is taken from: long enough to even out batches, short enough to follow a target that slows down. */
const WINDOW_MS = 10_000
/** As many failures as a screen has room for; the rest comes with the end. */
const FAILURES = 5
const BAR = 24

export const doneOf = ({ counts }: Pick<Job, 'counts'>): number =>
  counts.total - counts.pending - counts.in_progress

/**
 * The samples with one more, without those that no longer count. Nothing is counted before a job runs: what its plan
 * left unchanged was done at once.
 */
export function sampled(samples: readonly Sample[], job: Job, at: number): Sample[] {
  if (job.stage !== 'running') return []
  return [...samples.filter((each) => each.at > at - WINDOW_MS), { at, done: doneOf(job) }]
}

/** Configurations a second over the window; undefined until it can be told. */
export function rateOf(samples: readonly Sample[]): number | undefined {
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last || last.at - first.at < 500 || last.done <= first.done) return undefined
  return ((last.done - first.done) * 1000) / (last.at - first.at)
}

/** `52/120 43 %, 12.3/s, 6 s left, 2 failed`. */
export function counter(job: Job, samples: readonly Sample[]): string {
  const { total, failed } = job.counts
  const done = doneOf(job)
  const percent = total === 0 ? 100 : Math.floor((done * 100) / total)
  const rate = job.stage === 'running' ? rateOf(samples) : undefined
  return [
    `${done}/${total} ${percent} %`,
    ...(rate === undefined ? [] : [`${rate.toFixed(1)}/s`, `${lasting((total - done) / rate)} left`]),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(', ')
}

const PHASES: readonly [Phase, string][] = [
  ['phase_0', 'read and plan'],
  ['phase_a', 'create'],
  ['phase_a5', 'resolve'],
  ['phase_b', 'change'],
  ['finalize', 'conclude'],
]

/** What a phase has to do and has done, as far as a job's header says. */
function amountOf(job: Job, phase: Phase): string {
  const { plan, counts } = job
  if (!plan) return ''
  const of = (done: number | undefined, all: number) => (all === 0 ? 'nothing' : `${done ?? 0}/${all}`)
  if (phase === 'phase_0') return `${counts.total} configurations, ${plan.requests} writes`
  if (phase === 'phase_a') return of(counts.created, plan.create)
  if (phase !== 'phase_b') return ''
  const closing = plan.completed > 0 ? `, closing ${plan.completed} circles` : ''
  if (plan.delete === 0) return of(counts.patched, plan.patch) + closing
  const deleted = `deleted ${of(counts.deleted, plan.delete)}`
  return plan.patch === 0 && isDeletion(job)
    ? deleted
    : `${of(counts.patched, plan.patch)}${closing}, ${deleted}`
}

/** What a screen shows of a job: its phases, how far it is, what failed. No line is wider than `width`. */
export function frame(job: Job, samples: readonly Sample[], width: number, height: number): string[] {
  const hasDone = job.stage === 'ended' && (job.status === 'succeeded' || job.status === 'partial')
  const current = hasDone ? PHASES.length : PHASES.findIndex(([id]) => id === job.current_phase)
  const here = job.stage === 'ended' ? '✗' : '▸'
  const phases = PHASES.map(([id, name], index) => {
    const mark = index < current ? '✓' : index === current ? here : ' '
    const batch = index === current && job.current_batch ? `  ${batchOf(job.current_batch)}` : ''
    return `  ${mark} ${id.padEnd(8)}  ${name.padEnd(13)}  ${amountOf(job, id)}${batch}`.trimEnd()
  })
  const failures = failureLines((job.errors_sample ?? []).slice(-FAILURES), 0)
  const lines = [headline(job), ...phases, `  ${bar(job)} ${counter(job, samples)}`, ...failures]
  // the last row of a screen would scroll it
  return lines.slice(0, Math.max(1, height - 1)).map((line) => clipped(line, width))
}

const batchOf = ({ index, of, level }: NonNullable<Job['current_batch']>): string =>
  `batch ${index} of ${of}, level ${level}`

function bar(job: Job): string {
  const { total } = job.counts
  const full = total === 0 ? BAR : Math.floor((doneOf(job) * BAR) / total)
  return `[${'#'.repeat(full)}${'-'.repeat(BAR - full)}]`
}

/** The same in one line, for what is not a screen. */
export function progressLine(job: Job, samples: readonly Sample[]): string {
  if (job.stage === 'planning') return 'being planned'
  const at = job.stage === 'running' ? (job.current_phase ?? 'running') : job.stage
  return `${at} ${counter(job, samples)}`
}
