import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { type Receiver, receiver } from '../../test/harness/trigger-receivers.ts'
import { deliver } from './deliver.ts'

const BASE = '/api/agent/workflow-triggers/subscriptions'
const FAMILIES = ['live.readiness.changed']

let app: TestApp
let owner: Caller
let bot: Caller
let at: Receiver

beforeAll(async () => {
  app = await testApp({ config: { allowPrivateTriggers: true } })
  await app.org('laurel')
  await app.org('juniper')
  owner = await app.person('laurel', 'owner')
  bot = await app.key({ org: 'laurel', role: 'agent', scopes: ['creator:laurel:live:read'] })
  at = await receiver()
})
afterAll(async () => {
  await at.stop()
  await app.close()
})

const create = async (caller: Caller, more: object = {}) => {
  const reply = await caller.call('POST', BASE, { url: at.url, families: FAMILIES, ...more })
  if (reply.body.secret) at.secrets.push(reply.body.secret)
  return reply
}
const signal = new AbortController().signal
const send = async (id: string) => {
  const [row] = await app.deps.db.query<{ attempt: number }>(
    sql`SELECT attempts AS attempt FROM trigger_deliveries WHERE org = 'laurel' AND id = ${id}`,
  )
  await deliver(app.deps, { data: { org: 'laurel', id, attempt: row?.attempt }, signal }, 'failing')
}

