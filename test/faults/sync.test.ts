import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attempt, chained, hooksOf, insertJob, planOf, rowStates, stateOf } from '../config-sync/jobs.ts'
import { SECRET, type TestApp, testApp } from '../harness/app.ts'
import { seeded, seedOf } from '../harness/seeded.ts'
import { checkDone, openOrg } from './sync.ts'
import { type Fault, syncTarget } from './sync-target.ts'

const SEED = seedOf(process.env)
/** `npm run soak` makes it more. */
const KILLS = Number(process.env.SYNC_KILLS ?? 6)
const WORKER = fileURLToPath(new URL('./sync-worker.ts', import.meta.url))
let app: TestApp
beforeAll(async () => {
  app = await testApp()
})
afterAll(() => app.close())

class Crash extends Error {}

test('[SX-11] [SX-12] a job that stops at every boundary of every request ends with each configuration once', async () => {
  const target = await syncTarget()
  try {
    await openOrg(app, 'bounds', target)
    const wanted = chained('thing', 200, 'symbol')
    await insertJob(app.deps, { id: 'bounds', org: 'bounds', targetOrg: 'bounds', sourceOrg: null })
    const plan = planOf(wanted)
    const seen = new Set<string>()
    const hooks = hooksOf(plan, {
      at(boundary, { seq, kind }) {
        const key = `${seq} ${kind} ${boundary}`
        if (seen.has(key)) return
        seen.add(key)
        throw new Crash(key)
      },
    })
    for (;;) {
      try {
        await attempt(app.deps, 'bounds', 'bounds', hooks)
        break
      } catch (error) {
        if (!(error instanceof Crash)) throw error
      }
    }
    expect(seen.size).toBe(plan.tasks.length * 4)
    await checkDone(app.deps, 'bounds', 'bounds', target, wanted)
  } finally {
    await target.close()
  }
}, 240_000)

test('[SX-13] lost answers, broken connections, 429, 503 and 500 make no duplicate and lose nothing', async () => {
  for (const chosenIds of [false, true]) {
    const target = await syncTarget({ chosenIds })
    const org = `faulty-${chosenIds}`
    try {
      await openOrg(app, org, target)
      const random = seeded(SEED)
      let pauses = 0
      target.fault = () => {
        const kind =
          (['limited', 'failed', 'lost', 'dropped', 'pause'] as Fault[])[random.below(25)] ?? 'none'
        return kind === 'pause' && ++pauses > 2 ? 'none' : kind
      }
      const wanted = chained('thing', 150, chosenIds ? 'id' : 'symbol')
      await insertJob(app.deps, { id: org, org, targetOrg: org, sourceOrg: null })
      await attempt(app.deps, org, org, hooksOf(planOf(wanted)))
      target.fault = () => 'none'
      await checkDone(app.deps, org, org, target, wanted)
      expect(target.mostAtOnce, `SEED=${SEED}`).toBeLessThanOrEqual(6)
      expect(target.mostAtOnce).toBeGreaterThan(1)
    } finally {
      await target.close()
    }
  }
}, 120_000)

test(
  '[SX-14] kill -9 of the process that does a job, again and again: each configuration once',
  async () => {
    const target = await syncTarget()
    const org = 'killed'
    try {
      await openOrg(app, org, target)
      const random = seeded(SEED)
      const wanted = chained('thing', 200, 'symbol')
      await insertJob(app.deps, { id: org, org, targetOrg: org, sourceOrg: null })
      await attempt(app.deps, org, org, hooksOf(planOf(wanted), { decide: async () => 'wait' }))
      await app.deps.db.query(
        sql`UPDATE config_jobs SET stage = 'running' WHERE org = ${org} AND id = ${org}`,
      )
      const config = { ...app.deps.config, databaseUrl: app.database.url, secret: SECRET, logLevel: 'error' }
      const kills: number[] = []
      for (;;) {
        const killAt = kills.length < KILLS ? 1 + random.below(Math.floor(700 / KILLS)) : 0
        const child = spawn(process.execPath, [WORKER], {
          env: { PATH: process.env.PATH, SYNC: JSON.stringify({ config, data: { org, id: org }, killAt }) },
          stdio: 'inherit',
        })
        const [code, signal] = await once(child, 'exit')
        if (signal === 'SIGKILL') {
          kills.push(killAt)
          continue
        }
        expect(code, `SEED=${SEED}`).toBe(0)
        break
      }
      console.info(`SEED=${SEED}: killed at ${kills}`)
      expect(kills).toHaveLength(KILLS)
      await checkDone(app.deps, org, org, target, wanted)
    } finally {
      await target.close()
    }
  },
  60_000 + KILLS * 10_000,
)

