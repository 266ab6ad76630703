import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { jobHooks } from '../../src/config-sync/jobs/hooks.ts'
import { SECRET, type TestApp, testApp } from '../harness/app.ts'
import { seeded, seedOf } from '../harness/seeded.ts'
import { bigJob, checkBig, placeElsewhere, writesOf } from './sync-boundaries.ts'
import { FAULTS, type Fault, openPlace } from './sync-model-place.ts'
import { Crash, openWorld, outcomeOf, type Setting, untilEnded } from './sync-model-world.ts'

const SEED = seedOf(process.env)
/** `npm run soak` says `all`: a kill at every boundary. */
const KILLS = process.env.BOUNDARY_KILLS ?? '20'
const WORKER = fileURLToPath(new URL('./sync-boundaries-worker.ts', import.meta.url))
const SETTINGS: readonly Setting[] = ['chosen ids', 'made ids']
let app: TestApp
beforeAll(async () => {
  app = await testApp()
})
afterAll(() => app.close())

test.each(SETTINGS)(
  '[SM-5] a planned job of 200 that stops at every boundary of every request, %s: each once',
  async (setting) => {
    const world = await openWorld(app, setting)
    try {
      const big = await bigJob(world, seeded(SEED))
      const before = await world.writes('b')
      const job = await world.insert(big.sync)
      const seen = new Set<string>()
      const at = (boundary: string, { seq, kind }: { seq: number; kind: string }) => {
        const key = `${seq} ${kind} ${boundary}`
        if (seen.has(key)) return
        seen.add(key)
        throw new Crash(key)
      }
      await untilEnded(app.deps, job, { ...jobHooks, decide: async () => 'run', at }, () => {})
      const writes = await writesOf(app.deps, job)
      expect(seen.size, `SEED=${SEED}`).toBe(writes * 4)
      await checkBig(world, big, await outcomeOf(app.deps, job), before + writes)
    } finally {
      await world.close()
    }
  },
  240_000,
)

test.each(SETTINGS)(
  '[SM-6] every write of such a job meets a fault of its place, %s: each once',
  async (setting) => {
    const place = await openPlace({ choosesIds: setting === 'chosen ids' })
    const world = await openWorld(app, setting, place)
    try {
      const random = seeded(SEED)
      const big = await bigJob(world, random)
      const before = place.writes
      // who waited for an answer in vain waits long: of that there is less
      const kinds = random.shuffled(FAULTS.filter((kind) => kind !== 'slow'))
      const met = new Set<string>()
      place.fault = ({ method, what }): Fault => {
        if (method === 'GET')
          return random.below(15) === 0 ? (kinds[random.below(kinds.length)] as Fault) : 'none'
        if (met.has(what)) return 'none'
        met.add(what)
        return met.size % 40 === 7 ? 'slow' : (kinds[met.size % kinds.length] as Fault)
      }
      const ran = await world.run(big.sync)
      place.fault = () => 'none'
      const writes = await writesOf(app.deps, ran)
      if (ran.status !== 'succeeded') console.info(ran.rows.filter(({ status }) => status === 'failed'))
      await checkBig(world, big, ran, before + writes)
      expect(met.size, `SEED=${SEED}`).toBeGreaterThanOrEqual(writes)
    } finally {
      await world.close()
      await place.close()
    }
  },
  240_000,
)

test(
  '[SM-7] kill -9 of the process that plans and does such a job, at a place with a process of its own: each once',
  async () => {
    const random = seeded(SEED)
    const setting = SETTINGS[random.below(2)] as Setting
    const place = await placeElsewhere(setting === 'chosen ids')
    const folder = mkdtempSync(path.join(tmpdir(), 'cs-boundaries-'))
    try {
      const world = await openWorld(app, setting, place)
      const big = await bigJob(world, random)
      const before = await world.writes('b')
      const job = await world.insert(big.sync)
      const config = { ...app.deps.config, databaseUrl: app.database.url, secret: SECRET, logLevel: 'error' }
      const seen = path.join(folder, 'seen')
      writeFileSync(seen, '')
      const kills: number[] = []
      for (;;) {
        const killAt = kills.length < Number(KILLS) ? 1 + random.below(60) : 0
        const how = KILLS === 'all' ? { seen } : { killAt }
        const child = spawn(process.execPath, [WORKER], {
          env: { PATH: process.env.PATH, SYNC: JSON.stringify({ config, data: job, ...how }) },
          stdio: 'inherit',
        })
        const [code, signal] = await once(child, 'exit')
        if (signal !== 'SIGKILL') {
          expect(code, `SEED=${SEED}`).toBe(0)
          break
        }
        kills.push(killAt)
      }
      const writes = await writesOf(app.deps, job)
      console.info(`SEED=${SEED}, ${setting}: killed ${kills.length} times`)
      // what is under way when another one kills is found again, and comes to fewer boundaries
      if (KILLS === 'all') expect(kills.length).toBeGreaterThan(writes * 2)
      else expect(kills).toHaveLength(Number(KILLS))
      await checkBig(world, big, await outcomeOf(app.deps, job), before + writes)
    } finally {
      await place.close()
      rmSync(folder, { recursive: true })
    }
  },
  KILLS === 'all' ? 3_600_000 : 240_000,
)
