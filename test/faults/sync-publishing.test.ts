import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Hooks } from '../../src/config-sync/execution/run.ts'
import { planJob } from '../../src/config-sync/planning/plan-job.ts'
import { attempt, insertJob, rowStates, stateOf } from '../config-sync/jobs.ts'
import { type Caller, type TestApp, testApp } from '../harness/app.ts'
import { entryType, publishingMapping } from '../harness/publishing-mapping.ts'
import { link, type PublishingPlace, publishingPlace } from '../harness/publishing-place.ts'
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

const hooksFor = (count: number, at?: Hooks['at']): Hooks => ({
  plan: (deps, { org }, { source, target }) => {
    if (!source) throw new Error('a sync without a source')
    const resources = Array.from({ length: count }, (_, n) => ({ type: 'page', id: idOf(n) }))
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
