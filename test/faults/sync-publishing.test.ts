import sql from 'sql-template-tag'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Hooks } from '../../src/config-sync/execution/run.ts'
import { jobHooks } from '../../src/config-sync/jobs/hooks.ts'
import { planJob } from '../../src/config-sync/planning/plan-job.ts'
import { attempt, insertJob, rowStates, stateOf } from '../config-sync/jobs.ts'
import { type Caller, type TestApp, testApp } from '../harness/app.ts'
import { entryType, publishingMapping } from '../harness/publishing-mapping.ts'
import { link, type PublishingPlace, publishingPlace } from '../harness/publishing-place.ts'
import { seeded, seedOf } from '../harness/seeded.ts'
import { addType, documentsAs } from '../harness/store.ts'

/** `from` has pages in the store, `to` has them at a place that publishes and checks references. */
let app: TestApp
let place: PublishingPlace
let from: Caller
let authority: { org: string; principal: string }
const PAGE = { next: 'page', all: 'page' }

beforeEach(async () => {
  app = await testApp()
  app.deps.config.allowPrivateConnectors = true
  place = await publishingPlace()
  for (const org of ['from', 'to']) {
    await app.org(org)
    await addType(app, org, entryType('page', PAGE, org === 'to' ? 'place' : 'store'))
  }
  from = await app.key({ org: 'from', role: 'automation' })
  const to = await app.key({ org: 'to', role: 'automation' })
  authority = { org: 'to', principal: `key:${to.id}` }
  const mapping = publishingMapping(place, ['page'])
  const put = await to.call('PUT', '/v1/connectors/place', { kind: 'rest', mapping })
  expect(put.status, JSON.stringify(put.body)).toBe(200)
})
afterEach(async () => {
  await place.close()
  await app.close()
})

class Crash extends Error {}

const COUNT = 24
const idOf = (n: number) => `page-${n}`
/** In threes: the first two refer to each other, the third to both and to the three before. */
const linksOf = (n: number) =>
  n % 3 === 0 ? [n + 1] : n % 3 === 1 ? [n - 1] : [n - 1, n - 2, n - 3].filter((each) => each >= 0)
const pageOf = (n: number) => {
  const [first, ...others] = linksOf(n)
  return {
    title: { 'en-US': `Page ${n}` },
    // like an id, and none
    note: { 'en-US': idOf(first as number) },
    next: { 'en-US': link(idOf(first as number)) },
    all: { 'en-US': others.map((each) => link(idOf(each))) },
  }
}

async function fill(): Promise<void> {
  for (let n = 0; n < COUNT; n++) {
    const put = await documentsAs(from, 'page').put(idOf(n), { sys: { id: idOf(n) }, fields: pageOf(n) })
    expect(put.status, JSON.stringify(put.body)).toBeLessThan(300)
  }
}

const hooksFor = (count: number, at?: Hooks['at'], prefix = 'page'): Hooks => ({
  plan: (deps, { org }, { source, target }) => {
    if (!source) throw new Error('a sync without a source')
    const resources = Array.from({ length: count }, (_, n) => ({ type: 'page', id: `${prefix}-${n}` }))
    return planJob(deps, { org, source, target, resources, includeDependencies: false, now: deps.clock() })
  },
  decide: async () => 'run',
  ...(at ? { at } : {}),
})
const begin = (id: string) =>
  insertJob(app.deps, { id, org: 'from', sourceOrg: 'from', targetOrg: 'to', authority })

/** Attempts until the job has ended; `next` is a signal for each. */
async function untilEnded(id: string, hooks: Hooks, next = () => new AbortController().signal) {
  for (let again = true; again; ) {
    const signal = next()
    try {
      await attempt(app.deps, 'from', id, hooks, signal)
      again = (await stateOf(app.deps, 'from', id)).job.stage !== 'ended'
    } catch (error) {
      if (!(error instanceof Crash) && !signal.aborted) throw error
    }
  }
}

function checkAll(): void {
  expect(place.unpublished()).toEqual([])
  expect([...place.entries.values()].map(({ id, fields }) => [id, fields]).sort()).toEqual(
    Array.from({ length: COUNT }, (_, n) => [idOf(n), pageOf(n)]).sort(),
  )
}

