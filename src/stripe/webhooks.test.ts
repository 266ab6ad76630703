import sql from 'sql-template-tag'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type TestApp, testApp } from '../../test/harness/app.ts'
import { runOut } from '../../test/harness/sync-source.ts'
import { type StripeServer, startStripe } from '../demo/stripe/server.ts'
import { installJobs } from '../jobs/install.ts'
import { QUEUE_JOBS } from '../jobs/list.ts'
import type { QueueJob } from '../jobs/queue.ts'
import { listRuns } from '../sync-jobs/engine/runs.ts'
import { STRIPE_CATALOG } from '../sync-jobs/stripe-catalog/definition.ts'
import { forgetEvents, scanForWaiting, scanJobWith } from './scan.ts'

const SECRETS = { old: 'whsec_the0old0secret', next: 'whsec_the0next0secret' }
const NOW = new Date('2026-05-20T12:00:00.000Z')
const SECONDS = NOW.getTime() / 1000

let app: TestApp
let stripe: StripeServer
let job: QueueJob
/** Organisations whose scan was started, and whether one is under way. */
let started: string[]
let underWay: boolean
let clock: Date

beforeEach(async () => {
  stripe = await startStripe({ now: () => SECONDS })
  const account = { org: 'laurel', key: stripe.key, url: stripe.url, webhookSecrets: Object.values(SECRETS) }
  const accounts = [
    account,
    { ...account, org: 'unborn', key: `${stripe.key}1` },
    { ...account, org: 'maple', key: `${stripe.key}2`, webhookSecrets: [] },
  ]
  app = await testApp({ config: { stripe: { accounts } } })
  for (const org of ['laurel', 'juniper', 'maple']) await app.org(org)
  clock = NOW
  app.deps.clock = () => clock
  started = []
  underWay = false
  job = scanJobWith(async (_deps, _tx, org) => {
    if (underWay) return false
    started.push(org)
    return true
  })
  await installJobs(app.database.connection, [job])
})
afterEach(async () => {
  await app.close()
  await stripe.stop()
})

const post = (body: string, headers: Record<string, string>, org = 'laurel') =>
  app.guest().call('POST', `/api/webhooks/stripe/${org}`, body, headers)

/** A change at Stripe, as it is told. */
function told({ secrets = [SECRETS.old], at = SECONDS }: { secrets?: string[]; at?: number } = {}) {
  const { id } = stripe.state.addProduct({ name: 'Lessons' })
  const event = stripe.state.events.items.at(-1)
  if (event?.data.object.id !== id) throw new Error('There is no event of it.')
  return { event, ...stripe.sign(event, { secrets, at }) }
}

const rows = () =>
  app.deps.db.query(sql`
    SELECT id, type, created_at AS "createdAt", received_at AS "receivedAt", taken_at AS "takenAt"
      FROM stripe_events WHERE org = ${'laurel'} ORDER BY received_at, id`)
const asked = async () =>
  (await app.deps.db.query<{ data: unknown }>(sql`SELECT data FROM pgboss.job WHERE name = ${job.name}`)).map(
    ({ data }) => data,
  )
const scan = () =>
  job.run(app.deps, { data: { org: 'laurel' }, signal: new AbortController().signal, last: false })

test('[ST-6] a signed event is kept by id, type and time, and asks for a scan', async () => {
  const { event, body, headers } = told()
  const reply = await post(body, headers)
  expect([reply.status, reply.body]).toEqual([200, { ok: true, received: 'new' }])
  expect(await rows()).toEqual([
    { id: event.id, type: 'product.created', createdAt: NOW, receivedAt: NOW, takenAt: null },
  ])
  expect(await asked()).toEqual([{ org: 'laurel' }])
  const dump = JSON.stringify(
    await app.deps.db.query(
      sql`SELECT e.*, j.data FROM stripe_events e, pgboss.job j WHERE e.org = ${'laurel'}`,
    ),
  )
  for (const kept of [event.data.object.id, 'Lessons', stripe.key, ...Object.values(SECRETS)]) {
    expect(dump).not.toContain(kept)
    expect(app.logged.join('\n')).not.toContain(kept)
  }
})

