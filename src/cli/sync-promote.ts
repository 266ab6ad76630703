import { Option } from 'commander'
import { Problem } from '../operation/errors.ts'
import { type Call, type Given, pages } from './remote.ts'
import { choice, objectIn, selected, type TokenOptions } from './sync-input.ts'
import type { Job } from './sync-job.ts'
import { entrusting, type JobCommands, type StartOptions } from './sync-run.ts'

type Planned = Given &
  TokenOptions &
  StartOptions & {
    from?: string
    to?: string
    type: string[]
    id: string[]
    dependencies: boolean
    conflicts: string
    choose: string[]
    overrides?: string
    name?: string
  }

const repeated = (text: string, before: string[]): string[] => [...before, text]

/** `sync plan`: a dry run of a selection, and its plan. */
export function planCommand({ command, target, calling, runs }: JobCommands): void {
  entrusting(command('plan', 'see what promoting a selection would do'))
    .argument('[resource...]', 'configurations of the source, as type/id')
    .option('--from <org>', 'where they come from; left out, it is the own organisation')
    .option('--to <org>', 'where they go; left out, it is the own organisation')
    .option('--type <type>', 'all of this type; again for more', repeated, [])
    .option('--id <id>', 'of that type only this one; again for more', repeated, [])
    .option('--no-dependencies', 'without what they refer to')
    .addOption(
      new Option('--conflicts <side>', 'what counts where both sides changed the same place')
        .choices(['source', 'target', 'fail'])
        .default('fail'),
    )
    .option('--choose <place=side>', "for one place: 'type/id#/pointer=source'", repeated, [])
    .option('--overrides <file>', 'JSON of merge patches on what the source has, by type:id')
    .option('--name <name>', 'what to call it')
    .option('--all', 'also what is unchanged, and long values as a whole')
    .action(async (resources: string[], options: Planned) => {
      const call = calling(options)
      const sides = await sidesOf(call, options)
      const key = target(options).key ?? ''
      const job = await runs.entrusted(async (token) => {
        const tokens = sides.isPush
          ? { target_auth_token: token }
          : { target_auth_token: key, source_auth_token: token }
        const chosen = await selectionOf(call, resources, options, sides, token)
        return call<Job>('config-sync.jobs.create', {
          ...{ source_org_id: sides.from, target_org_id: sides.to, ...tokens, dry_run: true },
          ...{ resources: chosen, include_dependencies: options.dependencies },
          conflicts: { default: options.conflicts, places: options.choose.map(choice) },
          ...(options.overrides ? { payload_overrides: await objectIn(options.overrides) } : {}),
          ...(options.name ? { name: options.name } : {}),
        })
      }, options)
      await runs.review(call, job.id, options)
    })
}

type Sides = { from: string; to: string; isPush: boolean }

/** The organisations of a promotion: one that is not said is the caller's own. */
async function sidesOf(call: Call, { from, to }: Planned): Promise<Sides> {
  const { org_id: own } = await call<{ org_id: string }>('config-hub.index.read', {})
  const sides = { from: from ?? own, to: to ?? own }
  if (sides.from === sides.to || (sides.from !== own && sides.to !== own))
    throw new Problem('validation-failed', {
      detail: `One of both organisations is ${own}: name the other one with --to, or with --from.`,
    })
  return { ...sides, isPush: sides.from === own }
}

/** What is selected one by one, and all of the types that are. */
async function selectionOf(
  call: Call,
  resources: readonly string[],
  { type: types, id: ids }: Planned,
  sides: Sides,
  token: string | undefined,
): Promise<{ type: string; id: string }[]> {
  if (ids.length > 0 && types.length !== 1)
    throw new Problem('validation-failed', { detail: '--id takes one --type.' })
  if (resources.length === 0 && types.length === 0)
    throw new Problem('validation-failed', {
      detail: 'Nothing is selected: name configurations as type/id, or take all of a --type.',
    })
  const named = resources.map(selected)
  const byId = ids.map((id) => ({ type: types[0] as string, id }))
  if (ids.length > 0) return [...named, ...byId]
  const all = await Promise.all(types.map((type) => allOf(call, type, sides, token)))
  return [...named, ...all.flat()]
}

async function allOf(call: Call, type: string, { from, isPush }: Sides, token: string | undefined) {
  if (isPush) {
    const found = await pages<{ id: string }>(call, 'config-hub.configs.list', { type, include: 'custom' })
    return found.map(({ id }) => ({ type, id }))
  }
  const { rows } = await call<{ rows: { source?: { id: string } }[] }>('config-hub.configs.compare', {
    ...{ type, source_org_id: from, source_auth_token: token, include: ['custom'] },
  })
  return rows.flatMap(({ source }) => (source ? [{ type, id: source.id }] : []))
}