test('[CN-21] circles at a place that checks references are published, with one more change for each circle', async () => {
  await fill()
  await begin('whole')
  await attempt(app.deps, 'from', 'whole', hooksFor(COUNT))
  expect((await stateOf(app.deps, 'from', 'whole')).counts).toEqual({ total: COUNT, created: COUNT })
  checkAll()
  const circles = COUNT / 3
  // what was changed later is read before, for whoever takes the job back
  const reads = place.asked.filter((each) => each.startsWith('GET'))
  expect([reads.length, place.asked.length - reads.length]).toEqual([circles, 2 * (COUNT + circles)])
  await begin('again')
  place.asked.length = 0
  await attempt(app.deps, 'from', 'again', hooksFor(COUNT))
  expect((await stateOf(app.deps, 'from', 'again')).counts).toEqual({ total: COUNT, unchanged: COUNT })
  expect(place.asked.filter((each) => !each.startsWith('GET'))).toEqual([])
})

test('[CN-21] whatever refers to whatever, itself too, is published as it was, though requests and answers are lost', async () => {
  const seed = seedOf(process.env)
  console.log(`SEED=${seed}`)
  const random = seeded(seed)
  for (let round = 0; round < 6; round++) {
    const ids = Array.from({ length: 12 }, (_, n) => `round${round}-${n}`)
    const some = (most: number) =>
      random
        .shuffled(ids)
        .slice(0, random.below(most + 1))
        .map((id) => link(id))
    const wanted = ids.map((id) => {
      const [next] = some(1)
      return [id, { ...(next ? { next: { 'en-US': next } } : {}), all: { 'en-US': some(3) } }] as const
    })
    for (const [id, fields] of wanted) await documentsAs(from, 'page').put(id, { sys: { id }, fields })
    let faults = round % 2 === 0 ? 0 : 20
    place.fate = () => {
      if (faults === 0 || random.below(4) > 0) return undefined
      faults--
      return random.below(2) === 0 ? 'unheard' : 'unanswered'
    }
    place.asked.length = 0
    const job = `round-${round}`
    await begin(job)
    await untilEnded(job, hooksFor(ids.length, undefined, `round${round}`))
    expect((await stateOf(app.deps, 'from', job)).counts).toEqual({ total: 12, created: 12 })
    expect(place.unpublished()).toEqual([])
    for (const [id, fields] of wanted) expect(place.entries.get(id)?.fields).toEqual(fields)
    const [plan] = await app.deps.db.query<{ completed: number }>(sql`
      SELECT count(*)::integer AS completed FROM config_journal
       WHERE org = 'from' AND job_id = ${job} AND step = 'complete'`)
    const writes = place.asked.filter((each) => !each.startsWith('GET')).length
    if (round % 2 === 0) expect(writes).toBe(2 * (12 + (plan?.completed as number)))
  }
})

test('[CN-20] a job that stops at every boundary, and between each write and its publishing, ends published', async () => {
  await fill()
  await begin('crashed')
  const seen = new Set<string>()
  const once = (key: string) => !seen.has(key) && seen.add(key)
  let stop = new AbortController()
  place.fate = (asked) => {
    const version = place.entries.get(asked.split('/')[2] as string)?.version
    if (!asked.endsWith('/published') || !once(`${asked} ${version === 1 ? 'first' : 'later'}`))
      return undefined
    stop.abort()
    return 'unheard'
  }
  const hooks = hooksFor(COUNT, (boundary, { seq, kind }) => {
    if (once(`${seq} ${kind} ${boundary}`)) throw new Crash()
  })
  await untilEnded('crashed', hooks, () => {
    stop = new AbortController()
    return stop.signal
  })
  expect([...seen].filter((each) => each.endsWith('first'))).toHaveLength(COUNT)
  expect((await stateOf(app.deps, 'from', 'crashed')).counts).toEqual({ total: COUNT, created: COUNT })
  checkAll()
})

test.each(['unheard', 'unanswered'] as const)(
  '[CN-20] each request that is %s once is done in the end',
  async (fate) => {
    await fill()
    await begin('lost')
    const seen = new Set<string>()
    place.fate = (asked) => {
      if (seen.has(asked)) return undefined
      seen.add(asked)
      return fate
    }
    await untilEnded('lost', hooksFor(COUNT))
    expect((await stateOf(app.deps, 'from', 'lost')).counts).toEqual({ total: COUNT, created: COUNT })
    checkAll()
  },
)

test('[CN-20] what is written and refused to be published fails, and says so', async () => {
  const fields = { title: { 'en-US': 'Page' }, next: { 'en-US': link('nowhere') } }
  await documentsAs(from, 'page').put('page-0', { sys: { id: 'page-0' }, fields })
  await begin('refused')
  await attempt(app.deps, 'from', 'refused', hooksFor(1))
  const [row] = await rowStates(app.deps, 'from', 'refused')
  expect(row).toMatchObject({
    ...{ status: 'failed', code: 'unfinished' },
    error: 'It was written, and the place answers 422 after that.',
  })
  expect(place.unpublished()).toEqual(['page-0'])
})

