import fc from 'fast-check'
import sql from 'sql-template-tag'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { envelopeFor, openSession } from '../../test/harness/loop.ts'
import { laterBy } from '../../test/harness/moves.ts'
import { beyondBudget, tokensLeft } from '../operation/budget.ts'

let app: TestApp
let owner: Caller
let automation: Caller
let eventId: string

beforeEach(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  automation = await app.key({ org: 'laurel', role: 'automation' })
  eventId = (await app.event('laurel')).id
  // a machine may be slow, and a minute is not to pass by itself
  const now = new Date()
  app.deps.clock = () => now
})
afterEach(() => app.close())

const set = (caller: Caller, body: Record<string, unknown>) =>
  caller.call('PUT', '/api/admin/policies/budgets', {
    ...{ principalKind: 'automation', actionsPerMinute: null, largestAudience: null },
    ...body,
  })
const note = async () =>
  (await owner.call('POST', '/api/live/messages', { eventId, body: 'Hello' })).body.message.id as string
const flag = (id: string, caller = automation, headers = {}) =>
  caller.call('PATCH', '/api/admin/live-events/messages', { id, status: 'flagged' }, headers)

test('[P-30] an owner sets a budget, reads it, and takes it back; nobody else does', async () => {
  const reply = await set(owner, { actionsPerMinute: 3 })
  expect(reply.body).toMatchObject({ mode: 'applied', plan: { changes: [{ before: null, after: 3 }] } })
  const read = async () => (await owner.call('GET', '/api/admin/policies')).body
  expect(await read()).toMatchObject({
    version: 1,
    budgets: [{ principalKind: 'automation', actionsPerMinute: 3, largestAudience: null }],
  })
  expect((await set(owner, { actionsPerMinute: 3 })).body.code).toBe('plan-blocked')
  expect((await set(owner, { actionsPerMinute: 0 })).body.errors).toMatchObject([
    { pointer: '/actionsPerMinute' },
  ])
  expect((await set(owner, { actionsPerMinute: 5, expectedVersion: 0 })).status).toBe(412)
  for (const caller of [automation, await app.person('laurel', 'admin')])
    expect((await set(caller, { actionsPerMinute: 9 })).body.code).toBe('forbidden')
  await set(owner, {})
  expect(await read()).toMatchObject({ version: 2, budgets: [] })
})

test('[P-31] of many writes at once as many are let through as the budget has, and a minute later again', async () => {
  await set(owner, { actionsPerMinute: 3 })
  const ids = await Promise.all(Array.from({ length: 8 }, note))
  const replies = await Promise.all(ids.map((id) => flag(id)))
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(3)
  const refused = replies.filter(({ status }) => status !== 200)
  for (const { body } of refused)
    expect(body).toMatchObject({ code: 'approval-required', plan: { policy: { mode: 'approve' } } })
  expect(refused[0]?.body.plan.warnings).toEqual(['More than 3 writes a minute need an approval.'])
  // another principal has its own
  expect((await flag(await note(), await app.key({ org: 'laurel', role: 'automation' }))).status).toBe(200)
  const later = new Date(app.deps.clock().getTime() + 60_000)
  app.deps.clock = () => later
  const again = await Promise.all(ids.map((id) => flag(id)))
  expect(again.filter(({ status }) => status === 200)).toHaveLength(3)
})

test('[P-33] a repetition costs nothing, a refused write neither, and people have no budget', async () => {
  await set(owner, { actionsPerMinute: 2 })
  const [first, second] = [await note(), await note()]
  const key = { 'idempotency-key': 'the-same-flagging' }
  for (let n = 0; n < 4; n++) expect((await flag(first, automation, key)).status).toBe(200)
  for (let n = 0; n < 4; n++) expect((await flag('no-such-note')).body.code).toBe('not-found')
  expect((await flag(second)).status).toBe(200)
  expect((await flag(await note())).body.code).toBe('approval-required')
  const own = await Promise.all(Array.from({ length: 5 }, async () => flag(await note(), owner)))
  expect(own.every(({ status }) => status === 200)).toBe(true)
})

test('[P-33] an agent whose policy asks for approvals anyway is asked for nothing else', async () => {
  await set(owner, { principalKind: 'agent', actionsPerMinute: 1000 })
  const agent = await app.key({ org: 'laurel', role: 'agent' })
  expect((await flag(await note(), agent)).body).toMatchObject({
    code: 'approval-required',
    plan: { warnings: [] },
  })
})

