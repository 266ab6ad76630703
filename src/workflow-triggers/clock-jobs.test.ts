import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { type Receiver, receiver } from '../../test/harness/trigger-receivers.ts'
import { forgetTriggers } from './clock-jobs.ts'
import { deliver } from './deliver.ts'
import { emitTrigger } from './emit.ts'
import { fanOut } from './fan-out.ts'

const DAY_MS = 86_400_000
const BASE = '/api/agent/workflow-triggers/subscriptions'
const started = new Date()

let app: TestApp
let owner: Caller
let at: Receiver
beforeAll(async () => {
  app = await testApp({ config: { allowPrivateTriggers: true } })
  await app.org('laurel')
  // a sign-in would not last that long
  owner = await app.key({ org: 'laurel', role: 'automation' })
  at = await receiver()
})
afterAll(async () => {
  await at.stop()
  await app.close()
})

const setDay = (day: number) => {
  app.deps.clock = () => new Date(started.getTime() + day * DAY_MS)
}

/** Something happens, and each of its deliveries is tried once. */
async function happen(id: string): Promise<void> {
  const event = await app.deps.db.transaction((tx) =>
    emitTrigger(tx, {
      ...{ org: 'laurel', family: 'live.readiness.changed', at: app.deps.clock() },
      subject: { kind: 'live-event', id, title: id },
      data: { eventId: id, before: 'blocked', after: 'ready', statusBefore: 'draft', statusAfter: 'draft' },
    }),
  )
  await fanOut(app.deps, { data: { org: 'laurel', id: event } })
  const due = await app.deps.db.query<{ id: string; attempt: number }>(
    sql`SELECT id, attempts AS attempt FROM trigger_deliveries WHERE org = 'laurel' AND status = 'pending'
         AND event_id = ${event}`,
  )
  for (const each of due)
    await deliver(
      app.deps,
      { data: { org: 'laurel', ...each }, signal: new AbortController().signal },
      'failing',
    )
}

/** What is kept, by the thing that happened: deliveries, and events. */
async function kept() {
  const deliveries = await app.deps.db.query<{ subject: string; status: string }>(sql`
    SELECT body::jsonb->'subject'->>'id' AS subject, status FROM trigger_deliveries WHERE org = 'laurel'
     ORDER BY created_at, status`)
  const events = await app.deps.db.query<{ subject: string }>(sql`
    SELECT subject->>'id' AS subject FROM trigger_events WHERE org = 'laurel' ORDER BY happened_at`)
  const attempts = await app.deps.db.query(sql`SELECT FROM trigger_attempts WHERE org = 'laurel'`)
  return {
    deliveries: deliveries.map(({ subject, status }) => `${subject} ${status}`),
    events: events.map(({ subject }) => subject),
    attempts: attempts.length,
  }
}

test('[TR-23] what ended a month ago is forgotten, with its attempts; what still goes on is not', async () => {
  const subscribe = async (url: string): Promise<string> => {
    const reply = await owner.call('POST', BASE, { url, families: ['live.readiness.changed'] })
    expect(reply.status, JSON.stringify(reply.body)).toBe(201)
    return reply.body.subscription.id
  }
  const reached = await subscribe(at.url)
  await happen('first')
  // nobody is there: its delivery goes on
  const unreached = await subscribe('http://127.0.0.1:9/hook')
  await happen('second')
  setDay(10)
  expect((await owner.call('DELETE', `${BASE}/${unreached}`)).status).toBe(200)
  const open = await subscribe('http://127.0.0.1:9/hook')
  await happen('third')

  setDay(29)
  await forgetTriggers(app.deps)
  expect((await kept()).events).toEqual(['first', 'second', 'third'])

  setDay(31)
  await forgetTriggers(app.deps)
  const later = await kept()
  // removing a subscription ended what it still waited for, ten days later
  expect(later.deliveries).toEqual(['second dead', 'third delivered', 'third pending'])
  expect(later.events).toEqual(['second', 'third'])
  expect(later.attempts).toBe(3)

  setDay(400)
  await forgetTriggers(app.deps)
  expect(await kept()).toEqual({ deliveries: ['third pending'], events: ['third'], attempts: 1 })
  const subscriptions = await app.deps.db.query<{ id: string }>(
    sql`SELECT id FROM trigger_subscriptions WHERE org = 'laurel' ORDER BY id`,
  )
  expect(subscriptions.map(({ id }) => id)).toEqual([reached, open].sort())
})