test.each([false, true])(
  '[CN-19] what another one created in the meantime is stale, also for a job that stopped (%s)',
  async (stops) => {
    await fill()
    const fields = { title: { 'en-US': 'Other' } }
    const other = { id: 'page-2', contentType: 'page', version: 1, fields }
    await begin('stale')
    const stopped = new Set<string>()
    const hooks = hooksFor(COUNT, (boundary, { seq, kind }) => {
      if (boundary !== 'after-intent') return
      // planned, and not looked for since
      place.entries.set('page-2', other)
      const key = `${seq} ${kind}`
      if (!stops || stopped.has(key)) return
      stopped.add(key)
      throw new Crash()
    })
    await untilEnded('stale', hooks)
    const rows = await rowStates(app.deps, 'from', 'stale')
    const row = rows.find(({ sourceId }) => sourceId === 'page-2')
    expect(row).toMatchObject({ status: 'failed', code: 'stale' })
    expect(place.entries.get('page-2')).toEqual(other)
  },
)

/** A rollback of a job, from the organisation whose job it was. */
const takeBack = (id: string, ofJob: string) =>
  insertJob(app.deps, {
    id,
    org: 'from',
    sourceOrg: null,
    targetOrg: 'to',
    kind: 'rollback',
    ofJob,
    authority,
  })
const taking = (at?: Hooks['at']): Hooks => ({
  ...{ plan: jobHooks.plan, decide: async () => 'run' },
  ...(at ? { at } : {}),
})

test('[CN-22] a rollback publishes what was changed as it was before', async () => {
  await fill()
  await begin('first')
  await attempt(app.deps, 'from', 'first', hooksFor(COUNT))
  for (const n of [0, 7])
    await documentsAs(from, 'page').put(idOf(n), {
      ...{ sys: { id: idOf(n) } },
      fields: { title: { 'en-US': 'Changed' } },
    })
  await begin('second')
  await attempt(app.deps, 'from', 'second', hooksFor(COUNT))
  expect((await stateOf(app.deps, 'from', 'second')).counts).toEqual({
    total: COUNT,
    patched: 2,
    unchanged: 22,
  })
  expect([place.entries.get(idOf(7))?.fields, place.unpublished()]).toEqual([
    { title: { 'en-US': 'Changed' } },
    [],
  ])
  await takeBack('back', 'second')
  await attempt(app.deps, 'from', 'back', taking())
  const { job } = await stateOf(app.deps, 'from', 'back')
  expect([job.status, job.stats?.verified]).toEqual(['succeeded', { equal: 2, different: 0 }])
  checkAll()
})

test('[CN-22] a rollback unpublishes and deletes what was created, circles too, though it stops between the two', async () => {
  await fill()
  await begin('first')
  await attempt(app.deps, 'from', 'first', hooksFor(COUNT))
  await takeBack('back', 'first')
  const seen = new Set<string>()
  const once = (key: string) => !seen.has(key) && seen.add(key)
  let stop = new AbortController()
  place.fate = (asked) => {
    if (!/^DELETE [^/]*\/entries\/[^/]+$/.test(asked) || !once(asked)) return undefined
    stop.abort()
    return 'unheard'
  }
  const hooks = taking((boundary, { seq, kind }) => {
    if (once(`${seq} ${kind} ${boundary}`)) throw new Crash()
  })
  await untilEnded('back', hooks, () => {
    stop = new AbortController()
    return stop.signal
  })
  expect([...seen].filter((each) => each.startsWith('DELETE'))).toHaveLength(COUNT)
  expect((await stateOf(app.deps, 'from', 'back')).counts).toEqual({ total: COUNT, deleted: COUNT })
  expect(place.entries.size).toBe(0)
})

test('[CN-22] what another one changed while it was being deleted stays', async () => {
  await fill()
  await begin('first')
  await attempt(app.deps, 'from', 'first', hooksFor(COUNT))
  await takeBack('back', 'first')
  const changed = { title: { 'en-US': 'Changed' } }
  let stop = new AbortController()
  let stopped = false
  place.fate = (asked) => {
    if (asked !== 'DELETE /entries/page-23' || stopped) return undefined
    stopped = true
    stop.abort()
    const entry = place.entries.get('page-23')
    if (entry) place.entries.set('page-23', { ...entry, version: entry.version + 1, fields: changed })
    return 'unheard'
  }
  await untilEnded('back', taking(), () => {
    stop = new AbortController()
    return stop.signal
  })
  const rows = await rowStates(app.deps, 'from', 'back')
  expect(rows.filter(({ code }) => code === 'stale').map(({ targetId }) => targetId)).toEqual(['page-23'])
  expect(place.entries.get('page-23')?.fields).toEqual(changed)
})