test('[ST-7] an event that comes twice, or twice at once, is one row and one scan', async () => {
  const { body, headers } = told()
  const replies = await Promise.all([post(body, headers), post(body, headers)])
  expect(replies.map((reply) => reply.body.received).sort()).toEqual(['known', 'new'])
  expect((await post(body, headers)).body).toEqual({ ok: true, received: 'known' })
  expect(await rows()).toHaveLength(1)
  expect(await asked()).toHaveLength(1)
  await scan()
  await scan()
  expect(started).toEqual(['laurel'])
  // an event that was scanned for asks for nothing when Stripe repeats it
  expect((await post(body, headers)).body.received).toBe('known')
  expect(await asked()).toHaveLength(1)
})

test('[ST-7] many events, one after another or at once, are one scan', async () => {
  for (let index = 0; index < 5; index++) {
    const { body, headers } = told()
    expect((await post(body, headers)).body.received).toBe('new')
  }
  expect(await asked()).toHaveLength(1)
  const events = Array.from({ length: 10 }, () => told())
  await Promise.all(events.map(({ body, headers }) => post(body, headers)))
  await scan()
  await Promise.all([scan(), scan()])
  expect(started).toEqual(['laurel'])
  const left = await rows()
  expect(left).toHaveLength(15)
  expect(left.every((row) => row.takenAt !== null)).toBe(true)
})

test('[ST-7] an event that arrives while a scan is under way is scanned for after it', async () => {
  underWay = true
  const { body, headers } = told()
  await post(body, headers)
  await scan()
  expect(started).toEqual([])
  expect((await rows())[0]?.takenAt).toBeNull()
  expect(await asked()).toHaveLength(1)
  clock = new Date(NOW.getTime() + 16_000)
  await scanForWaiting(app.deps)
  expect(await asked()).toHaveLength(2)
  underWay = false
  await scan()
  expect(started).toEqual(['laurel'])
  expect((await rows())[0]?.takenAt).toEqual(clock)
})

test('[ST-7] where the job of a scan is lost the clock asks for another', async () => {
  const { body, headers } = told()
  await post(body, headers)
  await app.deps.db.query(sql`DELETE FROM pgboss.job WHERE name = ${job.name}`)
  await scanForWaiting(app.deps)
  expect(await asked()).toEqual([])
  clock = new Date(NOW.getTime() + 16_000)
  await scanForWaiting(app.deps)
  expect(await asked()).toEqual([{ org: 'laurel' }])
  await scan()
  await scanForWaiting(app.deps)
  expect(await asked()).toHaveLength(1)
})

test.each([
  ['another secret', () => told({ secrets: ['whsec_somebody0else'] })],
  ['a signature of more than five minutes ago', () => told({ at: SECONDS - 301 })],
  [
    'a body that was changed',
    () => {
      const { body, headers } = told()
      return { body: body.replace('Lessons', 'Lessens'), headers }
    },
  ],
  [
    'a time that was changed',
    () => {
      const { body, headers } = told({ at: SECONDS - 1000 })
      const signature = (headers['stripe-signature'] as string).replace(/t=\d+/, `t=${SECONDS}`)
      return { body, headers: { ...headers, 'stripe-signature': signature } }
    },
  ],
  ['no signature', () => ({ body: told().body, headers: { 'content-type': 'application/json' } })],
  ['nonsense', () => ({ body: 'x', headers: { ...told().headers } })],
])('[ST-8] %s is refused and leaves nothing', async (_, make) => {
  const { body, headers } = make()
  const reply = await post(body, headers)
  expect([reply.status, reply.body.code]).toEqual([400, 'validation-failed'])
  expect(JSON.stringify(reply.body)).not.toContain('whsec')
  expect(await rows()).toEqual([])
  expect(await asked()).toEqual([])
})

