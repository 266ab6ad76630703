import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import type { Operation } from '../operation/define.ts'
import { EXIT, Refused, Unreachable } from './exit.ts'
import type { Output } from './output.ts'
import { type Call, type Given, remoteCommands } from './remote.ts'
import { exitOf, type Job, jobText, progressLine, type Run, troubleLines } from './sync-jobs-text.ts'

/** The one job that every organisation has. */
const CATALOG_JOB = 'sync-job-stripe-catalog-app-references-0001'
/** Four looks a second: pages take longer than that. */
const LOOK_MS = 250

type Of = Given & { job: string }
type Running = Of & { mode: string; idempotencyKey?: string; wait: boolean }

/** `sync-jobs …`: scans of a running server, which report drift. Promotion of configuration is `sync …`. */
export function syncJobCommands(
  program: Command,
  operations: readonly Operation[],
  env: NodeJS.ProcessEnv,
  output: () => Output,
): void {
  const group = program.command('sync-jobs').description('scan the catalog for drift, and see what was found')
  const { command, calling } = remoteCommands(group, operations, env)
  const named = (line: string, description: string) =>
    command(line, description).option('--job <id>', 'the job', CATALOG_JOB)

  named('run', 'start a scan, or join the one under way, and follow it to its end')
    .addOption(
      new Option('--mode <mode>', 'everything, or what changed')
        .choices(['full', 'incremental'])
        .default('full'),
    )
    .option('--idempotency-key <key>', 'the same key again answers the same run and scans nothing')
    .option('--no-wait', 'only start it')
    .action(async ({ job, mode, idempotencyKey, wait, ...given }: Running) => {
      const starting = calling(given, idempotencyKey === undefined ? {} : { idempotencyKey })
      const { run } = await starting<{ run: Run }>('sync-jobs.runs.start', { jobId: job, mode })
      if (!wait) return output().data({ ok: true, run }, `${run.id}: ${progressLine(run)}`)
      await untilStopped(async (signal) => {
        await followRun(calling(given), run, output(), signal)
        if (!signal.aborted) return conclude(calling(given), job, output())
        output().say('No longer watching; the run goes on.')
        process.exitCode = EXIT.stopped
      })
    })
  named('status', 'where a job stands: checkpoint, findings by class, what can be said about drift').action(
    ({ job, ...given }: Of) => conclude(calling(given), job, output()),
  )
  named('watch', 'follow the runs of a job as they come')
    .option('--once', 'only the run that is under way')
    .action(({ job, once, ...given }: Of & { once?: true }) =>
      untilStopped((signal) => watch(calling(given), job, output(), { once: once === true, signal })),
    )
}

async function readJob(call: Call, jobId: string): Promise<Job> {
  return (await call<{ job: Job }>('sync-jobs.read', { jobId })).job
}

/** Shows the job as it is now, and ends the command by it. */
async function conclude(call: Call, jobId: string, output: Output): Promise<void> {
  const job = await readJob(call, jobId)
  output.data({ ok: true, job }, jobText(job))
  process.exitCode = exitOf(job)
}

/** A line for each page, until the run does nothing more by itself, or is paused. */
async function followRun(call: Call, first: Run, output: Output, signal: AbortSignal): Promise<Run> {
  const asked = patient(output)
  let run = first
  let told = ''
  for (;;) {
    const line = [progressLine(run), ...troubleLines(run)].join('\n')
    if (line !== told) output.say(line)
    told = line
    if (run.status !== 'running' || signal.aborted) return run
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
    const answer = await asked(() => call<{ run: Run }>('sync-jobs.runs.read', { runId: run.id }))
    run = answer?.run ?? run
  }
}

/** Each run from its start to its end, one after the other, until `signal` or, with `once`, until none is under way. */
async function watch(
  call: Call,
  jobId: string,
  output: Output,
  { once, signal }: { once: boolean; signal: AbortSignal },
): Promise<void> {
  const asked = patient(output)
  let seen: string | null | undefined
  while (!signal.aborted) {
    const job = await asked(() => readJob(call, jobId))
    const latest = job?.latestRun
    // what ended before it was watched is no news
    if (latest && (latest.status === 'running' || (seen !== undefined && latest.id !== seen))) {
      output.say(`${latest.id}, asked for by ${latest.requestedBy}`)
      const ended = await followRun(call, latest, output, signal)
      if (output.json) output.data({ run: ended })
    }
    if (job) seen = latest?.id ?? null
    if (once) return conclude(call, jobId, output)
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
  }
}

/** What a server says that starts, stops or has too much to do is waited out, and told once each time. */
function patient(output: Output): <T>(ask: () => Promise<T>) => Promise<T | undefined> {
  let away = false
  return async (ask) => {
    try {
      const answer = await ask()
      away = false
      return answer
    } catch (error) {
      if (!isPassing(error)) throw error
      if (!away) output.say('No answer; trying again.')
      away = true
      return undefined
    }
  }
}

const isPassing = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof Refused && error.body.retryable === true)

/** Follows until the person has seen enough. */
async function untilStopped(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  process.once('SIGINT', stop)
  try {
    await work(stopping.signal)
  } finally {
    process.off('SIGINT', stop)
  }
}
