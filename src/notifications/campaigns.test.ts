import sql from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import {
  COPY,
  confirmNotified,
  follower,
  linksFor,
  NEW_ROOM,
  previewNotified,
  subscribe,
  tokenIn,
} from '../../test/harness/followers.ts'
import { type PushFakes, pushFakes } from '../../test/harness/push-fakes.ts'
import { deliver, resumeCampaigns } from './campaigns/job.ts'
import { MOST_ATTEMPTS } from './campaigns/rules.ts'

const signal = new AbortController().signal
let app: TestApp
let fakes: PushFakes
let owner: Caller
let keys = 0
const newKey = () => `campaign-key-${++keys}`

beforeAll(async () => {
  app = await testApp()
  fakes = await pushFakes()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
})
beforeEach(async () => {
  app.deps.config = { ...app.deps.config, push: fakes.config }
  fakes.pushed = []
  fakes.answer = () => undefined
  // each test has its own followers
  await app.deps.db.query(sql`
    UPDATE subscribers SET status = 'unsubscribed', audience_version = NULL WHERE org = 'laurel'`)
  await app.deps.db.query(sql`
    UPDATE subscriber_audiences SET size = 0, digest = 0::bit(256), version = version + 1 WHERE org = 'laurel'`)
})
afterAll(async () => {
  await fakes.close()
  await app.close()
})

/** An event is made and followers are told of it; answers the campaign's id. */
async function announce(copy: Record<string, unknown> = COPY): Promise<string> {
  const { body: preview } = await previewNotified(owner, copy)
  const { status, body } = await confirmNotified(owner, preview, newKey(), {}, copy)
  expect([status, body.fanNotification?.status], JSON.stringify(body)).toEqual([201, 'queued'])
  return body.fanNotification.campaignId
}
const run = (id: string) => deliver(app.deps, { data: { org: 'laurel', id }, signal, last: false })
const campaign = async (id: string) =>
  (await owner.call('GET', `/api/notifications/campaigns/${id}`)).body.campaign
const inbox = async (person: Caller, query = '') =>
  (await person.call('GET', `/api/notifications/inbox${query}`)).body.notifications
const jobs = async (): Promise<{ id: string; startAfter: Date }[]> =>
  app.deps.db.query(sql`
    SELECT data->>'id' AS id, start_after AS "startAfter" FROM pgboss.job WHERE name = 'notifications.deliver' ORDER BY created_on, start_after`)
const unsubscribe = (person: Caller) => person.call('POST', '/api/notifications/subscriptions/end', {})

