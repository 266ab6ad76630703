import { styleText } from 'node:util'
import type { Command } from 'commander'
import { Problem } from '../operation/errors.ts'
import { EXIT, Refused } from './exit.ts'
import type { Output } from './output.ts'
import { type Call, count, pages, type Remote } from './remote.ts'
import { agreed, ask, isAttended, otherToken, TOKEN, type TokenOptions } from './sync-input.ts'
import { exitOf, isDeletion, type Job, statusLines } from './sync-job.ts'
import { type Paint, type Plan, planLines, type Row } from './sync-plan.ts'
import { type Display, events, failuresOf, follow, lines, screen, silent } from './sync-watch.ts'

export type WatchOptions = { watch?: true; untilEnd?: true; patience?: number }
export type StartOptions = WatchOptions & { yes?: true; dryRun?: true; all?: true }

/** Seconds that a server may be away, as when it starts anew. */
const PATIENCE = 10

export const watchable = (command: Command): Command =>
  command
    .option('--watch', 'show the progress until it has ended, or waits for an approval')
    .option('--until-end', 'while it waits for an approval, too')
    .option('--patience <seconds>', 'how long to wait for a server that does not answer', count, PATIENCE)

export const entrusting = (command: Command): Command =>
  command
    .option('--token-env <name>', `the variable that holds the other organisation's token (${TOKEN})`)
    .option('--token-file <file>', 'the file that holds it; else it is asked for')

/** Of commands that may only look, or write once somebody agrees. */
export const starting = (command: Command): Command =>
  watchable(command)
    .option('--dry-run', 'only plan it, and show the plan')
    .option('--all', 'show also what the plan leaves unchanged, and long values as a whole')
    .option('--yes', 'without asking')

/** What the commands about jobs share. */
export type JobCommands = Remote & { runs: Runs; output: () => Output }

/** Commands that have jobs made, follow them and tell what became of them. */
export type Runs = {
  /** Sends with a token of the other organisation: the one that is given, or one that is asked for where it is needed. */
  entrusted(send: (token?: string) => Promise<Job>, options: TokenOptions): Promise<Job>
  /** Follows a job as the options say, tells what became of it, and ends the command accordingly. */
  conclude(call: Call, id: string, options: WatchOptions): Promise<void>
  /** Waits for a job's plan and shows it. */
  review(call: Call, id: string, options: StartOptions): Promise<void>
}

export function jobRuns(env: NodeJS.ProcessEnv, output: () => Output): Runs {
  return {
    async entrusted(send, options) {
      const token = await otherToken(options, env)
      try {
        return await send(token)
      } catch (error) {
        if (token !== undefined || !wantsToken(error)) throw error
        if (!isAttended(output().json)) throw missingToken(error)
        return send(await ask('Token of the other organisation: ', true))
      }
    },
    async conclude(call, id, options) {
      const { json } = output()
      const display = options.watch ? displayOf(output(), env) : quiet(output())
      const until = !options.watch ? 'planned' : options.untilEnd ? 'ended' : 'settled'
      const job = await interruptible((signal) =>
        follow(call, id, { until, display, signal, patience: patienceOf(options) }),
      )
      const told = statusLines(job, await failuresOf(call, job))
      // the screen has said already which job it is
      const text = told.slice(options.watch && isScreen(json, env) ? 1 : 0).join('\n')
      output().data(json && options.watch ? { job } : job, text)
      process.exitCode = exitOf(job)
    },
    async review(call, id, options) {
      const job = await interruptible((signal) =>
        follow(call, id, {
          until: 'planned',
          display: quiet(output()),
          signal,
          patience: patienceOf(options),
        }),
      )
      if (job.plan_digest === undefined) output().data({ job }, statusLines(job).join('\n'))
      else await showPlan(call, job, { all: options.all, open: true }, output())
      // the header of a delete job does not say that nothing is to be written
      process.exitCode = exitOf({ ...job, dry_run: true })
    },
  }
}

