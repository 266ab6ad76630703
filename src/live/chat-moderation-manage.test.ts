import sql from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { openSession } from '../../test/harness/loop.ts'

let app: TestApp
let owner: Caller
let listener: Caller
let eventId: string
let rooms = 0

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  await app.org('juniper')
  owner = await app.person('laurel', 'owner')
  listener = await app.person('laurel', 'member')
})
afterAll(() => app.close())
beforeEach(async () => {
  eventId = (await app.event('laurel', { id: `room-${++rooms}`, status: 'live' })).id
})

const note = async (body = 'Something rude') =>
  (await owner.call('POST', '/api/live/messages', { eventId, body })).body.message.id as string
const moderate = (caller: Caller, body: object, headers = {}) =>
  caller.call('PATCH', '/api/admin/live-events/messages', body, headers)
const shown = async () =>
  (await listener.call('GET', `/api/live/messages?eventId=${eventId}`)).body.messages as any[]
const logOf = async () =>
  (await listener.call('GET', `/api/live/log?eventId=${eventId}`)).body.entries as any[]
const stats = async () =>
  (await owner.call('GET', `/api/agent/live-controls?eventId=${eventId}`)).body.live.events.find(
    ({ id }: any) => id === eventId,
  ).stats

test('[LR-10] a hidden note is shown to no listener, in the list or in the log, and restored it is there again', async () => {
  const id = await note()
  const hidden = await moderate(owner, { id, status: 'hidden' })
  expect(hidden.body).toMatchObject({ ok: true, mode: 'applied', message: { id, status: 'hidden' } })
  expect(await shown()).toEqual([])
  const entries = await logOf()
  expect(entries.map(({ kind }) => kind)).toEqual(['message', 'moderation'])
  expect(entries[0].message).toMatchObject({ id, status: 'hidden', body: null, displayName: null })
  expect(JSON.stringify(entries)).not.toContain('rude')
  expect(await stats()).toMatchObject({ visibleMessages: 0, hiddenMessages: 1, totalMessages: 1 })
  await moderate(owner, { id, status: 'visible' })
  expect(await shown()).toMatchObject([{ id, body: 'Something rude' }])
  expect(await stats()).toMatchObject({ visibleMessages: 1, hiddenMessages: 0 })
})

test('[LR-10] hidden notes are in the admin’s manifest and in nobody else’s', async () => {
  const id = await note()
  await moderate(owner, { id, status: 'hidden' })
  const recent = async (caller: Caller) =>
    (await caller.call('GET', `/api/agent/live-controls?eventId=${eventId}`)).body.live.recentMessages
  expect(await recent(owner)).toMatchObject([{ id, status: 'hidden', body: 'Something rude' }])
  expect(await recent(listener)).toEqual([])
})

test('[LR-11] flagging keeps a note in sight, pinning marks it, hiding unpins it', async () => {
  const id = await note()
  await moderate(owner, { id, status: 'flagged', pinned: true })
  expect(await shown()).toMatchObject([{ id, status: 'flagged', pinned: true }])
  expect(await stats()).toMatchObject({ flaggedMessages: 1, pinnedMessages: 1, visibleMessages: 0 })
  await moderate(owner, { id, status: 'hidden' })
  await moderate(owner, { id, status: 'visible' })
  expect(await shown()).toMatchObject([{ status: 'visible', pinned: false }])
  expect(await stats()).toMatchObject({ flaggedMessages: 0, pinnedMessages: 0, visibleMessages: 1 })
})

test('[LR-12] the audit says which note became what by whom, and has none of its words', async () => {
  const id = await note()
  await moderate(owner, { id, status: 'hidden' })
  const [row] = await app.deps.db.query<any>(sql`
    SELECT event, target_id, previous, next, principal FROM audit_log WHERE org = 'laurel' AND target_id = ${id}`)
  expect(row).toMatchObject({
    event: 'live_note_moderate',
    previous: { status: 'visible', messageId: id, eventId },
    next: { status: 'hidden' },
    principal: { role: 'creator' },
  })
  expect(JSON.stringify(row)).not.toContain('rude')
})

test('[LR-13] what would change nothing is refused, a stale version gets the fresh plan, dryRun changes nothing', async () => {
  const id = await note()
  expect((await moderate(owner, { id, status: 'visible' })).body.code).toBe('plan-blocked')
  expect((await moderate(owner, { id })).body.code).toBe('plan-blocked')
  const dry = await moderate(owner, { id, status: 'hidden', dryRun: true })
  expect(dry.body).toMatchObject({
    mode: 'preview',
    plan: { changes: [{ before: 'visible', after: 'hidden' }] },
  })
  expect(await shown()).toHaveLength(1)
  expect((await moderate(owner, { id, status: 'flagged', expectedVersion: 1 })).status).toBe(200)
  const stale = await moderate(owner, { id, status: 'hidden', expectedVersion: 1 })
  expect([stale.status, stale.body.plan.observed[0].version]).toEqual([412, 2])
})

test('[LR-13] moderated by many at once, each change is one entry and the counts agree with the notes', async () => {
  const ids = [await note('a'), await note('b')]
  const statuses = ['hidden', 'visible', 'flagged']
  const replies = await Promise.all(
    Array.from({ length: 24 }, (_, n) => moderate(owner, { id: ids[n % 2], status: statuses[n % 3] })),
  )
  const applied = replies.filter(({ status }) => status === 200).length
  expect(replies.every(({ status, body }) => status === 200 || body.code === 'plan-blocked')).toBe(true)
  expect((await logOf()).filter(({ kind }) => kind === 'moderation')).toHaveLength(applied)
  const [counted] = await app.deps.db.query<any>(sql`
    SELECT count(*) FILTER (WHERE status = 'visible')::int AS "visibleMessages", count(*) FILTER (WHERE status = 'hidden')::int AS "hiddenMessages",
           count(*) FILTER (WHERE status = 'flagged')::int AS "flaggedMessages"
      FROM live_chat_messages WHERE org = 'laurel' AND event_id = ${eventId}`)
  expect(await stats()).toMatchObject(counted)
})

test('[LR-14] an agent’s moderation waits for a person; a foreign note is no note', async () => {
  const id = await note()
  const agent = await app.key({ org: 'laurel', role: 'agent' })
  const refused = await moderate(agent, { id, status: 'hidden' })
  expect(refused.body.code).toBe('approval-required')
  const sessionId = await openSession(agent)
  const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
    ...{ operationId: 'live.chat.moderation.manage', input: { id, status: 'hidden' } },
    ...{ planDigest: refused.body.plan.planDigest, reason: 'It is rude.' },
  })
  const { approval } = asked.body
  await owner.call('PATCH', `/api/agent/sessions/${sessionId}/approvals/${approval.id}`, {
    ...{ decision: 'approve', planDigest: approval.planDigest },
  })
  const header = { 'countersign-approval': `${approval.id} ${approval.planDigest}` }
  expect((await moderate(agent, { id, status: 'hidden' }, header)).status).toBe(200)
  expect(await shown()).toEqual([])
  const juniper = await app.person('juniper', 'owner')
  expect((await moderate(juniper, { id, status: 'visible' })).body.code).toBe('not-found')
  expect((await moderate(listener, { id, status: 'visible' })).body.code).toBe('forbidden')
})
