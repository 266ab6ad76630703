import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { symbolOf } from '../../src/config-hub/compare/normalise.ts'
import {
  attempt,
  chained,
  hooksOf,
  insertJob,
  planOf,
  rowStates,
  stateOf,
  type Wanted,
} from '../config-sync/jobs.ts'
import { type TestApp, testApp } from '../harness/app.ts'
import { openOrg } from './sync.ts'
import { type SyncTarget, syncTarget } from './sync-target.ts'

let app: TestApp
beforeAll(async () => {
  app = await testApp()
})
afterAll(() => app.close())

class Crash extends Error {}

const stepOf = (parent: number, step: number) => symbolOf('thing', `s-${parent}#/steps/${step}/id`)

/** Things of which every third has steps, whose ids the target makes; the others name steps, and some their own. */
function withSteps(count: number): Wanted[] {
  return Array.from({ length: count }, (_, n): Wanted => {
    const base = { type: 'thing', sourceId: `s-${n}`, action: 'create' as const, targetId: null }
    const desired = { name: `Thing ${n}`, key: `key-${n}` }
    if (n % 3 === 0) {
      const own = n % 6 === 0
      const steps = [{ name: 'first' }, { name: 'second', ...(own ? { after: stepOf(n, 0) } : {}) }]
      return {
        ...{ ...base, desired: { ...desired, steps } },
        references: own ? [{ to: n, required: false }] : [],
        derives: [0, 1].map((step) => ({ symbol: stepOf(n, step), pointer: `/steps/${step}/id` })),
      }
    }
    const parent = n - (n % 3)
    const parents = [stepOf(parent, n % 2), symbolOf('thing', `s-${parent}`)]
    return {
      ...{ ...base, desired: { ...desired, parents, note: `see ${stepOf(parent, 1)}.` } },
      references: [{ to: parent, required: false }],
    }
  })
}

function checkSteps(target: SyncTarget, count: number): void {
  expect(target.wrong).toEqual([])
  const byKey = new Map([...target.things.values()].map((thing) => [thing.key, thing]))
  expect(target.things.size).toBe(count)
  type Steps = { id: string; name: string; after?: string }[]
  for (let n = 0; n < count; n++) {
    const thing = byKey.get(`key-${n}`) as Record<string, unknown>
    const parent = byKey.get(`key-${n - (n % 3)}`) as { id: string; steps: Steps }
    const ids = parent.steps.map(({ id }) => id)
    expect(new Set(ids).size).toBe(2)
    if (n % 3 === 0) expect(parent.steps[1]?.after).toBe(n % 6 === 0 ? ids[0] : undefined)
    else expect(thing).toMatchObject({ parents: [ids[n % 2], parent.id], note: `see ${ids[1]}.` })
  }
}

test('[SX-21] ids that the target makes within what it creates are read and written into what names them, whether its answer has them or not', async () => {
  for (const steps of ['answered', 'asked'] as const) {
    const target = await syncTarget({ steps })
    const org = `steps-${steps}`
    try {
      await openOrg(app, org, target, { derived_paths: ['/steps/*/id'] })
      await insertJob(app.deps, { id: org, org, targetOrg: org, sourceOrg: null })
      const phases = new Set<string>()
      const at = async (boundary: string, { seq, kind }: { seq: number; kind: string }) => {
        if (boundary !== 'after-outcome' || kind !== 'create' || seq % 3 > 0 || steps === 'answered') return
        const [row] = await app.deps.db.query<{ phase: string; row: string }>(sql`
          SELECT j.current_phase AS phase, r.phase AS row FROM config_jobs j
            JOIN config_job_rows r ON r.org = j.org AND r.job_id = j.id AND r.seq = ${seq}
           WHERE j.org = ${org} AND j.id = ${org}`)
        phases.add(`${row?.phase} ${row?.row}`)
      }
      await attempt(app.deps, org, org, hooksOf(planOf(withSteps(30)), { at }))
      expect((await stateOf(app.deps, org, org)).counts).toEqual({ total: 30, created: 30 })
      checkSteps(target, 30)
      const seen = await app.deps.db.query(sql`
        SELECT DISTINCT phase FROM config_job_events WHERE org = ${org} AND job_id = ${org} ORDER BY phase`)
      expect(seen.map((each) => (each as { phase: string }).phase)).toEqual([
        'finalize',
        'phase_0',
        'phase_a',
        'phase_a5',
        'phase_b',
      ])
      if (steps === 'asked') expect([...phases]).toEqual(['phase_a5 phase_a5'])
    } finally {
      await target.close()
    }
  }
})

test('[SX-21] a job that stops at every boundary loses none of the ids that the target made', async () => {
  const target = await syncTarget({ steps: 'asked' })
  const org = 'steps-bounds'
  try {
    await openOrg(app, org, target, { derived_paths: ['/steps/*/id'] })
    await insertJob(app.deps, { id: org, org, targetOrg: org, sourceOrg: null })
    const seen = new Set<string>()
    const hooks = hooksOf(planOf(withSteps(24)), {
      at(boundary, { seq, kind }) {
        const key = `${seq} ${kind} ${boundary}`
        if (seen.has(key)) return
        seen.add(key)
        throw new Crash(key)
      },
    })
    for (let again = true; again; )
      try {
        await attempt(app.deps, org, org, hooks)
        again = false
      } catch (error) {
        if (!(error instanceof Crash)) throw error
      }
    expect(seen.size).toBeGreaterThan(24 * 4)
    expect((await stateOf(app.deps, org, org)).counts).toEqual({ total: 24, created: 24 })
    checkSteps(target, 24)
  } finally {
    await target.close()
  }
})

test('[SX-22] what the target did not make fails its row by name, and what names it is skipped', async () => {
  const target = await syncTarget()
  const org = 'steps-none'
  try {
    await openOrg(app, org, target, { derived_paths: ['/steps/*/id'] })
    await insertJob(app.deps, { id: org, org, targetOrg: org, sourceOrg: null })
    await attempt(app.deps, org, org, hooksOf(planOf(withSteps(3))))
    expect((await rowStates(app.deps, org, org)).map(({ code, status }) => code ?? status)).toEqual([
      'underived',
      'dependency-failed',
      'dependency-failed',
    ])
    expect(target.things.size).toBe(1)
  } finally {
    await target.close()
  }
})

test('[SX-23] under a key that the target knows or keeps, a create whose answer was lost is not done twice though nothing else tells it', async () => {
  for (const keys of ['header', 'marker'] as const) {
    const target = await syncTarget({ keys })
    const org = `keys-${keys}`
    try {
      await openOrg(app, org, target, { natural_key: [] })
      const wanted = chained('thing', 40, 'symbol')
      await insertJob(app.deps, { id: org, org, targetOrg: org, sourceOrg: null })
      const lost = new Set<string>()
      const hooks = hooksOf(planOf(wanted), {
        at(boundary, { seq, kind }) {
          const key = `${seq} ${kind}`
          if (boundary !== 'after-request' || lost.has(key)) return
          lost.add(key)
          throw new Crash(key)
        },
      })
      for (let again = true; again; )
        try {
          await attempt(app.deps, org, org, hooks)
          again = false
        } catch (error) {
          if (!(error instanceof Crash)) throw error
        }
      expect(lost.size).toBe(planOf(wanted).tasks.length)
      expect(target.things.size).toBe(40)
      expect(target.writes).toBe(planOf(wanted).tasks.length)
      expect(target.wrong).toEqual([])
    } finally {
      await target.close()
    }
  }
})