test('[P-32] telling more followers than the budget says waits for people, and then costs nothing', async () => {
  await app.deps.db.query(sql`
    INSERT INTO subscriber_audiences (org, version, size) VALUES ('laurel', 3, 3)
    ON CONFLICT (org) DO UPDATE SET version = 3, size = 3`)
  await set(owner, { principalKind: 'agent', actionsPerMinute: 1000 })
  const agent = await app.key({ org: 'laurel', role: 'agent' })
  expect((await flag(await note(), agent)).body).toMatchObject({
    code: 'approval-required',
    plan: { warnings: [] },
  })
})

test('[P-32] telling more followers than the budget says waits for people, and then costs nothing', async () => {
  await app.deps.db.query(sql`
    INSERT INTO subscriber_audiences (org, version, size) VALUES ('laurel', 3, 3)
    ON CONFLICT (org) DO UPDATE SET version = 3, size = 3`)
  const budget = await set(owner, { principalKind: 'agent', actionsPerMinute: 1, largestAudience: 2 })
  expect(budget.status, JSON.stringify(budget.body)).toBe(200)
  await owner.call('PUT', '/api/admin/policies', {
    ...{ operationId: 'live.events.schedule.confirmed-update', principalKind: 'agent', mode: 'confirm' },
  })
  const agent = await app.key({ org: 'laurel', role: 'agent' })
  const copy = {
    audience: 'confirmed_subscribers',
    title: 'Moved',
    body: 'It starts {start}.',
    timeZone: 'UTC',
  }
  const input = (minutes: number, enabled: boolean) => ({
    ...{ eventId, title: 'Laurel Studio Room', startsAt: laterBy(minutes) },
    ...(enabled ? { fanNotification: { enabled, ...copy } } : {}),
  })
  const planOf = async (fields: object) => {
    const settings = { status: 'scheduled', streamProvider: 'none', chatEnabled: true, subscriberOnly: false }
    const preview = { action: 'preview_live_event_schedule_change', ...settings, ...fields }
    return (await agent.call('POST', '/api/agent/live-controls', preview)).body
  }
  const confirm = async (fields: object, key: string, more = {}) => {
    const { plan, observedUpdatedAt } = await planOf(fields)
    const envelope = envelopeFor(plan, key, { planDigest: plan.planDigest, ...more })
    const body = { action: 'confirm_live_event_schedule_change', ...fields, observedUpdatedAt, envelope }
    return agent.call('POST', '/api/agent/live-controls', body)
  }
  const telling = input(5, true)
  const { plan } = await planOf(telling)
  expect(plan, JSON.stringify(plan)).toMatchObject({ policy: { mode: 'approve' } })
  expect(plan.warnings).toContain('Telling more than 2 followers needs an approval.')
  expect((await confirm(telling, 'telling-three')).body.code).toBe('approval-required')
  const sessionId = await openSession(agent)
  const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
    ...{ operationId: 'live.events.schedule.confirmed-update', input: telling },
    ...{ planDigest: plan.planDigest, reason: 'They want to know.' },
  })
  const { id, planDigest } = asked.body.approval
  await owner.call('PATCH', `/api/agent/sessions/${sessionId}/approvals/${id}`, {
    decision: 'approve',
    planDigest,
  })
  const told = await confirm(telling, 'telling-approved', { approval: { id, planDigest } })
  expect(told.status, JSON.stringify(told.body)).toBe(200)
  // the one write of this minute is still there
  expect((await confirm(input(10, false), 'telling-nobody')).status).toBe(200)
  expect((await confirm(input(15, false), 'one-too-many')).body.code).toBe('approval-required')
})

test('[P-31] whatever was used when, there is never more left than the budget, and it is full after a minute', () => {
  const use = fc.record({
    tokens: fc.double({ min: 0, max: 50, noNaN: true }),
    ago: fc.integer({ min: -5_000, max: 300_000 }),
  })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), use, (size, { tokens, ago }) => {
      const now = new Date(1_000_000)
      const left = tokensLeft(
        size,
        { tokens: Math.min(tokens, size), refilledAt: new Date(now.getTime() - ago) },
        now,
      )
      expect(left).toBeLessThanOrEqual(size)
      expect(left).toBeGreaterThanOrEqual(Math.min(tokens, size))
      if (ago >= 60_000) expect(left).toBe(size)
      const budget = { kind: 'agent' as const, actionsPerMinute: size, largestAudience: null }
      expect(beyondBudget(budget, { left, audience: 1_000_000 })).toHaveLength(left < 1 ? 1 : 0)
    }),
  )
})