/** Shows the plan that a job has, and how it is applied where that is still to come. */
export async function showPlan(
  call: Call,
  job: Job,
  { all, open }: { all?: true | undefined; open: boolean },
  output: Output,
): Promise<void> {
  const plan = await planOf(call, job.id, all === true || output.json)
  const apply =
    open && plan.summary.requests > 0
      ? { apply: `apply it: countersign sync apply ${job.id} --digest ${plan.digest}` }
      : {}
  const shown = { paint, ...apply, ...(all ? { whole: true } : {}) }
  output.data({ job, plan }, planLines(job, plan, shown).join('\n'))
}

async function planOf(call: Call, id: string, whole: boolean): Promise<Plan> {
  const filter = { id, ...(whole ? {} : { acting: true }) }
  const { digest, summary } = await call<Plan>('config-sync.plan.read', { ...filter, size: 1 })
  return { digest, summary, results: await pages<Row>(call, 'config-sync.plan.read', filter) }
}

const COLOURS = { create: 'green', patch: 'yellow', delete: 'red', none: 'dim', refused: 'magenta' } as const

/** Colour on a terminal that has it, unless NO_COLOR says otherwise. */
const paint: Paint = (action, text) => styleText(COLOURS[action], text, { stream: process.stdout })

const patienceOf = ({ patience = PATIENCE }: WatchOptions): number => patience * 1000

const isScreen = (json: boolean, { TERM }: NodeJS.ProcessEnv): boolean =>
  !json && process.stdout.isTTY === true && TERM !== 'dumb'

function displayOf(output: Output, env: NodeJS.ProcessEnv): Display {
  if (output.json) return events((value) => output.data(value))
  return isScreen(false, env) ? screen(process.stdout) : lines((line) => output.say(line))
}

const quiet = ({ json }: Output): Display =>
  silent((line) => void (json || process.stderr.write(`${line}\n`)))

/** Work that Ctrl-C ends without ending what the server does; pressed again, it ends the process. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController()
  const stop = () => {
    interrupted.abort()
    // a request that nobody answers any more keeps nobody here
    setTimeout(() => process.exit(EXIT.stopped), 500).unref()
  }
  process.once('SIGINT', stop)
  // whoever reads no further has seen enough
  process.stdout.once('error', stop)
  try {
    return await work(interrupted.signal)
  } finally {
    process.off('SIGINT', stop)
    process.stdout.off('error', stop)
  }
}

const POINTERS = ['/target_auth_token', '/source_auth_token']

const wantsToken = (error: unknown): error is Refused =>
  error instanceof Refused &&
  Array.isArray(error.body.errors) &&
  error.body.errors.some(({ pointer }: { pointer: string }) => POINTERS.includes(pointer))

const missingToken = ({ message }: Refused): Problem =>
  new Problem('validation-failed', {
    detail: `A token of the other organisation is needed: ${message}`,
    nextAction: `Put it into ${TOKEN}, or name a variable with --token-env or a file with --token-file.`,
  })

/** As which input a job that follows another one takes the token; undefined: it needs none. */
export function tokenField(
  { kind, direction }: Job,
  step: 'apply' | 'retry' | 'rollback',
): 'target_auth_token' | 'source_auth_token' | undefined {
  if (isDeletion({ kind } as Job) || kind === 'restore') return undefined
  if (direction === 'push') return 'target_auth_token'
  // a plan has all that the source had, and what a pull wrote is at home
  return step === 'retry' && kind === 'sync' ? 'source_auth_token' : undefined
}

export const concluded = (runs: Runs, call: Call, id: string, options: StartOptions): Promise<void> =>
  options.dryRun ? runs.review(call, id, options) : runs.conclude(call, id, options)

/** Asks whether to write. Turned down, the command ends as refused. */
export async function isWanted(output: Output, question: string, yes: true | undefined): Promise<boolean> {
  if (await agreed(question, yes, output.json)) return true
  output.say('Nothing was written.')
  process.exitCode = EXIT.refused
  return false
}
