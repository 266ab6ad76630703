import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import sql from 'sql-template-tag'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { type Received, type Receiver, receiver } from '../../test/harness/trigger-receivers.ts'
import { resumeTriggers } from './clock-jobs.ts'
import { deliver } from './deliver.ts'
import { emitTrigger } from './emit.ts'
import { fanOut } from './fan-out.ts'
import { PAUSES_MS } from './rules.ts'

const HOUR = 3_600_000
const BASE = '/api/agent/workflow-triggers/subscriptions'

let app: TestApp
let owner: Caller
let at: Receiver
let now: Date
let others: Receiver[] = []

beforeAll(async () => {
  app = await testApp({ config: { allowPrivateTriggers: true } })
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  app.deps.triggers = { random: () => 0, timeoutMs: 300 }
})
afterAll(() => app.close())
beforeEach(async () => {
  at = await receiver()
  now = new Date()
  app.deps.clock = () => now
  app.deps.config.allowPrivateTriggers = true
  await app.deps.db.query(sql`UPDATE trigger_subscriptions SET status = 'removed' WHERE org = 'laurel'`)
  await app.deps.db.query(sql`UPDATE trigger_deliveries SET status = 'dead' WHERE org = 'laurel'`)
})
afterEach(async () => {
  for (const each of [at, ...others]) await each.stop()
  others = []
})

const subscribe = async (to: Receiver, more: object = {}, caller = owner) => {
  const reply = await caller.call('POST', BASE, {
    url: to.url,
    families: ['live.readiness.changed'],
    ...more,
  })
  expect(reply.status, JSON.stringify(reply.body)).toBe(201)
  to.secrets.push(reply.body.secret)
  return reply.body.subscription.id as string
}

const happen = async (id = 'studio-1') =>
  app.deps.db.transaction((tx) =>
    emitTrigger(tx, {
      ...{ org: 'laurel', family: 'live.readiness.changed', at: now },
      subject: { kind: 'live-event', id, title: 'Studio' },
      data: {
        eventId: id,
        before: 'blocked',
        after: 'ready',
        statusBefore: 'draft',
        statusAfter: 'scheduled',
        streamKey: 'never-told',
      },
    }),
  )

const signal = new AbortController().signal
const due = () =>
  app.deps.db.query<{ id: string; attempt: number }>(
    sql`SELECT id, attempts AS attempt FROM trigger_deliveries
         WHERE org = 'laurel' AND status = 'pending' AND next_at <= ${now} ORDER BY created_at, id`,
  )
/** Every attempt that is due, as the queue would start it. */
const attempt = async () => {
  for (const each of await due())
    await deliver(app.deps, { data: { org: 'laurel', ...each }, signal }, 'failing')
}
const tell = async () => {
  const id = await happen()
  await fanOut(app.deps, { data: { org: 'laurel', id } })
  await attempt()
}
const log = async (id: string) => (await owner.call('GET', `${BASE}/${id}/deliveries`)).body.deliveries
const found = async (id: string) =>
  (await owner.call('GET', BASE)).body.subscriptions.find((each: any) => each.id === id)
const other = async (...args: Parameters<typeof receiver>) => {
  const made = await receiver(...args)
  others.push(made)
  return made
}

describe('an event and its deliveries', () => {
  test('[TR-1] is kept only where an active subscription asks for the family', async () => {
    expect(await happen()).toBeUndefined()
    const id = await subscribe(at)
    expect(await happen()).toMatch(/^trigger-/)
    await owner.call('PATCH', `${BASE}/${id}`, { status: 'paused' })
    expect(await happen()).toBeUndefined()
  })

  test('[TR-1] is gone with the transaction that it was written in', async () => {
    await subscribe(at)
    const count = async () =>
      (await app.deps.db.query(sql`SELECT FROM trigger_events WHERE org = 'laurel'`)).length
    const before = await count()
    const broken = app.deps.db.transaction(async (tx) => {
      await emitTrigger(tx, {
        ...{ org: 'laurel', family: 'live.readiness.changed', at: now },
        subject: { kind: 'live-event', id: 'a', title: 'A' },
        data: { eventId: 'a', before: 'draft', after: 'ready' },
      })
      throw new Error('no')
    })
    await expect(broken).rejects.toThrow('no')
    expect(await count()).toBe(before)
  })

  test('[TR-2] one delivery for each subscription, signed, however often the fan-out runs', async () => {
    const second = await other()
    const [id] = [await subscribe(at), await subscribe(second)]
    const event = await happen()
    const data = { org: 'laurel', id: event }
    await Promise.all([fanOut(app.deps, { data }), fanOut(app.deps, { data })])
    await fanOut(app.deps, { data })
    await attempt()
    for (const { hits } of [at, second]) {
      expect(hits).toHaveLength(1)
      expect(hits[0]).toMatchObject({ verified: true, body: { id: event, type: 'live.readiness.changed' } })
    }
    const [{ id: delivery, status, attempts }] = await log(id)
    expect(at.hits[0]?.id).toBe(delivery)
    expect(status).toBe('delivered')
    expect(attempts).toMatchObject([{ attempt: 1, outcome: 'delivered', statusCode: 200 }])
  })

  test('[TR-3] holds references only, and the sample has the same form', async () => {
    await subscribe(at)
    await tell()
    const { body } = at.hits[0] as Received
    expect(JSON.stringify(body)).not.toContain('never-told')
    const catalog = await owner.call('GET', '/api/agent/workflow-triggers?family=live.readiness.changed')
    const [{ samplePayload }] = catalog.body.families
    expect(Object.keys(body)).toEqual(Object.keys(samplePayload))
    expect(Object.keys(body.data)).toEqual(Object.keys(samplePayload.data))
    expect(body.permission.write).toBe(false)
  })
})