describe('subscriptions', () => {
  test('[TR-17] the secret is shown once and kept sealed', async () => {
    const made = await create(owner)
    expect(made.status).toBe(201)
    expect(made.body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const { id } = made.body.subscription
    const listed = await owner.call('GET', BASE)
    expect(JSON.stringify(listed.body)).not.toContain('whsec_')
    const [row] = await app.deps.db.query<{ secret: Buffer }>(
      sql`SELECT secret FROM trigger_subscriptions WHERE org = 'laurel' AND id = ${id}`,
    )
    expect(row?.secret.toString('latin1')).not.toContain(made.body.secret.slice(6))
    expect(app.logged.join('')).not.toContain(made.body.secret)
  })

  test('[TR-17] both secrets sign for a day after a rotation', async () => {
    const { id } = (await create(owner)).body.subscription
    const rotated = await owner.call('POST', `${BASE}/${id}/secret`)
    expect(rotated.status).toBe(200)
    const hit = async () => {
      const { body } = await owner.call('POST', `${BASE}/${id}/test`, {})
      await send(body.delivery.id)
      return at.hits.at(-1)
    }
    const known = [...at.secrets]
    for (const secret of [known.at(-1) as string, rotated.body.secret]) {
      at.secrets.splice(0, at.secrets.length, secret)
      expect(await hit()).toMatchObject({
        verified: true,
        signatures: [expect.any(String), expect.any(String)],
      })
    }
    app.advance(25 * 3_600_000)
    expect(await hit()).toMatchObject({ verified: true, signatures: [expect.any(String)] })
    at.secrets.splice(0, at.secrets.length, known.at(-1) as string)
    expect(await hit()).toMatchObject({ verified: false })
    app.advance(-25 * 3_600_000)
  })

  test('[TR-18] a grant manages its own, who administers all, another organisation none', async () => {
    const own = (await create(bot)).body.subscription.id
    const foreign = (await create(owner)).body.subscription.id
    const idsOf = async (caller: Caller) =>
      (await caller.call('GET', BASE)).body.subscriptions.map((each: any) => each.id)
    expect(await idsOf(bot)).toEqual([own])
    expect(await idsOf(owner)).toEqual(expect.arrayContaining([own, foreign]))
    const elsewhere = await app.person('juniper', 'owner')
    for (const [caller, id] of [
      [bot, foreign],
      [elsewhere, own],
    ] as const)
      for (const [method, path, body] of [
        ['PATCH', '', { status: 'paused' }],
        ['DELETE', '', undefined],
        ['POST', '/secret', undefined],
        ['POST', '/test', {}],
        ['GET', '/deliveries', undefined],
      ] as const)
        expect((await caller.call(method, `${BASE}/${id}${path}`, body)).status, `${method} ${path}`).toBe(
          404,
        )
    expect((await owner.call('DELETE', `${BASE}/${own}`)).status).toBe(200)
    expect((await owner.call('DELETE', `${BASE}/${own}`)).status).toBe(404)
    expect(await idsOf(bot)).toEqual([])
  })

  test('[TR-19] a redelivery repeats id and payload as another attempt; a test goes out once', async () => {
    const { id } = (await create(owner)).body.subscription
    const asked = await owner.call('POST', `${BASE}/${id}/test`, {})
    expect(asked.body.delivery).toMatchObject({ test: true, status: 'pending' })
    const deliveryId = asked.body.delivery.id
    await send(deliveryId)
    const again = `${BASE}/${id}/deliveries/${deliveryId}/redeliver`
    const replies = await Promise.all([owner.call('POST', again), owner.call('POST', again)])
    expect(replies.map(({ status }) => status).sort()).toEqual([202, 409])
    await send(deliveryId)
    const [first, second] = at.hits.filter((hit) => hit.id === deliveryId)
    expect(second?.body).toEqual(first?.body)
    const { body } = await owner.call('GET', `${BASE}/${id}/deliveries`)
    expect(body.deliveries[0].attempts.map((each: any) => each.attempt)).toEqual([1, 2])
  })

  test('[TR-19] the log is read by pages', async () => {
    const { id } = (await create(owner)).body.subscription
    for (let n = 0; n < 5; n++) await owner.call('POST', `${BASE}/${id}/test`, {})
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await owner.call('GET', `${BASE}/${id}/deliveries?limit=2${cursor}`)
      seen.push(...body.deliveries.map((each: any) => each.id))
      cursor = body.nextCursor ? `&cursor=${encodeURIComponent(body.nextCursor)}` : ''
    } while (cursor)
    expect([seen.length, new Set(seen).size]).toEqual([5, 5])
  })

  test('[TR-18] what cannot be a receiver or a session of the caller is refused', async () => {
    const codes = async (more: object) => (await create(bot, more)).body.code
    expect(await codes({ url: 'ftp://a.example' })).toBe('validation-failed')
    expect(await codes({ url: 'https://a:b@a.example' })).toBe('validation-failed')
    app.deps.config.allowPrivateTriggers = false
    expect(await codes({ url: 'http://a.example' })).toBe('validation-failed')
    app.deps.config.allowPrivateTriggers = true
    expect(await codes({ families: ['member.idea.submitted'] })).toBe('validation-failed')
    expect(await codes({ session: { mode: 'resume' } })).toBe('validation-failed')
    expect(await codes({ session: { mode: 'open', sessionId: 'x' } })).toBe('validation-failed')
    expect(await codes({ session: { mode: 'resume', sessionId: 'agent-session-none' } })).toBe('not-found')
  })

  test('[TR-18] no more than 20 of one caller, also when they are asked for at once', async () => {
    const many = await app.key({ org: 'laurel', role: 'automation', scopes: ['creator:laurel:live:read'] })
    const replies = await Promise.all(Array.from({ length: 24 }, () => create(many)))
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(20)
    expect(new Set(replies.filter(({ status }) => status !== 201).map(({ body }) => body.code))).toEqual(
      new Set(['conflict']),
    )
  })
})

describe('the catalog', () => {
  test('[TR-3] has every family, which of them are produced, and a sample of each', async () => {
    const { body } = await app.guest().call('GET', '/api/agent/workflow-triggers')
    expect(body.version).toBe('agent-workflow-triggers.v1')
    expect(
      body.families.map((each: any) => [each.family, each.produced, each.samplePayload.version]),
    ).toEqual([
      ['creator.catalog.drift.detected', true, 'agent-workflow-trigger.catalog-drift.v1'],
      ['live.readiness.changed', true, 'agent-workflow-trigger.live-readiness.v1'],
      ['session.approval.requested', true, 'agent-workflow-trigger.session-approval.v1'],
      ['config.sync.finished', true, 'agent-workflow-trigger.config-sync.v1'],
      ['member.idea.submitted', false, 'agent-workflow-trigger.member-idea.v1'],
    ])
  })
})
