import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run, snapshotApp, snapshotsAs } from '../../test/config-sync/snapshots.ts'
import type { TestApp } from '../../test/harness/app.ts'
import { AGENT_SCOPES } from '../../test/harness/store.ts'
import { keepSnapshots } from './snapshots/take.ts'

let app: TestApp
let own: ReturnType<typeof snapshotsAs>

const HOUR_MS = 3_600_000
const PATH = '/v1/configs/snapshot-schedules'

beforeAll(async () => {
  app = await snapshotApp()
  own = snapshotsAs(app, await app.key({ org: 'laurel', role: 'automation' }))
  await own.things.put('thing-1', { title: 'One' })
})
afterAll(() => app.close())

const ofSchedule = async (id: string) => (await own.all('')).filter(({ schedule }) => schedule === id)
async function takeAll(): Promise<void> {
  for (const { id, status } of await own.all('')) if (status === 'building') await run(app, 'laurel', id)
}

test('[SN-9] a schedule takes one snapshot each interval, in one process only', async () => {
  const put = await own.call('PUT', `${PATH}/nightly`, { name: 'Nightly', every_hours: 24, keep: 2 })
  expect(put).toMatchObject({ status: 200, body: { id: 'nightly', every_hours: 24, keep: 2 } })
  await Promise.all([1, 2, 3].map(() => keepSnapshots(app.deps)))
  expect(await ofSchedule('nightly')).toHaveLength(1)
  await keepSnapshots(app.deps)
  expect(await ofSchedule('nightly')).toHaveLength(1)
  app.advance(24 * HOUR_MS)
  await keepSnapshots(app.deps)
  expect(await ofSchedule('nightly')).toHaveLength(2)
})

test('[SN-9] after a time without servers there is one, and the clock of the schedule stays', async () => {
  const [at] = (await own.call('GET', PATH)).body.results.map((each: any) => Date.parse(each.next_at))
  const before = (await ofSchedule('nightly')).length
  app.advance(10 * 24 * HOUR_MS)
  await keepSnapshots(app.deps)
  expect(await ofSchedule('nightly')).toHaveLength(before + 1)
  const [next] = (await own.call('GET', PATH)).body.results.map((each: any) => Date.parse(each.next_at))
  expect(next - at).toBe(10 * 24 * HOUR_MS)
  expect(next).toBeGreaterThan(app.deps.clock().getTime())
})

test('[SN-10] of a schedule’s snapshots the newest stay, once they are ready', async () => {
  const all = (await ofSchedule('nightly')).map(({ id }) => id)
  expect(all).toHaveLength(3)
  await takeAll()
  expect((await ofSchedule('nightly')).map(({ id }) => id)).toEqual(all.slice(0, 2))
})

test('[SN-10] a snapshot past its time is removed with what it held', async () => {
  const { id } = await own.take({ expires_in_days: 1 })
  const kept = await own.take()
  app.advance(24 * HOUR_MS)
  await keepSnapshots(app.deps)
  expect((await own.call('GET', `/v1/configs/snapshots/${id}`)).status).toBe(404)
  expect((await own.call('GET', `/v1/configs/snapshots/${kept.id}`)).status).toBe(200)
  const left = await app.deps.db.query(sql`
    SELECT 1 FROM config_snapshot_items WHERE org = 'laurel' AND snapshot_id = ${id}`)
  expect(left).toEqual([])
})

test('[SN-11] a schedule is previewed, replaced as a whole, and removed without its snapshots', async () => {
  const body = { name: 'Types', selection: { types: ['thing'] }, every_hours: 1, keep: 5 }
  const dry = await own.call('PUT', `${PATH}/hourly`, { ...body, dryRun: true })
  expect(dry.body).toMatchObject({ mode: 'preview', plan: { changes: [{ pointer: '/name' }, {}, {}, {}] } })
  expect((await own.call('GET', PATH)).body.results).toHaveLength(1)
  await own.call('PUT', `${PATH}/hourly`, body)
  await keepSnapshots(app.deps)
  const first = (await own.call('GET', PATH)).body.results[0]
  await own.call('PUT', `${PATH}/hourly`, { ...body, keep: 3 })
  const second = (await own.call('GET', PATH)).body.results[0]
  expect(second).toEqual({ ...first, keep: 3 })
  expect((await own.call('DELETE', `${PATH}/hourly`)).status).toBe(200)
  expect((await own.call('DELETE', `${PATH}/hourly`)).status).toBe(404)
  expect(await ofSchedule('hourly')).toHaveLength(1)
  const wrong = await own.call('PUT', `${PATH}/hourly`, { ...body, selection: { types: ['none_such'] } })
  expect(wrong).toMatchObject({ status: 400, body: { errors: [{ pointer: '/selection/types/0' }] } })
})

test('[SN-11] an agent needs an approval for what decides which snapshots there are', async () => {
  await app.person('laurel', 'owner')
  const agent = await app.key({ org: 'laurel', role: 'agent', scopes: AGENT_SCOPES })
  const { id } = await own.take()
  const answers = [
    await agent.call('PUT', `${PATH}/mine`, { name: 'Mine' }),
    await agent.call('DELETE', `${PATH}/nightly`),
    await agent.call('DELETE', `/v1/configs/snapshots/${id}`),
  ]
  expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
    answers.map(() => [403, 'approval-required']),
  )
  expect((await own.call('GET', `/v1/configs/snapshots/${id}`)).status).toBe(200)
})