describe('attempts', () => {
  test('[TR-4] follow the pauses under one id, and end as a dead letter', async () => {
    const failing = await other((response) => void response.writeHead(500).end())
    const id = await subscribe(failing)
    await tell()
    for (const pause of PAUSES_MS.slice(1)) {
      const before = failing.hits.length
      now = new Date(now.getTime() + pause - 1)
      await attempt()
      expect(failing.hits).toHaveLength(before)
      now = new Date(now.getTime() + 1)
      await attempt()
      expect(failing.hits).toHaveLength(before + 1)
    }
    expect(new Set(failing.hits.map((hit) => hit.id)).size).toBe(1)
    expect(failing.hits.every(({ verified }) => verified)).toBe(true)
    now = new Date(now.getTime() + 48 * HOUR)
    await attempt()
    const [{ status, outcome, attempts }] = await log(id)
    expect({ status, outcome, attempts: attempts.length }).toEqual({
      status: 'dead',
      outcome: 'refused',
      attempts: 10,
    })
  })

  test('[TR-5] 410 disables the subscription and gives up what it waits for', async () => {
    const gone = await other((response) => void response.writeHead(410).end())
    const id = await subscribe(gone)
    const events = [await happen('a'), await happen('b')]
    for (const event of events) await fanOut(app.deps, { data: { org: 'laurel', id: event } })
    await attempt()
    expect(gone.hits).toHaveLength(1)
    expect(await found(id)).toMatchObject({ status: 'disabled', reason: 'gone' })
    expect((await log(id)).map((each: any) => [each.status, each.outcome]).sort()).toEqual([
      ['dead', 'gone'],
      ['dead', 'subscription-ended'],
    ])
  })

  test('[TR-6] a redirect is a failure, and is not followed', async () => {
    const target = await other()
    const from = await other((response) => void response.writeHead(307, { location: target.url }).end())
    const id = await subscribe(from)
    await tell()
    expect(target.hits).toHaveLength(0)
    expect((await log(id))[0]).toMatchObject({ status: 'pending', outcome: 'redirected' })
  })

  test('[TR-7] private addresses are refused, literal and by name, where they are not allowed', async () => {
    const id = await subscribe(at)
    const named = await other()
    const rebound = await subscribe(named, { url: named.url.replace('127.0.0.1', 'rebinding.example') })
    app.deps.config.allowPrivateTriggers = false
    app.deps.triggers = {
      ...app.deps.triggers,
      resolver: ((_name: string, _options: object, done: (...args: unknown[]) => void) =>
        done(null, [{ address: '127.0.0.1', family: 4 }])) as never,
    }
    await tell()
    delete app.deps.triggers.resolver
    expect([...at.hits, ...named.hits]).toHaveLength(0)
    for (const each of [id, rebound])
      expect((await log(each))[0]).toMatchObject({ status: 'pending', outcome: 'private-address' })
  })

  test('[TR-8] slow headers time out, an endless body is not read, a closed connection is a failure', async () => {
    const slow = await other(() => {})
    const endless = await other((response) => {
      response.writeHead(200)
      const more = () => response.destroyed || void response.write('x'.repeat(65_536), more)
      more()
    })
    const closing = await other((response) => void response.destroy())
    const ids = [await subscribe(slow), await subscribe(endless), await subscribe(closing)]
    await tell()
    const outcomes = await Promise.all(ids.map(async (id) => (await log(id))[0].outcome))
    expect(outcomes).toEqual(['timeout', 'delivered', 'unreachable'])
  })

  test('[TR-9] Retry-After is kept to, and no longer than a day', async () => {
    const busy = await other((response) => void response.writeHead(503, { 'retry-after': '600' }).end())
    const never = await other((response) => void response.writeHead(429, { 'retry-after': '99999999' }).end())
    const [one, two] = [await subscribe(busy), await subscribe(never)]
    await tell()
    const next = async (id: string) => Date.parse((await log(id))[0].nextAttemptAt) - now.getTime()
    expect([await next(one), await next(two)]).toEqual([600_000, 24 * HOUR])
  })

  test('[TR-10] a receiver that takes connections and says nothing leaves places for others', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`
    const dead = await subscribe(at, { url })
    for (let n = 0; n < 12; n++)
      await fanOut(app.deps, { data: { org: 'laurel', id: await happen(`e${n}`) } })
    const waiting = await due()
    expect(waiting).toHaveLength(12)
    const begun = waiting.map((each) =>
      deliver(app.deps, { data: { org: 'laurel', ...each }, signal }, 'fast'),
    )
    await Promise.all(begun)
    // four at once waited for it; the others made room
    const attempted = (await log(dead)).filter((each: any) => each.attempts.length > 0)
    expect(attempted).toHaveLength(4)
    expect(await found(dead)).toMatchObject({ failingSince: expect.any(String) })
    silent.closeAllConnections()
    silent.close()
  })

  test('[TR-11] what lost its job is taken up by the clock', async () => {
    await subscribe(at)
    await happen()
    now = new Date(now.getTime() + 2 * 60_000)
    const jobs = () =>
      app.deps.db.query<{ data: any }>(
        sql`DELETE FROM pgboss.job WHERE name LIKE 'workflow-triggers.%' RETURNING name, data`,
      )
    await jobs()
    await resumeTriggers(app.deps)
    const again = (await jobs()) as unknown as { name: string; data: any }[]
    const fan = again.filter(({ name }) => name === 'workflow-triggers.fan-out')
    for (const { data } of fan) await fanOut(app.deps, { data })
    await attempt()
    expect(at.hits.length).toBeGreaterThan(0)
  })

  test('[TR-12] of two jobs for one attempt one does it', async () => {
    await subscribe(at)
    await fanOut(app.deps, { data: { org: 'laurel', id: await happen() } })
    const [each] = await due()
    const data = { org: 'laurel', ...each }
    await Promise.all([1, 2, 3].map(() => deliver(app.deps, { data, signal }, 'failing')))
    await deliver(app.deps, { data, signal }, 'failing')
    expect(at.hits).toHaveLength(1)
  })
})

describe('who is told', () => {
  const scopes = ['creator:laurel:live:read']
  const automation = (more: object = {}) =>
    app.key({ org: 'laurel', role: 'automation', scopes, name: 'Bot', ...more })

  test('[TR-13] only who may read what the family tells of', async () => {
    const bot = await automation()
    const body = { url: at.url, families: ['config.sync.finished'] }
    const refused = await bot.call('POST', BASE, body)
    expect([refused.status, refused.body.code]).toEqual([403, 'scope-missing'])
    await subscribe(at, {}, bot)
    await tell()
    expect(at.hits).toHaveLength(1)
  })

  test('[TR-14] nobody whose credential was revoked meanwhile', async () => {
    const bot = await automation()
    const id = await subscribe(at, {}, bot)
    const event = await happen()
    await fanOut(app.deps, { data: { org: 'laurel', id: event } })
    await app.deps.db.query(
      sql`UPDATE access_keys SET revoked_at = ${now} WHERE org = 'laurel' AND id = ${bot.id}`,
    )
    await attempt()
    expect(at.hits).toHaveLength(0)
    expect(await found(id)).toMatchObject({ status: 'disabled', reason: 'not-permitted' })
    expect((await log(id))[0]).toMatchObject({ status: 'dead', outcome: 'subscription-ended' })
  })

  test('[TR-15] a delivery opens one session in the subscriber’s name, and says so', async () => {
    await subscribe(at, { session: { mode: 'open', workflow: 'live.prepare' } })
    const event = await happen()
    for (let n = 0; n < 3; n++) await fanOut(app.deps, { data: { org: 'laurel', id: event } })
    await attempt()
    const { session } = (at.hits[0] as Received).body
    expect(session).toMatchObject({ mode: 'opened', id: expect.stringMatching(/^agent-session-/) })
    const read = await owner.call('GET', `/api/agent/sessions/${session.id}`)
    expect(read.body.session).toMatchObject({ workflow: 'live.prepare', status: 'active' })
    const rows = sql`SELECT FROM agent_sessions WHERE org = 'laurel' AND workflow = 'live.prepare'`
    expect(await app.deps.db.query(rows)).toHaveLength(1)
  })

  test('[TR-16] or resumes a named one, and none once that has ended', async () => {
    const client = { id: 'c', name: 'C', kind: 'test' }
    const opened = await owner.call('POST', '/api/agent/sessions', { workflow: 'w', client })
    const sessionId = opened.body.session.id
    await subscribe(at, { session: { mode: 'resume', sessionId } })
    await tell()
    expect((at.hits[0] as Received).body.session).toEqual({ id: sessionId, mode: 'resumed' })
    await owner.call('POST', `/api/agent/sessions/${sessionId}/cancel`, { reason: 'Over.' })
    await tell()
    expect(at.hits).toHaveLength(2)
  })
})
