import { setTimeout as sleep } from 'node:timers/promises'
import { Refused, Stopped, Unreachable } from './exit.ts'
import type { Call } from './remote.ts'
import { type Event, type Failure, failureLines, type Job, readJob } from './sync-job.ts'
import { frame, progressLine, type Sample, sampled } from './sync-progress.ts'

/** Where a job's progress is shown. */
export type Display = {
  /** Asks for events too. */
  events?: true
  update(job: Job, events: readonly Event[], now: number): void
  /** Something that is not about the job: that nothing answers. */
  note(line: string): void
  /** Gives the screen back. */
  close(): void
}

type Stream = Pick<NodeJS.WriteStream, 'write' | 'columns' | 'rows'>

/** Nobody works on jobs for longer than people wait without asking themselves why. */
const SILENT_MS = 5000

/** Says nothing, unless there is nothing for long. */
export function silent(say: (line: string) => void): Display {
  let since: number | undefined
  let told = false
  return {
    update({ id }, _, now) {
      since ??= now
      if (told || now - since < SILENT_MS) return
      told = true
      say(`${id} is still waiting for its plan; Ctrl-C ends the waiting.`)
    },
    note: say,
    close() {},
  }
}

const UP = (lines: number) => (lines > 0 ? `\u001b[${lines}A` : '')
const ERASE_LINE = '\u001b[K'
const ERASE_BELOW = '\u001b[J'
/** No cursor and no wrapping of lines that are wider than they look; and back. */
const TAKE = '\u001b[?25l\u001b[?7l'
const GIVE_BACK = '\u001b[?7h\u001b[?25h'

/** Draws over what it drew before, in one write and only when something is different, so that nothing flickers. */
export function screen(stream: Stream): Display {
  let samples: Sample[] = []
  let drawn: string[] = []
  let taken = false
  const draw = (lines: string[]) => {
    if (lines.join('\n') === drawn.join('\n')) return
    const body = lines.map((line) => `${line}${ERASE_LINE}\n`).join('')
    stream.write(`${taken ? '' : TAKE}${UP(drawn.length)}\r${body}${ERASE_BELOW}`)
    taken = true
    drawn = lines
  }
  return {
    update(job, _, now) {
      samples = sampled(samples, job, now)
      draw(frame(job, samples, stream.columns || 80, stream.rows || 24))
    },
    note(line) {
      if (drawn.length > 0) draw([...drawn.filter((each) => each !== line), line])
    },
    close() {
      if (taken) stream.write(GIVE_BACK)
    },
  }
}

/** One line whenever something is different, for logs; failures once each. */
export function lines(say: (line: string) => void): Display {
  let samples: Sample[] = []
  let last = ''
  const told = new Set<string>()
  const once = (line: string) => {
    if (told.has(line)) return
    told.add(line)
    say(line)
  }
  // rate and remaining time change all the time, and are no news
  const news = ({ stage, current_phase, counts }: Job) => JSON.stringify([stage, current_phase, counts])
  return {
    update(job, _, now) {
      samples = sampled(samples, job, now)
      for (const line of failureLines(job.errors_sample ?? [], 0)) once(line)
      if (news(job) === last) return
      last = news(job)
      say(progressLine(job, samples))
    },
    note: say,
    close() {},
  }
}

/** Each event as a line of JSON. */
export const events = (write: (value: unknown) => void): Display => ({
  events: true,
  update: (_, found) => {
    for (const event of found) write({ event })
  },
  note() {},
  close() {},
})

/** The same as text. */
export const eventLines = (say: (line: string) => void, text: (event: Event) => string): Display => ({
  events: true,
  update: (_, found) => {
    for (const event of found) say(text(event))
  },
  note: say,
  close() {},
})

const LOOK_MS = 250

export type Following = {
  /** As far as to its plan, to where it goes on or waits for people, or to its end whoever it waits for. */
  until: 'planned' | 'settled' | 'ended'
  display: Display
  signal: AbortSignal
  /** How long a server may be away, in milliseconds. */
  patience: number
  /** Events after this one. */
  after?: number
}

const isThere = ({ stage }: Job, until: Following['until']): boolean =>
  stage === 'ended' ||
  (until === 'planned' && stage !== 'planning') ||
  (until === 'settled' && stage === 'waiting')

/** Follows a job. Errors: `Stopped` once the signal comes, `Unreachable` when nothing answered for as long as allowed. */
export async function follow(call: Call, id: string, following: Following): Promise<Job> {
  const { until, display, signal, patience } = following
  const { promise: stopping, reject: stop } = Promise.withResolvers<never>()
  stopping.catch(() => {})
  const onAbort = () => stop(new Stopped(id))
  signal.addEventListener('abort', onAbort)
  let after = following.after ?? 0
  let away: number | undefined
  try {
    for (;;) {
      try {
        // the job before its events: once it is there, all of them are
        const job = await Promise.race([readJob(call, id), stopping])
        const found = display.events ? await Promise.race([eventsAfter(call, id, after), stopping]) : []
        after = found.at(-1)?.seq ?? after
        display.update(job, found, Date.now())
        if (isThere(job, until)) return job
        away = undefined
      } catch (error) {
        if (!isPassing(error)) throw error
        away ??= Date.now()
        if (Date.now() - away >= patience) throw error
        display.note('No answer; trying again.')
      }
      await Promise.race([sleep(LOOK_MS), stopping])
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    display.close()
  }
}

/** What a server says that starts, stops or has too much to do. */
const isPassing = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof Refused && error.body.retryable === true)

const PAGE = 500

/** All events after one. */
export async function eventsAfter(
  call: Call,
  id: string,
  from: number,
  limit = Number.POSITIVE_INFINITY,
): Promise<Event[]> {
  const found: Event[] = []
  for (let after = from; found.length < limit; ) {
    const size = Math.min(PAGE, limit - found.length)
    const page = await call<{ results: Event[]; next: number }>('config-sync.events.read', {
      id,
      after,
      size,
    })
    found.push(...page.results)
    if (page.results.length < size) break
    after = page.next
  }
  return found
}

/** What failed, the first of it: delete jobs say so row by row only. */
export async function failuresOf(call: Call, job: Job): Promise<Failure[]> {
  if (job.errors_sample) return job.errors_sample
  if (job.counts.failed === 0) return []
  const { results } = await call<{ results: { type: string; id: string; status: string; error?: string }[] }>(
    'config-sync.deletions.list',
    { id: job.id, size: 100 },
  )
  return results
    .filter(({ status }) => status === 'failed')
    .map(({ type, id, error = 'failed' }) => ({ type, source_id: id, error }))
}