test('[ST-8] while a secret is replaced either one signs, and both together', async () => {
  for (const secrets of [[SECRETS.old], [SECRETS.next], Object.values(SECRETS)]) {
    const { body, headers } = told({ secrets })
    expect((await post(body, headers)).status).toBe(200)
  }
  expect(await rows()).toHaveLength(3)
})

test('[ST-8] five minutes less a second are in time', async () => {
  const { body, headers } = told({ at: SECONDS - 299 })
  expect((await post(body, headers)).status).toBe(200)
})

test.each([
  ['another mode', { livemode: true }],
  ['another account', { account: 'acct_1somebody' }],
  ['no time', { created: 'yesterday' }],
  ['an id that is none', { id: 'price_1' }],
])('[ST-9] an event of %s is refused', async (_, change) => {
  const { event } = told()
  const { body, headers } = stripe.sign({ ...event, ...change } as typeof event, {
    secrets: [SECRETS.old],
    at: SECONDS,
  })
  expect((await post(body, headers)).status).toBe(400)
  expect(await rows()).toEqual([])
})

test('[ST-9] events of other kinds are taken and not kept', async () => {
  const { event } = told()
  const { body, headers } = stripe.sign(
    { ...event, type: 'invoice.paid' },
    { secrets: [SECRETS.old], at: SECONDS },
  )
  expect((await post(body, headers)).body).toEqual({ ok: true, received: 'ignored' })
  expect([await rows(), await asked()]).toEqual([[], []])
})

test('[ST-9] no organisation, no account and no secret look alike', async () => {
  const { body, headers } = told()
  const replies = await Promise.all(
    ['nobody', 'juniper', 'maple', 'unborn', 'LAUREL'].map((org) => post(body, headers, org)),
  )
  for (const { status, body } of replies) {
    expect(status).toBe(404)
    expect(body).toEqual(replies[0]?.body)
  }
  expect((await post(`{"x":"${'y'.repeat(300_000)}"}`, headers)).status).toBe(413)
})

test('[ST-9] events are forgotten once Stripe cannot send them again', async () => {
  const { body, headers } = told()
  await post(body, headers)
  clock = new Date(NOW.getTime() + 34 * 24 * 3_600_000)
  await forgetEvents(app.deps)
  expect(await rows()).toHaveLength(1)
  clock = new Date(NOW.getTime() + 36 * 24 * 3_600_000)
  await forgetEvents(app.deps)
  expect(await rows()).toEqual([])
})

test('[ST-6] a change at Stripe arrives by its own delivery', async () => {
  clock = new Date()
  stripe.sendWebhooks(`${app.url}/api/webhooks/stripe/laurel`, [SECRETS.old])
  stripe.state.addProduct({ name: 'Lessons' })
  await stripe.delivered()
  await stripe.redeliver(stripe.state.events.items[0]?.id as string)
  expect(stripe.deliveries.map(({ status }) => status)).toEqual([200, 200])
  expect(await rows()).toHaveLength(1)
})

test('[ST-6] what Stripe tells begins a run of the catalog job, which reads it; the next one reads changes', async () => {
  const real = QUEUE_JOBS.find(({ name }) => name === job.name) as QueueJob
  const runs = () => listRuns(app.deps.db, 'laurel', { jobId: STRIPE_CATALOG, limit: 5 })
  for (const [index, mode] of ['full', 'incremental'].entries()) {
    clock = new Date(NOW.getTime() + index * 60_000)
    const { body, headers } = told()
    expect((await post(body, headers)).body.received).toBe('new')
    await real.run(app.deps, {
      ...{ data: { org: 'laurel' }, signal: new AbortController().signal, last: false },
    })
    const [run] = await runs()
    expect(run).toMatchObject({ status: 'running', mode, requestedBy: 'Stripe' })
    const ended = await runOut(app.deps, 'laurel', run?.id as string)
    expect(ended).toMatchObject({ status: 'completed', mode })
    expect(ended.scanned).toBeGreaterThan(0)
  }
  expect(await runs()).toHaveLength(2)
  expect((await rows()).every((row) => row.takenAt !== null)).toBe(true)
})
