import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { confirmed, post, preview, read, stored } from '../../test/harness/community.ts'
import { approve, openSession } from '../../test/harness/loop.ts'

let app: TestApp
let owner: Caller & { email: string }

beforeAll(async () => {
  app = await testApp()
  for (const org of ['laurel', 'juniper']) await app.org(org)
  owner = await app.person('laurel', 'owner')
})
afterAll(() => app.close())

const audited = (id: string) =>
  app.deps.db.query(sql`
    SELECT event, principal->>'displayName' AS who, next, client->>'name' AS client FROM audit_log
     WHERE org = 'laurel' AND outcome = 'applied' AND next->>'id' = ${id}`)

describe('posting into a channel', () => {
  test('[CM-3] a listener posts by the exact text, everybody reads it, and the audit has no body', async () => {
    const fan = await app.person('laurel', 'member')
    const { status, body } = await post(fan, 'The tape was great')
    expect([status, body.mode]).toEqual([201, 'applied'])
    expect(body.message).toMatchObject({
      body: 'The tape was great',
      status: 'visible',
      own: true,
      via: null,
    })
    const { messages } = (await read(app.guest())).body
    expect(messages.at(-1)).toMatchObject({ id: body.message.id, body: 'The tape was great', own: false })
    const [row] = await audited(body.message.id)
    expect(row).toMatchObject({
      event: 'community_message_post',
      next: { channelId: 'general', status: 'visible' },
    })
    expect(JSON.stringify(row)).not.toContain('tape')
  })

  test('[CM-3] another text, no envelope, too much or nothing to say: nothing is posted', async () => {
    const fan = await app.person('laurel', 'member')
    const before = await stored(app, 'laurel')
    expect((await post(fan, 'Hello', 'general', { text: 'I confirm.' })).body.code).toBe(
      'confirmation-mismatch',
    )
    expect((await preview(fan, 'post', { body: ' ' })).body.errors[0].pointer).toBe('/body')
    expect((await preview(fan, 'post', { body: 'x'.repeat(2001) })).body.errors[0].pointer).toBe('/body')
    expect((await fan.call('POST', '/api/agent/community-chat', { body: 'Hello' })).status).toBe(400)
    expect((await post(fan, 'Hello', 'nowhere')).body.code).toBe('not-found')
    expect(await stored(app, 'laurel')).toEqual(before)
  })

  test('[CM-3] eight times under one key is one message', async () => {
    const fan = await app.person('laurel', 'member')
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => post(fan, 'Once', 'general', { key: 'posted-once-0001' })),
    )
    expect(new Set(replies.map(({ body }) => body.message.id)).size).toBe(1)
    expect((await stored(app, 'laurel')).filter(({ body }) => body === 'Once')).toHaveLength(1)
  })

  test('[CM-4] automation does not post, nor does a guest or a grant without the scope', async () => {
    const automation = await app.key({ org: 'laurel', role: 'automation' })
    const narrow = await app.key({ org: 'laurel', role: 'agent', scopes: ['creator:laurel:config:read'] })
    const replies = [await post(automation, 'Hi'), await post(narrow, 'Hi'), await post(app.guest(), 'Hi')]
    expect(replies.map(({ body }) => body.code)).toEqual(['forbidden', 'forbidden', 'unauthenticated'])
  })

  test('[CM-5] a grant posts for its listener once a person approved exactly that, and it says so', async () => {
    const fan = await app.person('laurel', 'member', 'fan@laurel.example')
    const scopes = ['listener:community:write']
    const agent = await app.key({ org: 'laurel', role: 'agent', for: fan.email, scopes, name: 'Helper' })
    const input = { channelId: 'general', body: 'Written for me' }
    const { planDigest } = (await preview(agent, 'post', input)).body.plan
    expect((await confirmed(agent, 'post', input)).body.code).toBe('approval-required')
    const sessionId = await openSession(agent)
    const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
      operationId: 'community.messages.post',
      input,
      planDigest,
      reason: 'The listener asked for it.',
    })
    expect(asked.status, JSON.stringify(asked.body)).toBe(201)
    const { id } = asked.body.approval
    expect((await approve(owner, sessionId, id, planDigest)).status).toBe(200)
    const other = { ...input, body: 'Something else' }
    expect((await confirmed(agent, 'post', other, { approval: { id, planDigest } })).status).toBe(409)
    const done = await confirmed(agent, 'post', input, { approval: { id, planDigest } })
    expect(done.status, JSON.stringify(done.body)).toBe(201)
    expect(done.body.message).toMatchObject({ body: 'Written for me', via: 'Helper' })
    expect((await read(fan)).body.messages.at(-1)).toMatchObject({ own: true, via: 'Helper' })
  })

  test('[CM-6] five at once and one every six seconds, per person and channel, across requests; moderators as they like', async () => {
    const [fan, other] = [await app.person('laurel', 'member'), await app.person('laurel', 'member')]
    const started = Date.now()
    const replies = await Promise.all(Array.from({ length: 9 }, (_, n) => post(fan, `Flood ${n}`)))
    // on a machine that takes its time one more becomes free every six seconds
    const freed = Math.floor((Date.now() - started) / 6_000)
    const posted = replies.filter(({ status }) => status === 201).length
    expect(posted).toBeGreaterThanOrEqual(5)
    expect(posted).toBeLessThanOrEqual(5 + freed)
    const refused = replies.filter(({ status }) => status !== 201)
    for (const { status, body, headers } of refused) {
      expect([status, body.code]).toEqual([429, 'rate-limited'])
      expect(body.retryAfterMs).toBeGreaterThan(0)
      expect(body.retryAfterMs).toBeLessThanOrEqual(6_000)
      expect(Number(headers.get('retry-after'))).toBe(Math.ceil(body.retryAfterMs / 1000))
    }
    expect((await post(other, 'Calm')).status).toBe(201)
    app.advance(6_000)
    expect((await post(fan, 'Later')).status).toBe(201)
    for (let n = 0; n < 7; n++) expect((await post(owner, `Owner ${n}`)).status).toBe(201)
  })

  test('[CM-7] places are contiguous whatever is posted at once, and each organisation has its own', async () => {
    const fans = await Promise.all(Array.from({ length: 6 }, () => app.person('laurel', 'member')))
    await Promise.all(fans.flatMap((fan) => [post(fan, 'One'), post(fan, 'Two')]))
    const rows = await stored(app, 'laurel')
    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, n) => n + 1))
    expect(await stored(app, 'juniper')).toEqual([])
    expect((await read(await app.person('juniper', 'owner'))).body.messages).toEqual([])
  })
})
