import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestApp, testApp } from '../harness/app.ts'
import { seedOf } from '../harness/seeded.ts'
import { command, runCommands, type Tally } from './sync-model-run.ts'
import { openWorld, type Setting } from './sync-model-world.ts'

const SEED = seedOf(process.env)
/** Histories of 20 to 60 steps; `npm run soak` makes them more. A place elsewhere takes four times as long. */
const RUNS = Number(process.env.SYNC_RUNS ?? 15)
/** Looks for the shortest history that fails, which takes minutes. */
const SHRINK = process.env.SHRINK !== undefined
let app: TestApp
beforeAll(async () => {
  app = await testApp()
})
afterAll(() => app.close())

/** Random histories; that of a failure is in its message, and SEED repeats it. */
async function histories(setting: Setting, numRuns: number): Promise<Tally> {
  const tally: Tally = {}
  const steps = fc.array(command, { minLength: 20, maxLength: 60, size: 'max' })
  const property = fc.asyncProperty(steps, async (commands) => {
    const world = await openWorld(app, setting)
    try {
      await runCommands(world, commands, tally)
      tally.settled = (tally.settled ?? 0) + world.settled()
    } finally {
      await world.close()
    }
  })
  await fc.assert(property, {
    seed: SEED,
    numRuns,
    endOnFailure: !SHRINK,
  })
  console.info(`SEED=${SEED}, ${setting}: ${JSON.stringify(tally)}`)
  return tally
}

test.each([
  ['store', RUNS],
  ['chosen ids', RUNS / 3],
  ['made ids', RUNS / 3],
] as const)(
  '[SM-1] [SM-2] [SM-3] [SM-4] [SM-10] [SP-60] whatever happened before, and whatever goes wrong, both sides are what a small model says: %s',
  async (setting, runs) => {
    const tally = await histories(setting, Math.ceil(runs))
    // histories in which nothing happens would prove nothing
    const rare = runs >= 12 ? ['undone', 'stale'] : []
    if (setting === 'store') rare.push('settled')
    for (const what of ['create', 'patch', 'none', 'crashes', ...rare])
      expect(tally[what], what).toBeGreaterThan(0)
  },
  60_000 + RUNS * 20_000,
)