describe('[NO-5] a confirmation is bound to the audience that was previewed', () => {
  test('the preview says how many, hashes who, and shows the copy in three zones', async () => {
    await follower(app, 'laurel', 'Asia/Kolkata')
    const { body } = await previewNotified(owner)
    const { audience, renderedStart, copy } = body.plan.details.fanNotification
    expect(audience).toEqual({ count: 1, hash: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(body.plan.arguments.fanNotification).toMatchObject({ ...copy, audienceHash: audience.hash })
    expect(
      renderedStart.map((each: { timeZone: string; body: string }) => [each.timeZone, each.body]),
    ).toEqual([
      ['America/Los_Angeles', 'We begin Sunday, March 14, 2027, 3:00 AM (UTC-7).'],
      ['America/New_York', 'We begin Sunday, March 14, 2027, 6:00 AM (UTC-4).'],
      ['Europe/Berlin', 'We begin Sunday, March 14, 2027, 11:00 AM (UTC+1).'],
    ])
  })

  test('who joins or leaves meanwhile makes it 412 with a fresh plan, which then goes through', async () => {
    const first = await follower(app, 'laurel', 'UTC')
    const changes = [() => follower(app, 'laurel', 'UTC'), () => unsubscribe(first)]
    for (const change of changes) {
      const { body: preview } = await previewNotified(owner)
      await change()
      const key = newKey()
      const stale = await confirmNotified(owner, preview, key)
      expect([stale.status, stale.body.code]).toEqual([412, 'plan-changed'])
      const fresh = stale.body.plan
      expect(fresh.details.fanNotification.audience.hash).not.toBe(
        preview.plan.details.fanNotification.audience.hash,
      )
      expect((await confirmNotified(owner, fresh, key)).status).toBe(201)
    }
  })

  test('a pending subscription and one that is ended while pending change nothing', async () => {
    await follower(app, 'laurel', 'UTC')
    const { body: preview } = await previewNotified(owner)
    await subscribe(app.guest(), { email: 'waiting@fans.example', timeZone: 'UTC' })
    const token = tokenIn((await linksFor(app, 'laurel', 'waiting@fans.example'))!.unsubscribeUrl)
    await app.guest().call('POST', '/api/notifications/subscriptions/end', { token })
    expect((await confirmNotified(owner, preview, newKey())).status).toBe(201)
  })

  test('without the digest of the plan it is refused, and nothing is written', async () => {
    const { body: preview } = await previewNotified(owner)
    const refused = await confirmNotified(owner, preview, newKey(), { planDigest: undefined })
    expect([refused.status, refused.body.errors]).toEqual([
      400,
      [{ pointer: '/envelope/planDigest', message: 'is required with fanNotification' }],
    ])
  })

  test('what people approved is stale once the audience changed', async () => {
    await follower(app, 'laurel', 'UTC')
    const agent = await app.key({ org: 'laurel', role: 'agent' })
    const { body: preview } = await previewNotified(agent)
    const { body: session } = await agent.call('POST', '/api/agent/sessions', {
      workflow: 'tell.followers',
      client: { id: 'client-test', name: 'Test', kind: 'test' },
    })
    const asked = await agent.call('POST', `/api/agent/sessions/${session.session.id}/approvals`, {
      operationId: 'live.events.schedule.confirmed-create',
      input: { ...NEW_ROOM, fanNotification: COPY },
      planDigest: preview.planDigest,
      reason: 'A new night.',
    })
    expect(asked.status, JSON.stringify(asked.body)).toBe(201)
    const { id } = asked.body.approval
    const decided = await owner.call('PATCH', `/api/agent/sessions/${session.session.id}/approvals/${id}`, {
      decision: 'approve',
      planDigest: preview.planDigest,
    })
    expect(decided.status, JSON.stringify(decided.body)).toBe(200)
    const approval = { id, planDigest: preview.planDigest }
    const more = { planDigest: undefined, approval }
    const added = await follower(app, 'laurel', 'UTC')
    const stale = await confirmNotified(agent, preview, newKey(), more)
    expect([stale.status, stale.body.code]).toEqual([412, 'stale'])
    await unsubscribe(added)
    // another audience again: the version of it has moved on
    expect((await confirmNotified(agent, preview, newKey(), more)).status).toBe(412)
  })
})

describe('[NO-6] under one idempotency key there is one campaign, of the write itself', () => {
  test('ten confirmations at once make one event, one campaign and one job', async () => {
    await follower(app, 'laurel', 'UTC')
    const { body: preview } = await previewNotified(owner)
    const [key, before] = [newKey(), (await jobs()).length]
    const replies = await Promise.all(Array.from({ length: 10 }, () => confirmNotified(owner, preview, key)))
    const ids = new Set(replies.map(({ body }) => body.fanNotification.campaignId))
    expect([replies.map(({ status }) => status), ids.size]).toEqual([Array(10).fill(201), 1])
    const [{ count } = {}] = await app.deps.db.query<{ count: number }>(sql`
      SELECT count(*)::integer AS count FROM notification_campaigns WHERE org = 'laurel' AND idempotency_key = ${key}`)
    expect(count).toBe(1)
    expect((await jobs()).slice(before).map(({ id }) => id)).toEqual([...ids])
  })

  test('a write that is refused leaves no campaign', async () => {
    const { body: preview } = await previewNotified(owner)
    const key = newKey()
    const refused = await confirmNotified(owner, preview, key, {
      confirmation: { text: 'something else', acknowledgedRisk: true },
    })
    expect(refused.status).toBe(422)
    const left = await app.deps.db.query(sql`
      SELECT id FROM notification_campaigns WHERE org = 'laurel' AND idempotency_key = ${key}`)
    expect(left).toEqual([])
  })

  test('a key whose record is gone does not tell followers a second time', async () => {
    const { body: preview } = await previewNotified(owner)
    const key = newKey()
    expect((await confirmNotified(owner, preview, key)).status).toBe(201)
    await app.deps.db.query(sql`DELETE FROM idempotency_keys WHERE org = 'laurel'`)
    const again = await confirmNotified(owner, preview, key)
    expect([again.status, again.body.code]).toEqual([409, 'conflict'])
  })
})

describe('[NO-7] each of the audience is told once, in the own zone', () => {
  test('with the offset of the event’s date, on both sides of the clocks changing', async () => {
    const zones = ['America/Los_Angeles', 'Europe/Berlin', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC']
    const people = []
    for (const zone of zones) people.push(await follower(app, 'laurel', zone))
    const id = await announce()
    await run(id)
    await run(id)
    const bodies = await Promise.all(
      people.map(async (person) => (await inbox(person)).map((i: any) => i.body)),
    )
    expect(bodies).toEqual([
      // an hour earlier it would have been UTC-8; Berlin's clocks change two weeks later
      ['We begin Sunday, March 14, 2027, 3:00 AM (UTC-7).'],
      ['We begin Sunday, March 14, 2027, 11:00 AM (UTC+1).'],
      ['We begin Sunday, March 14, 2027, 3:30 PM (UTC+5:30).'],
      ['We begin Sunday, March 14, 2027, 9:00 PM (UTC+11).'],
      ['We begin Sunday, March 14, 2027, 10:00 AM UTC.'],
    ])
    expect(await campaign(id)).toMatchObject({ status: 'done', told: 5, audience: { count: 5 } })
  })

  test('who left since is not told, nor who joined since, nor who never confirmed', async () => {
    const [stays, leaves] = [await follower(app, 'laurel', 'UTC'), await follower(app, 'laurel', 'UTC')]
    const pending = await app.person('laurel', 'member')
    await subscribe(pending, { timeZone: 'UTC' })
    const id = await announce({ ...COPY, body: 'A plain word.' })
    await unsubscribe(leaves)
    const joins = await follower(app, 'laurel', 'UTC')
    await run(id)
    const told = []
    for (const person of [stays, leaves, pending, joins]) told.push((await inbox(person)).length)
    expect(told).toEqual([1, 0, 0, 0])
    // a body that does not say where the start is to stand has it at its end
    expect((await inbox(stays))[0].body).toBe('A plain word. Starts Sunday, March 14, 2027, 10:00 AM UTC.')
  })
})

test('[NO-8] the inbox is the caller’s own: pages, unread, one read, all read', async () => {
  const [mine, other] = [await follower(app, 'laurel', 'UTC'), await follower(app, 'laurel', 'UTC')]
  const ids: string[] = []
  for (let n = 0; n < 5; n++) {
    const id = await announce()
    await run(id)
    ids.unshift(id)
  }
  const seen: string[] = []
  let next: string | null = ''
  while (next !== null) {
    const { body } = await mine.call('GET', `/api/notifications/inbox?limit=2${next && `&cursor=${next}`}`)
    seen.push(...body.notifications.map(({ id }: { id: string }) => id))
    next = body.nextCursor
    if (next) {
      const foreign = await other.call('GET', `/api/notifications/inbox?limit=2&cursor=${next}`)
      expect([foreign.status, foreign.body.code]).toEqual([400, 'cursor-invalid'])
    }
  }
  expect(seen).toEqual(ids)
  const unread = async (person: Caller) =>
    (await person.call('GET', '/api/notifications/inbox/unread')).body.unread
  const mark = async (body: unknown) => (await mine.call('POST', '/api/notifications/inbox/read', body)).body
  expect(await unread(mine)).toBe(5)
  expect(await mark({ ids: [ids[1], ids[1], 'campaign-of-nobody'] })).toMatchObject({ marked: 1, unread: 4 })
  expect(await mark({ ids: [ids[1]] })).toMatchObject({ marked: 0, unread: 4 })
  expect((await inbox(mine, '?unread=true')).map(({ id }: { id: string }) => id)).toEqual(
    ids.filter((id) => id !== ids[1]),
  )
  expect(await mark({ all: true })).toMatchObject({ marked: 4, unread: 0 })
  expect([await unread(mine), await unread(other)]).toEqual([0, 5])
  expect((await mine.call('POST', '/api/notifications/inbox/read', {})).status).toBe(400)
})

let tokens = 0
const APNS = () => (++tokens).toString(16).padStart(64, 'a')
const FCM = () => `fcm-token-of-a-device:${++tokens}`
const register = (person: Caller, platform: string, token: string, name?: string) =>
  person.call('POST', '/api/notifications/devices', { platform, token, ...(name ? { name } : {}) })
const devices = async (person: Caller) =>
  (await person.call('GET', '/api/notifications/devices')).body.devices

describe('[NO-9] a device is its owner’s, and its token nobody’s', () => {
  test('registered once by its token, listed without it, removed by its owner alone', async () => {
    const [mine, other] = [await app.person('laurel', 'member'), await app.person('laurel', 'member')]
    const token = APNS()
    const { status, body } = await register(mine, 'apns', token, 'My phone')
    expect([status, body.device]).toMatchObject([201, { platform: 'apns', name: 'My phone', token: 'set' }])
    expect((await register(mine, 'apns', token.toUpperCase())).body.device.id).toBe(body.device.id)
    expect(await devices(mine)).toHaveLength(1)
    expect(await devices(other)).toEqual([])
    const remove = (person: Caller) => person.call('DELETE', `/api/notifications/devices/${body.device.id}`)
    expect((await remove(other)).status).toBe(404)
    expect((await remove(mine)).status).toBe(200)
    expect((await remove(mine)).status).toBe(404)
  })

  test('who registers a known token takes it over; of many the newest 20 stay', async () => {
    const [mine, other] = [await app.person('laurel', 'member'), await app.person('laurel', 'member')]
    const token = FCM()
    await register(mine, 'fcm', token)
    await register(other, 'fcm', token)
    expect([(await devices(mine)).length, (await devices(other)).length]).toEqual([0, 1])
    for (let n = 0; n < 22; n++) await register(mine, 'fcm', FCM())
    expect(await devices(mine)).toHaveLength(20)
  })

  test('the token stands in no answer, log line or table', async () => {
    const person = await follower(app, 'laurel', 'UTC')
    const [apple, google] = [APNS(), FCM()]
    const answers = [
      await register(person, 'apns', apple),
      await register(person, 'fcm', google),
      await register(person, 'apns', `${apple}!`),
      await person.call('GET', '/api/notifications/devices'),
    ]
    fakes.answer = ({ platform }) =>
      platform === 'apns' ? { status: 400, body: { reason: 'BadDeviceToken' } } : undefined
    const id = await announce()
    await run(id)
    expect(fakes.pushed.map(({ token }) => token).sort()).toEqual([apple, google].sort())
    answers.push(await owner.call('GET', `/api/notifications/campaigns/${id}`))
    const tables = await app.deps.db.query<{ text: string }>(sql`
      SELECT coalesce(string_agg(t::text, ''), '') AS text FROM (
        SELECT row_to_json(d)::text AS t FROM push_devices d WHERE org = 'laurel' UNION ALL
        SELECT row_to_json(a)::text FROM audit_log a WHERE org = 'laurel' UNION ALL
        SELECT row_to_json(k)::text FROM idempotency_keys k WHERE org = 'laurel' UNION ALL
        SELECT row_to_json(p)::text FROM push_deliveries p WHERE org = 'laurel' UNION ALL
        SELECT row_to_json(j)::text FROM pgboss.job j) x`)
    const all = [JSON.stringify(answers.map(({ body }) => body)), app.logged.join(''), tables[0]?.text].join(
      '',
    )
    expect(all).toContain('BadDeviceToken')
    for (const token of [apple, google]) expect(all).not.toContain(token)
  })
})

describe('[NO-10] pushes', () => {
  const pushState = async (id: string) =>
    (await campaign(id)).push.map(({ platform, status, reason, devices: n }: any) => [
      platform,
      status,
      reason,
      n,
    ])

  test('go to each device of a follower, with the campaign as collapse id', async () => {
    const person = await follower(app, 'laurel', 'Europe/Berlin')
    const [apple, google] = [APNS(), FCM()]
    await register(person, 'apns', apple)
    await register(person, 'fcm', google)
    const id = await announce()
    await run(id)
    const text = {
      title: COPY.title,
      body: 'We begin Sunday, March 14, 2027, 11:00 AM (UTC+1).',
      collapseId: id,
    }
    expect(fakes.pushed).toHaveLength(2)
    expect(fakes.pushed).toEqual(
      expect.arrayContaining([
        { platform: 'apns', token: apple, ...text },
        { platform: 'fcm', token: google, ...text },
      ]),
    )
    expect(await pushState(id)).toEqual([
      ['apns', 'sent', null, 1],
      ['fcm', 'sent', null, 1],
    ])
    await run(id)
    expect(fakes.pushed).toHaveLength(2)
  })

  test('410 and UNREGISTERED forget the device', async () => {
    const person = await follower(app, 'laurel', 'UTC')
    await register(person, 'apns', APNS())
    await register(person, 'fcm', FCM())
    fakes.answer = ({ platform }) =>
      platform === 'apns'
        ? { status: 410, body: { reason: 'Unregistered' } }
        : {
            status: 404,
            body: { error: { status: 'NOT_FOUND', details: [{ errorCode: 'UNREGISTERED' }] } },
          }
    const id = await announce()
    await run(id)
    expect(await pushState(id)).toEqual([
      ['apns', 'token-dropped', 'Unregistered', 1],
      ['fcm', 'token-dropped', 'UNREGISTERED', 1],
    ])
    expect(await devices(person)).toEqual([])
  })

  test('429 and 503 wait as told, hold the rest of that provider, and end after some attempts', async () => {
    const person = await follower(app, 'laurel', 'UTC')
    for (let n = 0; n < 3; n++) await register(person, 'apns', APNS())
    await register(person, 'fcm', FCM())
    let busy = true
    fakes.answer = ({ platform }) =>
      platform === 'apns' && busy
        ? { status: 429, headers: { 'retry-after': '90' }, body: { reason: 'TooManyRequests' } }
        : undefined
    const id = await announce()
    const from = app.deps.clock().getTime()
    await run(id)
    expect(await pushState(id)).toEqual([
      ['apns', 'pending', 'TooManyRequests', 3],
      ['fcm', 'sent', null, 1],
    ])
    expect(await campaign(id)).toMatchObject({ status: 'sending' })
    const again = (await jobs()).filter((each) => each.id === id).at(-1)
    expect(again?.startAfter.getTime()).toBeGreaterThanOrEqual(from + 90_000)
    const before = fakes.pushed.length
    await run(id)
    expect(fakes.pushed, 'nothing before its time').toHaveLength(before)
    busy = false
    app.advance(91_000)
    await run(id)
    expect(await pushState(id)).toEqual([
      ['apns', 'sent', null, 3],
      ['fcm', 'sent', null, 1],
    ])
    expect(await campaign(id)).toMatchObject({ status: 'done' })

    fakes.answer = () => ({ status: 503 })
    const lost = await announce()
    for (let n = 0; n < MOST_ATTEMPTS; n++) {
      await run(lost)
      app.advance(300_000)
    }
    expect(await campaign(lost)).toMatchObject({ status: 'done' })
    expect(await pushState(lost)).toEqual([
      ['apns', 'given-up', 'status 503', 3],
      ['fcm', 'given-up', 'status 503', 1],
    ])
  })

  test('without credentials the result says so, and nothing is sent', async () => {
    app.deps.config = { ...app.deps.config }
    delete app.deps.config.push
    const person = await follower(app, 'laurel', 'UTC')
    await register(person, 'apns', APNS())
    const { body: preview } = await previewNotified(owner)
    const { body } = await confirmNotified(owner, preview, newKey())
    expect(body.fanNotification.push).toEqual({
      apns: 'provider-not-configured',
      fcm: 'provider-not-configured',
    })
    await run(body.fanNotification.campaignId)
    expect(await pushState(body.fanNotification.campaignId)).toEqual([
      ['apns', 'provider-not-configured', null, 1],
    ])
    expect(fakes.pushed).toEqual([])
    expect(await inbox(person)).toHaveLength(1)
  })

  test('who unsubscribes, and a device that is removed, while a provider is busy get nothing more', async () => {
    const [leaves, removes] = [await follower(app, 'laurel', 'UTC'), await follower(app, 'laurel', 'UTC')]
    await register(leaves, 'apns', APNS())
    const { body } = await register(removes, 'apns', APNS())
    fakes.answer = () => ({ status: 429, headers: { 'retry-after': '5' } })
    const id = await announce()
    await run(id)
    await unsubscribe(leaves)
    await removes.call('DELETE', `/api/notifications/devices/${body.device.id}`)
    fakes.pushed = []
    app.advance(6_000)
    await run(id)
    expect(fakes.pushed).toEqual([])
    expect(await campaign(id)).toMatchObject({ status: 'done', push: [{ status: 'withdrawn', devices: 2 }] })
  })
})

test('[NO-12] a campaign that stands still is taken up again, and one that waits for a provider is not', async () => {
  await follower(app, 'laurel', 'UTC')
  const person = await follower(app, 'laurel', 'UTC')
  await register(person, 'fcm', FCM())
  const [lost, waits] = [await announce(), await announce()]
  fakes.answer = () => ({ status: 503, headers: { 'retry-after': '3600' } })
  await run(waits)
  // campaigns of the tests above that nobody ran
  await resumeCampaigns(app.deps)
  const before = (await jobs()).length
  await resumeCampaigns(app.deps)
  expect(await jobs()).toHaveLength(before)
  app.advance(6 * 60_000)
  await resumeCampaigns(app.deps)
  const resumed = (await jobs()).slice(before).map(({ id }) => id)
  expect(resumed).toContain(lost)
  expect(resumed).not.toContain(waits)
  // once each
  await resumeCampaigns(app.deps)
  expect(await jobs()).toHaveLength(before + resumed.length)
})
