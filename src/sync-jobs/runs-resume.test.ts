import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { type Feed, feedOf, JOB, runOut, thing, thingsJob } from '../../test/harness/sync-source.ts'

const PATH = '/api/agent/sync-jobs'

let app: TestApp
let automation: Caller
let grant: Caller
let owner: Caller
let feed: Feed

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  automation = await app.key({ org: 'laurel', role: 'automation' })
  grant = await app.key({ org: 'laurel', role: 'agent' })
})
beforeEach(() => {
  feed = feedOf(Array.from({ length: 40 }, (_, n) => thing(n)))
  app.deps.syncJobs = [thingsJob(feed)]
})
afterAll(() => app.close())

const start = async (caller = automation): Promise<string> =>
  (await caller.call('POST', PATH, { jobId: JOB })).body.run.id
const run = (id: string) => runOut(app.deps, 'laurel', id)
const post = async (caller: Caller, id: string, what: string, body: unknown = {}) => {
  const reply = await caller.call('POST', `${PATH}/runs/${id}/${what}`, body)
  return [reply.status, reply.body.code ?? reply.body.run.status]
}

test('[JO-6] a run is cancelled at its checkpoint, once, and goes on after it', async () => {
  feed.before = async (cursor) => {
    if (cursor === '20') await post(grant, id, 'cancel')
  }
  const id = await start(grant)
  await run(id)
  const { body } = await owner.call('GET', `${PATH}/runs/${id}`)
  expect(body.run).toMatchObject({ status: 'failed', errors: [{ code: 'cancelled' }], stats: { pages: 2 } })
  expect(await post(grant, id, 'cancel')).toEqual([409, 'conflict'])
  feed.before = () => {}
  feed.reads = []
  expect(await post(grant, id, 'resume')).toEqual([200, 'running'])
  expect((await run(id)).status).toBe('completed')
  expect(feed.reads).toEqual(['20', '30'])
  expect(await post(grant, id, 'resume')).toEqual([409, 'conflict'])
})

test('[JO-6] that much is gone is said by people and the keys of admins, never by agents or automation', async () => {
  await run(await start())
  const admin = await app.key({ org: 'laurel', role: 'artist-admin', user: (owner as any).email })
  for (const judge of [owner, admin]) {
    feed.records = feed.records.slice(0, Math.floor(feed.records.length / 2))
    const id = await start()
    await run(id)
    const job = (await automation.call('GET', `${PATH}?jobId=${JOB}`)).body.job
    expect(job).toMatchObject({ status: 'needs-review', errors: [{ code: 'disappeared' }] })
    expect(job.latestRun.stats.disappeared).toBeGreaterThan(10)
    for (const caller of [grant, automation]) {
      expect(await post(caller, id, 'resume', { accept: true })).toEqual([403, 'forbidden'])
      expect(await post(caller, id, 'resume')).toEqual([409, 'conflict'])
    }
    expect(await post(judge, id, 'resume', { accept: true })).toEqual([200, 'running'])
    expect((await run(id)).status).toBe('completed')
    if (feed.records.length <= 20) feed.records = Array.from({ length: 60 }, (_, n) => thing(n))
    await run(await start())
  }
})

test('[JO-6] a run of nobody is not found', async () => {
  expect(await post(owner, 'sync-run-of-nobody', 'cancel')).toEqual([404, 'not-found'])
  expect(await post(owner, 'sync-run-of-nobody', 'resume', { accept: true })).toEqual([404, 'not-found'])
})
