import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import sql from 'sql-template-tag'
import type { Deps } from '../../src/deps.ts'
import { line } from '../harness/command.ts'
import type { Random } from '../harness/seeded.ts'
import { type Expected, expectedOf, type Model, newModel, type Sync } from './sync-model.ts'
import { type Place, placeAt } from './sync-model-place.ts'
import { adopt, compare, edit } from './sync-model-run.ts'
import type { Ran, World } from './sync-model-world.ts'

const PLACE = fileURLToPath(new URL('./sync-boundaries-place.ts', import.meta.url))

/** A place in a process of its own. */
export async function placeElsewhere(choosesIds: boolean): Promise<Place> {
  const child: ChildProcess = spawn(process.execPath, [PLACE], {
    env: { PATH: process.env.PATH, PLACE: JSON.stringify({ choosesIds }) },
  })
  const { url } = await line(child, 'serving')
  const gone = once(child, 'exit')
  return {
    ...placeAt(url, { choosesIds }),
    async close() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

export type Big = { model: Model; sync: Sync; expected: Expected[] }

/** Configurations of a large job: most are new to the target, others are there and change. */
const SIZE = 200
const KNOWN = 30

/** A job of 200 rows from a to b, ready to be planned, and what it is to do. */
export async function bigJob(world: World, random: Random): Promise<Big> {
  const model = newModel()
  const numbers = () => Array.from({ length: 6 }, () => random.below(1000))
  const grow = async (to: number) => {
    while (model.things.size < to) {
      const kind = random.below(5) === 0 ? 'leaf' : 'node'
      await edit(world, model, { do: 'add', side: 'a', kind, numbers: numbers() })
    }
  }
  const change = async (times: number) => {
    for (let n = 0; n < times; n++) await edit(world, model, { do: 'edit', side: 'a', numbers: numbers() })
  }
  const sync = (): Sync => ({
    ...{ from: 'a', to: 'b', dependencies: true, choice: 'fail', choosesIds: world.setting !== 'made ids' },
    resources: [...model.things.values()].flatMap(({ kind, on }) =>
      on.a ? [{ type: kind, id: on.a.id }] : [],
    ),
  })
  await grow(KNOWN)
  await change(KNOWN)
  const first = sync()
  adopt(model, first, expectedOf(model, first), await world.run(first))
  await grow(SIZE)
  // references go both ways, so that there are circles
  await change(2 * SIZE)
  const last = sync()
  const expected = expectedOf(model, last)
  assert.equal(expected.length, SIZE)
  return { model, sync: last, expected }
}

/** Once the job has ended: all of it was done, each once, and as often as is needed. */
export async function checkBig(
  world: World,
  { model, sync, expected }: Big,
  ran: Pick<Ran, 'status' | 'error' | 'rows'>,
  writes: number | undefined,
): Promise<void> {
  assert.equal(ran.status, 'succeeded', ran.error ?? '')
  adopt(model, sync, expected, ran)
  await compare(world, model)
  if (writes !== undefined) assert.equal(await world.writes('b'), writes, 'writes')
}

/** Writes at the place that a job is to make: one for each row that changes, one more for each that breaks a circle. */
export async function writesOf(deps: Pick<Deps, 'db'>, job: { org: string; id: string }): Promise<number> {
  const [row] = await deps.db.query<{ count: number }>(sql`
    SELECT coalesce(sum(jsonb_array_length(plan->'tasks')), 0)::integer AS count FROM config_job_rows
     WHERE org = ${job.org} AND job_id = ${job.id}`)
  return row?.count ?? 0
}
