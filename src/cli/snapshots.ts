import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Operation } from '../operation/define.ts'
import { EXIT } from './exit.ts'
import { type Output, table } from './output.ts'
import { type Call, count, type Given, pages, remoteCommands, resource } from './remote.ts'
import type { Job } from './sync-job.ts'
import { concluded, isWanted, jobRuns, type StartOptions, starting } from './sync-run.ts'

type Snapshot = {
  id: string
  name: string
  status: string
  items: number
  created_at: string
  failed_types: string[]
  schedule?: string
}
type Selected = { type?: string[]; resource?: string[] }

/** `snapshots …`: what an organisation's configuration was at some moment. */
export function snapshotCommands(
  program: Command,
  operations: readonly Operation[],
  env: NodeJS.ProcessEnv,
  output: () => Output,
): void {
  const group = program.command('snapshots').description('configuration as it was at some moment')
  const { command, calling } = remoteCommands(group, operations, env)

  command('list', 'list snapshots, newest first')
    .option('--limit <n>', 'at most so many', count, 100)
    .action(async ({ limit, ...given }: Given & { limit: number }) => {
      const found = await pages<Snapshot>(calling(given), 'config-sync.snapshots.list', {}, limit)
      const rows = found.map(({ id, name, status, items, created_at, schedule = '' }) => [
        id,
        name,
        status,
        String(items),
        created_at,
        schedule,
      ])
      output().data({ results: found }, table(['id', 'name', 'status', 'items', 'taken', 'schedule'], rows))
    })
  selecting(command('create', 'keep the configuration as it is now'))
    .requiredOption('--name <name>')
    .option('--days <n>', 'remove it after so many days', count)
    .action(async ({ name, days, type, resource: resources, ...given }: Given & Selected & Creation) => {
      const call = calling(given)
      const made = await call<Snapshot>('config-sync.snapshots.create', {
        name,
        selection: selectionOf({ type, resource: resources } as Selected),
        ...(days === undefined ? {} : { expires_in_days: days }),
      })
      const taken = await whenTaken(call, made.id)
      output().data(taken, `${taken.id}: ${taken.items} configurations`)
      if (taken.failed_types.length > 0)
        output().say(`Left out, unreadable: ${taken.failed_types.join(', ')}`)
      if (taken.status !== 'ready') process.exitCode = EXIT.refused
    })
  command('show', 'show what a snapshot has')
    .argument('<id>')
    .action(async (id: string, given: Given) => {
      output().data(await calling(given)('config-sync.snapshots.read', { id }))
    })
  command('diff', 'show what changed since a snapshot')
    .argument('<id>')
    .option('--against <id>', 'up to that snapshot, not up to now')
    .option('--fields', 'which members, with their values')
    .action(
      async (id: string, { against, fields, ...given }: Given & { against?: string; fields?: true }) => {
        const asked = { id, ...(against ? { against } : {}), ...(fields ? { include: 'diff' } : {}) }
        const found = await pages<Differing>(calling(given), 'config-sync.snapshots.diff', asked)
        output().data(
          { results: found },
          found.length === 0 ? 'Nothing changed.' : found.map(told).join('\n'),
        )
      },
    )
  starting(command('restore', 'make the configuration what it was then'))
    .argument('<id>')
    .action(async (id: string, options: Given & StartOptions) => {
      const question = `Make the configuration what it was in ${id}?`
      if (!options.dryRun && !(await isWanted(output(), question, options.yes))) return
      const call = calling(options)
      const dry_run = options.dryRun === true
      const made = await call<Job>('config-sync.snapshots.restore', { id, dry_run })
      await concluded(jobRuns(env, output), call, made.id, options)
    })
  command('remove', 'remove a snapshot for good')
    .argument('<id>')
    .action(async (id: string, given: Given) => {
      output().data(await calling(given)('config-sync.snapshots.remove', { id }), `Removed ${id}.`)
    })
  command('schedules', 'list the schedules by which snapshots are taken').action(async (given: Given) => {
    const found = await calling(given)<{ results: Schedule[] }>('config-sync.schedules.list', {})
    const rows = found.results.map(({ id, name, every_hours, keep, next_at }) => [
      id,
      name,
      `${every_hours} h`,
      String(keep),
      next_at,
    ])
    output().data(found, table(['id', 'name', 'every', 'kept', 'next'], rows))
  })
  selecting(command('schedule', 'take snapshots by the clock'))
    .argument('<id>')
    .requiredOption('--name <name>')
    .option('--every <hours>', 'hours from one to the next', count, 24)
    .option('--keep <n>', 'how many stay', count, 14)
    .action(
      async (id: string, { name, every, keep, type, resource: resources, ...given }: Given & Planned) => {
        const selection = selectionOf({ type, resource: resources } as Selected)
        const asked = { id, name, every_hours: every, keep, selection }
        output().data(await calling(given)('config-sync.schedules.put', asked))
      },
    )
  command('unschedule', 'take no more snapshots by a schedule')
    .argument('<id>')
    .action(async (id: string, given: Given) => {
      output().data(await calling(given)('config-sync.schedules.remove', { id }), `Removed ${id}.`)
    })
}

type Creation = { name: string; days?: number }
type Planned = Selected & { name: string; every: number; keep: number }
type Schedule = { id: string; name: string; every_hours: number; keep: number; next_at: string }

const selecting = (command: Command): Command =>
  command
    .option('--type <type...>', 'these types only')
    .option('--resource <type:id...>', 'these configurations only')

const selectionOf = ({ type, resource: resources }: Selected) => ({
  ...(type ? { types: type } : {}),
  ...(resources ? { resources: resources.map(resource) } : {}),
})

const POLL_MS = 200

async function whenTaken(call: Call, id: string): Promise<Snapshot> {
  for (;;) {
    const snapshot = await call<Snapshot>('config-sync.snapshots.read', { id })
    if (snapshot.status !== 'building') return snapshot
    await setTimeout(POLL_MS)
  }
}

type Differing = {
  type: string
  id: string
  change: 'added' | 'removed' | 'changed' | 'secrets'
  diff?: { pointer: string; change: string; before?: unknown; after?: unknown }[]
}

const SIGNS = { added: '+', removed: '-', changed: '~', secrets: '*' } as const

function told({ type, id, change, diff = [] }: Differing): string {
  const members = diff.map(
    ({ pointer, change: how, before, after }) =>
      `    ${pointer || '/'} ${how}${before === undefined ? '' : ` from ${JSON.stringify(before)}`}${after === undefined ? '' : ` to ${JSON.stringify(after)}`}`,
  )
  return [`${SIGNS[change]} ${type} ${id}${change === 'secrets' ? ' (secrets)' : ''}`, ...members].join('\n')
}
