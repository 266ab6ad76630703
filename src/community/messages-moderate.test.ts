import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { confirmed, moderate, post, preview, react, read } from '../../test/harness/community.ts'

let app: TestApp
let owner: Caller
let fan: Caller

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  fan = await app.person('laurel', 'member')
})
afterAll(() => app.close())

const said = async (text: string): Promise<any> => (await post(owner, text)).body.message

describe('moderating a message', () => {
  test('[CM-13] hide, restore, flag and pin, each audited before and after without the body', async () => {
    const message = await said('Moderated words')
    for (const next of [{ pinned: true }, { status: 'hidden' }, { status: 'visible' }, { status: 'flagged' }])
      expect((await moderate(owner, message, next)).status, JSON.stringify(next)).toBe(200)
    const rows = await app.deps.db.query<{ change: string[]; text: string }>(sql`
      SELECT ARRAY[previous->>'status', previous->>'pinned', next->>'status', next->>'pinned'] AS change,
             row_to_json(a)::text AS text
        FROM audit_log a WHERE org = 'laurel' AND event = 'community_message_moderate' AND target_id = ${message.id} ORDER BY seq`)
    expect(rows.map(({ change }) => change)).toEqual([
      ['visible', 'false', 'visible', 'true'],
      // hiding takes the pin
      ['visible', 'true', 'hidden', 'false'],
      ['hidden', 'false', 'visible', 'false'],
      ['visible', 'false', 'flagged', 'false'],
    ])
    for (const { text } of rows) expect(text).not.toContain('Moderated words')
    expect((await read(app.guest())).body.messages.at(-1)).toMatchObject({
      status: 'flagged',
      body: 'Moderated words',
    })
  })

  test('[CM-13] the confirmation names message, author and channel', async () => {
    const message = await said('Named')
    const { body } = await preview(owner, 'moderate', {
      messageId: message.id,
      status: 'hidden',
      observedUpdatedAt: message.updatedAt,
    })
    expect(body.plan.confirmationText).toBe(
      `I confirm hiding message ${message.seq} of ${message.displayName} in General.`,
    )
  })

  test('[CM-14] what is stale is refused with the fresh plan, what changes nothing too; a reaction makes nothing stale', async () => {
    const message = await said('Twice')
    const asked = { messageId: message.id, observedUpdatedAt: message.updatedAt }
    await react(fan, message.id, 'like')
    expect((await confirmed(owner, 'moderate', { ...asked, pinned: true })).status).toBe(200)
    const stale = await confirmed(owner, 'moderate', { ...asked, status: 'hidden' })
    expect([stale.status, stale.body.code]).toEqual([412, 'stale'])
    expect(stale.body.plan.observed[0].updatedAt).not.toBe(message.updatedAt)
    expect((await moderate(owner, message, { pinned: true })).body.code).toBe('plan-blocked')
    expect((await moderate(owner, message, { status: 'hidden', pinned: true })).body.code).toBe(
      'plan-blocked',
    )
  })

  test('[CM-14] of many at once on what all saw, one is applied', async () => {
    const message = await said('Contested')
    const asked = { messageId: message.id, observedUpdatedAt: message.updatedAt }
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        confirmed(owner, 'moderate', { ...asked, status: n % 2 ? 'hidden' : 'flagged' }),
      ),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, body } of replies)
      if (status !== 200) expect(['stale', 'confirmation-mismatch', 'plan-blocked']).toContain(body.code)
  })

  test('[CM-15] not by listeners or guests, nor by a grant without an approval', async () => {
    const message = await said('Safe')
    const asked = { messageId: message.id, observedUpdatedAt: message.updatedAt, status: 'hidden' }
    const agent = await app.key({ org: 'laurel', role: 'agent' })
    const codes = []
    for (const who of [fan, app.guest(), agent])
      codes.push((await confirmed(who, 'moderate', asked)).body.code)
    expect(codes).toEqual(['forbidden', 'unauthenticated', 'approval-required'])
    expect((await read(app.guest())).body.messages.at(-1)).toMatchObject({
      id: message.id,
      status: 'visible',
    })
  })
})
