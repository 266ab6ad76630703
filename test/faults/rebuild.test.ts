import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { SECRET, type TestApp, testApp } from '../harness/app.ts'
import { line, start } from '../harness/command.ts'
import { otherPlace } from '../harness/place.ts'
import { seedOf } from '../harness/seeded.ts'
import { rebuildRounds } from './rebuild.ts'

const SEED = seedOf(process.env)
/** `npm run soak` makes it more. */
const ROUNDS = Number(process.env.REBUILD_ROUNDS ?? 6)
let app: TestApp
beforeAll(async () => {
  app = await testApp()
})
afterAll(() => app.close())

test(
  '[CI-30] [CI-31] kill -9 of the process that rebuilds, in many rounds: nothing lost, nothing half',
  async () => {
    const lines: string[] = []
    const told = () => `SEED=${SEED}\n${lines.join('\n')}`
    try {
      const result = await rebuildRounds(app, {
        rounds: ROUNDS,
        seed: SEED,
        onRound: (text) => void lines.push(text),
      })
      // without kills, reads and writes on the way nothing would be proven
      expect(result.kills, told()).toBeGreaterThanOrEqual(ROUNDS / 2)
      expect(Math.min(result.reads, result.writes), told()).toBeGreaterThan(50)
      console.info(`${told()}\n${JSON.stringify(result)}`)
    } catch (error) {
      throw new Error(told(), { cause: error })
    }
  },
  ROUNDS * 40_000,
)

test('[CI-30] the rebuild of a process that is killed goes on in another', async () => {
  await app.org('hops')
  const key = await app.key({ org: 'hops', role: 'automation' })
  const place = await otherPlace()
  place.items.journey = Array.from({ length: 5 }, (_, n) => ({ id: `j-${n}`, name: `Journey ${n}` }))
  const worker = async (): Promise<ChildProcess> => {
    const child = start(['--json', 'work'], {
      DATABASE_URL: app.database.url,
      COUNTERSIGN_SECRET: SECRET,
      COUNTERSIGN_ALLOW_PRIVATE_CONNECTORS: 'true',
      LOG_LEVEL: 'silent',
    })
    await line(child, 'ok')
    return child
  }
  const children: ChildProcess[] = []
  try {
    const mapping = place.mapping({ journey: 'journey' })
    await key.call('PUT', '/v1/connectors/place', { kind: 'rest', mapping })
    await key.call('PUT', '/v1/configs/types/journey', { connector: 'place' })
    children.push(await worker())
    const { promise, resolve } = Promise.withResolvers<void>()
    place.hold = promise
    await key.call('POST', '/v1/configs/index:rebuild', {})
    await vi.waitFor(() => expect(place.asked.length).toBe(1), 20_000)
    children.push(await worker())
    children[0]?.kill('SIGKILL')
    place.hold = undefined
    resolve()
    await vi.waitFor(
      async () => {
        const { body } = await key.call('GET', '/v1/configs/index')
        expect(body).toMatchObject({ status: 'ready', total_items: 5, failed_types: [] })
      },
      { timeout: 25_000, interval: 50 },
    )
  } finally {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await place.close()
  }
}, 90_000)
