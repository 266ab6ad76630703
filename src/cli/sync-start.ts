import { Problem } from '../operation/errors.ts'
import type { Given } from './remote.ts'
import { objectIn, selected, type TokenOptions } from './sync-input.ts'
import { countsOf, headline, type Job, readJob } from './sync-job.ts'
import {
  concluded,
  entrusting,
  isWanted,
  type JobCommands,
  type StartOptions,
  starting,
  tokenField,
  type WatchOptions,
  watchable,
} from './sync-run.ts'

type Applied = Given & TokenOptions & StartOptions & { digest?: string; session?: string; approval?: string }

/** `sync apply|retry|rollback|delete`: what makes jobs that write. */
export function startCommands({ command, calling, runs, output }: JobCommands): void {
  entrusting(watchable(command('apply', 'carry out a plan as it was reviewed')))
    .argument('<job>', 'the dry run, or the job that waits')
    .option('--digest <digest>', 'the digest of the plan that was reviewed')
    .option('--yes', 'without asking')
    .option('--session <id>', 'in this agent session')
    .option('--approval <reference>', 'by an approval: its id, a space, the planDigest')
    .action(async (id: string, { session, approval, ...options }: Applied) => {
      const call = calling(options)
      const job = await readJob(call, id)
      const digest = options.digest ?? job.plan_digest
      if (digest === undefined) throw new Problem('conflict', { detail: `The job ${id} has no plan.` })
      output().say(`${headline(job)}\n${countsOf(job)}\nplan ${digest}`)
      if (!(await isWanted(output(), 'Apply this plan?', options.yes))) return
      const applying = calling(options, {
        ...(session ? { session } : {}),
        ...(approval ? { approval } : {}),
      })
      const field = tokenField(job, 'apply')
      const made = await runs.entrusted(
        (token) =>
          applying<Job>('config-sync.jobs.apply', {
            ...{ id, plan_digest: digest },
            ...(field && token ? { [field]: token } : {}),
          }),
        options,
      )
      await runs.conclude(call, made.id, options)
    })
  entrusting(watchable(command('retry', 'do again what a job has left undone, as a new job')))
    .argument('<job>')
    .option('--overrides <file>', 'JSON of merge patches on what the source has, by type:id')
    .action(async (id: string, options: Given & TokenOptions & WatchOptions & { overrides?: string }) => {
      const call = calling(options)
      const field = tokenField(await readJob(call, id), 'retry')
      const payload = options.overrides ? { payload_overrides: await objectIn(options.overrides) } : {}
      const made = await runs.entrusted(
        (token) =>
          call<Job>('config-sync.jobs.retry', {
            id,
            ...payload,
            ...(field && token ? { [field]: token } : {}),
          }),
        options,
      )
      await runs.conclude(call, made.id, options)
    })
  starting(entrusting(command('rollback', 'take back what a job wrote, as a new job')))
    .argument('<job>')
    .action(async (id: string, options: Given & TokenOptions & StartOptions) => {
      const call = calling(options)
      const job = await readJob(call, id)
      const question = `${headline(job)}\n${countsOf(job)}\nTake this back?`
      if (!options.dryRun && !(await isWanted(output(), question, options.yes))) return
      const field = tokenField(job, 'rollback')
      const made = await runs.entrusted(
        (token) =>
          call<Job>('config-sync.jobs.rollback', {
            ...{ id, dry_run: options.dryRun === true },
            ...(field && token ? { [field]: token } : {}),
          }),
        options,
      )
      await concluded(runs, call, made.id, options)
    })
  starting(command('delete', 'delete configurations of the own organisation'))
    .argument('<resource...>', 'what to delete, as type/id')
    .option('--check-dependencies', 'refuse what others still need')
    .option('--name <name>', 'what to call it')
    .action(async (texts: string[], options: Given & StartOptions & Deletion) => {
      const resources = texts.map(selected)
      const question = `Delete ${resources.length === 1 ? texts[0] : `${resources.length} configurations`}?`
      if (!options.dryRun && !(await isWanted(output(), question, options.yes))) return
      const call = calling(options)
      const made = await call<Job>('config-sync.deletes.create', {
        ...{ resources, check_dependencies: options.checkDependencies === true },
        ...{ dry_run: options.dryRun === true, ...(options.name ? { name: options.name } : {}) },
      })
      await concluded(runs, call, made.id, options)
    })
}

type Deletion = { checkDependencies?: true; name?: string }