test('[SX-15] a pause that the target asks for holds requests back, not the job', async () => {
  const target = await syncTarget({ concurrency: 4 })
  const org = 'paused'
  try {
    await openOrg(app, org, target)
    target.fault = ({ n }) => (n === 5 ? 'pause' : 'none')
    const wanted = chained('thing', 30, 'symbol')
    await insertJob(app.deps, { id: org, org, targetOrg: org, sourceOrg: null })
    await attempt(app.deps, org, org, hooksOf(planOf(wanted)))
    await checkDone(app.deps, org, org, target, wanted)
    // nothing came for most of the second that it asked for, but what was under way
    const gaps = target.came.slice(1).map((at, index) => at - (target.came[index] as number))
    expect(Math.max(...gaps)).toBeGreaterThan(900)
    const { job } = await stateOf(app.deps, org, org)
    expect(job.stats).toMatchObject({ requests: planOf(wanted).tasks.length })
    expect(job.stats?.lowerBoundSeconds).toBeGreaterThan(0)
    const latencies = await app.deps.db.query(
      sql`SELECT kind FROM config_latencies WHERE org = ${org} ORDER BY kind`,
    )
    expect(latencies).toEqual([{ kind: 'thing complete' }, { kind: 'thing create' }])
  } finally {
    await target.close()
  }
})

test('[SX-2] at a target elsewhere too, what changed since it was planned fails as stale and its subtree is skipped', async () => {
  const target = await syncTarget({ chosenIds: true })
  const org = 'changed'
  try {
    await openOrg(app, org, target)
    target.things.set('s-3', { id: 's-3', key: 'quicker', revision: 1 })
    target.things.set('p', { id: 'p', key: 'p', revision: 7 })
    target.things.set('q', { id: 'q', key: 'q', revision: 1, kept: true })
    target.things.set('r', { id: 'r', key: 'r', revision: 1 })
    const wanted = [
      ...chained('thing', 8, 'id'),
      {
        type: 'thing',
        sourceId: 'p',
        action: 'patch' as const,
        revision: '6',
        desired: { key: 'p', name: 'new' },
      },
      {
        type: 'thing',
        sourceId: 'q',
        action: 'patch' as const,
        revision: '1',
        desired: { key: 'q', name: 'new' },
      },
      { type: 'thing', sourceId: 'r', action: 'delete' as const, revision: '1' },
    ]
    await insertJob(app.deps, { id: org, org, targetOrg: org, sourceOrg: null })
    await attempt(app.deps, org, org, hooksOf(planOf(wanted)))
    const states = await rowStates(app.deps, org, org)
    expect(states.map(({ code, status }) => code ?? status)).toEqual([
      'created',
      'created',
      'created',
      'stale',
      'created',
      'created',
      'dependency-failed',
      'dependency-failed',
      'stale',
      'patched',
      'deleted',
    ])
    expect(target.things.get('q')).toEqual({ id: 'q', key: 'q', name: 'new', revision: 2, kept: null })
    expect(target.things.has('r')).toBe(false)
    const { job, counts, rows } = await stateOf(app.deps, org, org)
    expect(job.status).toBe('partial')
    expect(rows).toEqual(counts)
    expect(target.wrong).toEqual([])
  } finally {
    await target.close()
  }
})

test('[SX-4] a job with requests that is cancelled sends nothing more, and notes what it had sent', async () => {
  const target = await syncTarget({ concurrency: 2 })
  const org = 'cancelled'
  try {
    await openOrg(app, org, target)
    await insertJob(app.deps, { id: org, org, targetOrg: org, sourceOrg: null })
    let outcomes = 0
    const at = async (boundary: string) => {
      if (boundary === 'after-outcome' && ++outcomes === 20)
        await app.deps.db.query(sql`
          UPDATE config_jobs SET stage = 'ended', status = 'cancelled' WHERE org = ${org} AND id = ${org}`)
    }
    await attempt(app.deps, org, org, hooksOf(planOf(chained('thing', 60, 'symbol')), { at }))
    const { job, counts, rows } = await stateOf(app.deps, org, org)
    expect(job.status).toBe('cancelled')
    expect(rows).toEqual(counts)
    const [done] = await app.deps.db.query<{ count: number }>(sql`
      SELECT count(*)::integer AS count FROM config_journal WHERE org = ${org} AND outcome = 'done'`)
    expect(done?.count).toBe(target.writes)
    expect(target.writes).toBeLessThan(24)
  } finally {
    await target.close()
  }
})
