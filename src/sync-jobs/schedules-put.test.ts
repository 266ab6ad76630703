import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { approve, openSession } from '../../test/harness/loop.ts'
import { feedOf, JOB, runOut, thing, thingsJob } from '../../test/harness/sync-source.ts'
import { startDue } from './engine/schedules.ts'

const PATH = '/api/admin/sync-jobs/schedule'
const NIGHTLY = { jobId: JOB, cron: '30 3 * * *', timeZone: 'Europe/Berlin', mode: 'full' }

let app: TestApp
let owner: Caller
let automation: Caller

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  automation = await app.key({ org: 'laurel', role: 'automation' })
  app.deps.syncJobs = [thingsJob(feedOf([thing(1)]))]
})
afterAll(() => app.close())

const jobNow = async () => (await owner.call('GET', `/api/agent/sync-jobs?jobId=${JOB}`)).body.job
const remove = (caller: Caller, more = '') => caller.call('DELETE', `${PATH}?jobId=${JOB}${more}`)

test('[JO-7] a schedule is previewed, set, replaced and removed, with its times in its own zone', async () => {
  const dry = await owner.call('PUT', PATH, { ...NIGHTLY, dryRun: true })
  expect(dry.body).toMatchObject({ mode: 'preview', plan: { arguments: { cron: '30 3 * * *' } } })
  expect(dry.body.plan.changes).toHaveLength(3)
  expect((await jobNow()).schedule).toBeNull()
  const put = await owner.call('PUT', PATH, NIGHTLY)
  expect(put.body).toMatchObject({ ok: true, jobId: JOB, schedule: { cron: '30 3 * * *', mode: 'full' } })
  const at = new Date(put.body.schedule.nextAt)
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', timeStyle: 'short' })
  expect(clock.format(at)).toBe('03:30')
  expect((await jobNow()).schedule).toEqual(put.body.schedule)
  const hourly = await owner.call('PUT', PATH, { jobId: JOB, cron: '0 * * * *' })
  expect(hourly.body.schedule).toMatchObject({ timeZone: 'UTC', mode: 'incremental' })
  expect((await remove(owner, '&dryRun=true')).body).toMatchObject({ mode: 'preview' })
  expect((await remove(owner)).status).toBe(200)
  expect((await jobNow()).schedule).toBeNull()
  expect((await remove(owner)).status).toBe(404)
  const audit = await owner.call('GET', '/api/admin/audit?limit=10')
  expect(audit.body.entries.map(({ event }: any) => event)).toEqual(
    expect.arrayContaining(['sync_schedule_put', 'sync_schedule_remove']),
  )
})

test('[JO-7] the clock starts one scan for each time, and none while one is under way', async () => {
  await owner.call('PUT', PATH, { jobId: JOB, cron: '0 * * * *' })
  await startDue(app.deps)
  expect((await jobNow()).history).toHaveLength(0)
  app.advance(3_600_000)
  await Promise.all([startDue(app.deps), startDue(app.deps)])
  const [first] = (await jobNow()).history
  expect(first).toMatchObject({ requestedBy: 'schedule', status: 'running' })
  app.advance(5 * 3_600_000)
  await startDue(app.deps)
  expect((await jobNow()).history).toHaveLength(1)
  await runOut(app.deps, 'laurel', first.id)
  app.advance(3_600_000)
  await startDue(app.deps)
  expect((await jobNow()).history).toHaveLength(2)
})

test.each([
  ['/cron', { cron: '* * * * * *' }],
  ['/cron', { cron: '61 3 * * *' }],
  ['/cron', { cron: 'every day at noon x' }],
  ['/timeZone', { timeZone: 'Mars/Olympus' }],
  ['/mode', { mode: 'half' }],
])('[JO-7] %s that means nothing is refused by its field: %j', async (pointer, wrong) => {
  const reply = await owner.call('PUT', PATH, { ...NIGHTLY, ...wrong })
  expect([reply.status, reply.body.errors?.[0]?.pointer]).toEqual([400, pointer])
})

test('[JO-7] the same request with one key is done once', async () => {
  const key = { 'idempotency-key': 'schedule-of-the-night' }
  const [first, second] = await Promise.all([
    automation.call('PUT', PATH, NIGHTLY, key),
    automation.call('PUT', PATH, NIGHTLY, key),
  ])
  expect(second.body).toEqual(first.body)
  const other = await automation.call('PUT', PATH, { ...NIGHTLY, mode: 'incremental' }, key)
  expect(other.body.code).toBe('idempotency-mismatch')
})

test('[JO-7] an agent sets a schedule only as a person approved it', async () => {
  const agent = await app.key({ org: 'laurel', role: 'agent' })
  const refused = await agent.call('PUT', PATH, NIGHTLY)
  expect([refused.status, refused.body.code]).toEqual([403, 'approval-required'])
  const weekly = { jobId: JOB, cron: '0 6 * * 1', timeZone: 'UTC', mode: 'full' }
  const { planDigest } = (await agent.call('PUT', PATH, { ...weekly, dryRun: true })).body.plan
  const sessionId = await openSession(agent)
  const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
    operationId: 'sync-jobs.schedules.put',
    input: weekly,
    planDigest,
    reason: 'Scan every week.',
  })
  const { id } = asked.body.approval
  await approve(owner, sessionId, id, planDigest)
  const by = { 'countersign-approval': `${id} ${planDigest}`, 'agent-session-id': sessionId }
  const done = await agent.call('PUT', PATH, weekly, by)
  expect([done.status, done.body.schedule?.cron]).toEqual([200, '0 6 * * 1'])
})
