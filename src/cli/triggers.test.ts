import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { finished, start } from '../../test/harness/command.ts'
import { type Receiver, receiver } from '../../test/harness/trigger-receivers.ts'
import { type Jobs, startJobs } from '../jobs/start.ts'

/** Processes of the program, beside other tests. */
vi.setConfig({ testTimeout: 60_000 })

const BASE = '/api/agent/workflow-triggers/subscriptions'

let app: TestApp
let automation: Caller & { bearer: string }
let at: Receiver
let jobs: Jobs
beforeAll(async () => {
  app = await testApp({ config: { allowPrivateTriggers: true } })
  await app.org('laurel')
  await app.person('laurel', 'owner')
  automation = await app.key({ org: 'laurel', role: 'automation' })
  at = await receiver()
  jobs = await startJobs(app.deps, app.database.connection)
})
afterAll(async () => {
  await jobs.stop()
  await at.stop()
  await app.close()
})

const triggers = (args: string[], key = automation.bearer) =>
  finished(start(['triggers', ...args], { COUNTERSIGN_URL: app.url, COUNTERSIGN_KEY: key }))

test('[TR-24] subscriptions are listed without their secrets, and a test delivery arrives signed', async () => {
  const made = await automation.call('POST', BASE, { url: at.url, families: ['live.readiness.changed'] })
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  const { secret, subscription } = made.body
  at.secrets.push(secret)

  const listed = await triggers(['list'])
  expect([listed.code, listed.stderr]).toEqual([0, ''])
  expect(listed.stdout).toContain(subscription.id)
  expect(listed.stdout).toContain(`${at.url}  live.readiness.changed  active`)
  const json = await triggers(['list', '--json'])
  expect(JSON.parse(json.stdout).subscriptions.map(({ id }: { id: string }) => id)).toEqual([subscription.id])
  expect(listed.stdout + json.stdout).not.toContain(secret)

  const sent = await triggers(['test', subscription.id])
  expect([sent.code, sent.stderr]).toEqual([0, ''])
  expect(sent.stdout).toMatch(/^delivery-\w+ is on its way\.\n$/)
  await vi.waitFor(() => expect(at.hits).toHaveLength(1), 20_000)
  expect(at.hits[0]).toMatchObject({
    id: sent.stdout.split(' ')[0],
    verified: true,
    body: { type: 'live.readiness.changed' },
  })
})

test('[TR-24] what is not there, not subscribed to or not allowed is said in one line', async () => {
  const [{ id }] = (await automation.call('GET', BASE)).body.subscriptions
  const missing = await triggers(['test', 'subscription-none'])
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('not-found')])
  const other = await triggers(['test', id, '--family', 'config.sync.finished'])
  expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('validation-failed')])
  const nobody = await triggers(['list'], 'csk_nobody')
  expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining('unauthenticated')])
})
