import sql from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { openSession, previewMove, requestApproval } from '../../test/harness/loop.ts'
import {
  cancelSession,
  confirm,
  decide,
  laterBy,
  type RequestedMove,
  requestedMove,
  wholeLog,
} from '../../test/harness/moves.ts'
import { expireOverdue } from './jobs.ts'
import { DECISION_WINDOW_MS, EXECUTION_WINDOW_MS } from './rules.ts'

const UPDATE = 'live.events.schedule.confirmed-update'

let app: TestApp
let owner: Caller & { email: string }
let admin: Caller & { email: string }
let agent: Caller
let eventId: string
let events = 0
let keys = 0

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  admin = await app.person('laurel', 'admin')
  agent = await app.key({ org: 'laurel', role: 'agent', for: owner.email })
})
beforeEach(async () => {
  eventId = (await app.event('laurel', { id: `room-${++events}-1a2b3c4d` })).id
})
afterAll(() => app.close())

const key = () => `approvals-key-${++keys}`
const row = async ({ approval }: Pick<RequestedMove, 'approval'>) => {
  const [found] = await app.deps.db.query<{ status: string; sealed: Buffer | null; text: string }>(sql`
    SELECT status, sealed_secrets AS sealed, (to_jsonb(a) - 'sealed_secrets')::text AS text
      FROM session_approvals a WHERE org = 'laurel' AND id = ${approval.id}`)
  return found!
}
const statusOf = async (move: RequestedMove) =>
  (await agent.call('GET', `/api/agent/sessions/${move.sessionId}`)).body.session.status
const resolutions = async (move: RequestedMove) =>
  (await wholeLog(owner, move.sessionId)).filter(({ type }) => type === 'approval.resolved')
const policy = (body: Record<string, unknown>) =>
  owner.call('PUT', '/api/admin/policies', { operationId: UPDATE, principalKind: 'agent', ...body })

describe('asking', () => {
  test('[A-1] the plan is made anew: another digest gets 412 with the fresh plan, and nothing is stored', async () => {
    const sessionId = await openSession(agent)
    const reply = await requestApproval(agent, sessionId, 'a'.repeat(64), { id: eventId })
    expect([reply.status, reply.body.code]).toEqual([412, 'plan-changed'])
    const { body } = await previewMove(agent, { id: eventId })
    expect(reply.body.plan.planDigest).toBe(body.planDigest)
    expect(await wholeLog(agent, sessionId)).toHaveLength(1)
  })

  test('[A-1] a blocked plan, a foreign operation and a bad input are refused, the last by its field', async () => {
    const sessionId = await openSession(agent)
    const same = await previewMove(agent, { id: eventId, startsAt: '2026-05-21T02:00:00.000Z' })
    const blocked = await requestApproval(agent, sessionId, same.body.planDigest, {
      id: eventId,
      startsAt: '2026-05-21T02:00:00.000Z',
    })
    expect([blocked.status, blocked.body.code]).toEqual([409, 'plan-blocked'])
    const ask = (body: Record<string, unknown>) =>
      agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
        planDigest: 'a'.repeat(64),
        reason: 'Because.',
        ...body,
      })
    const foreign = await ask({ operationId: 'policies.update', input: {} })
    expect(foreign.body.errors[0].pointer).toBe('/operationId')
    const bad = await ask({ operationId: UPDATE, input: { eventId, title: 7 } })
    expect(bad.body.errors[0].pointer).toBe('/input/title')
    expect(await wholeLog(agent, sessionId)).toHaveLength(1)
  })

  test('[A-2] the session waits while an approval is pending, the answer names the page, nothing has changed', async () => {
    const move = await requestedMove(agent, eventId)
    expect(await statusOf(move)).toBe('waiting-for-approval')
    const read = await agent.call(
      'GET',
      `/api/agent/sessions/${move.sessionId}/approvals/${move.approval.id}`,
    )
    expect(read.body.approval).toMatchObject({ status: 'pending', contract: 'creator.live.schedule.update' })
    expect(read.body.approval.url).toBe(
      `${app.url}/approvals/${move.sessionId}/${move.approval.id}?artistId=laurel`,
    )
    expect(read.body.youMayDecide).toBe(false)
    const [event] = await app.deps.db.query(
      sql`SELECT version FROM live_events WHERE org = 'laurel' AND id = ${eventId}`,
    )
    expect(event).toEqual({ version: 1 })
  })
})

describe('deciding', () => {
  test.each([
    ['approve', 'approved'],
    ['reject', 'rejected'],
    ['expire', 'expired'],
  ] as const)(
    '[A-3] %s: %s, once, with its reason in the log, and the session goes on',
    async (decision, outcome) => {
      const move = await requestedMove(agent, eventId)
      const reply = await decide(owner, move, decision, { reason: 'As discussed.' })
      expect(reply.body.approval).toMatchObject({ status: outcome, resolutionReason: 'As discussed.' })
      expect(await resolutions(move)).toMatchObject([
        { actor: { kind: 'human' }, approval: { status: outcome, reason: 'As discussed.' } },
      ])
      expect(await statusOf(move)).toBe('active')
      const again = await decide(admin, move, 'approve')
      expect([again.status, again.body.code, again.body.approvalStatus]).toEqual([
        409,
        'approval-resolved',
        outcome,
      ])
      const used = await confirm(agent, move.body(key()))
      expect(used.status).toBe(outcome === 'approved' ? 200 : 409)
      if (outcome !== 'approved')
        expect(used.body).toMatchObject({ code: 'approval-not-approved', approvalStatus: outcome })
    },
  )

  test('[A-4] another digest or another text decides nothing', async () => {
    const move = await requestedMove(agent, eventId)
    const digest = await decide(owner, move, 'approve', { planDigest: 'b'.repeat(64) })
    expect([digest.status, digest.body.code]).toEqual([412, 'plan-changed'])
    const text = await decide(owner, move, 'approve', { confirmationText: 'Yes.' })
    expect([text.status, text.body.code]).toEqual([422, 'confirmation-mismatch'])
    expect((await row(move)).status).toBe('pending')
    const { confirmationText } = move.preview.body
    expect((await decide(owner, move, 'approve', { confirmationText })).status).toBe(200)
  })

  test('[A-5] no key and no grant resolves, whatever it may do else; a guest and a member see nothing', async () => {
    const move = await requestedMove(agent, eventId)
    const keysOf = await Promise.all([
      app.key({ org: 'laurel', role: 'automation' }),
      app.key({ org: 'laurel', role: 'artist-admin', user: owner.email }),
      app.key({ org: 'laurel', role: 'listener', user: owner.email }),
      app.key({ org: 'laurel', role: 'agent', for: admin.email }),
    ])
    for (const caller of [agent, ...keysOf])
      for (const decision of ['approve', 'reject', 'expire'] as const)
        expect((await decide(caller, move, decision)).body.code).toBe('forbidden')
    expect((await decide(app.guest(), move, 'approve')).body.code).toBe('unauthenticated')
    expect((await decide(await app.person('laurel', 'member'), move, 'approve')).body.code).toBe('not-found')
    expect((await row(move)).status).toBe('pending')
  })

  test('[A-6] where the policy excludes the delegator, another person decides', async () => {
    await policy({ mode: 'approve', approvers: 1, delegatorMayConfirm: false })
    try {
      const move = await requestedMove(agent, eventId)
      const path = `/api/agent/sessions/${move.sessionId}/approvals/${move.approval.id}`
      const may = async (person: Caller) => (await person.call('GET', path)).body.youMayDecide
      expect([await may(owner), await may(admin)]).toEqual([false, true])
      expect((await decide(owner, move, 'approve')).body.code).toBe('forbidden')
      expect((await decide(owner, move, 'reject')).body.code).toBe('forbidden')
      expect((await decide(admin, move, 'approve')).body.approval.status).toBe('approved')
    } finally {
      await policy({ mode: 'default' })
    }
  })

  test('[A-7] two approvers are two people; one refusal ends it', async () => {
    await policy({ mode: 'approve', approvers: 2, delegatorMayConfirm: true })
    try {
      const move = await requestedMove(agent, eventId)
      const first = await decide(owner, move, 'approve')
      expect(first.body.approval).toMatchObject({ status: 'pending', approversNeeded: 2 })
      expect(await statusOf(move)).toBe('waiting-for-approval')
      expect((await decide(owner, move, 'approve')).body.code).toBe('conflict')
      expect((await confirm(agent, move.body(key()))).body.code).toBe('approval-not-approved')
      expect((await decide(admin, move, 'approve')).body.approval.status).toBe('approved')
      expect((await confirm(agent, move.body(key()))).status).toBe(200)

      const other = await requestedMove(agent, eventId, { startsAt: laterBy(30) })
      await decide(owner, other, 'approve')
      expect((await decide(admin, other, 'reject')).body.approval.status).toBe('rejected')
    } finally {
      await policy({ mode: 'default' })
    }
  })
})

describe('time', () => {
  test('[A-8] an approval nobody decided on is expired at its deadline, before any job ran', async () => {
    const move = await requestedMove(agent, eventId)
    app.advance(DECISION_WINDOW_MS - 60_000)
    const path = `/api/agent/sessions/${move.sessionId}/approvals/${move.approval.id}`
    expect((await agent.call('GET', path)).body.approval.status).toBe('pending')
    app.advance(60_000)
    expect((await agent.call('GET', path)).body.approval.status).toBe('expired')
    const late = await decide(owner, move, 'approve')
    expect(late.body).toMatchObject({ code: 'approval-resolved', approvalStatus: 'expired' })
    expect((await row(move)).status).toBe('pending')
  })

  test('[A-8] the job writes it, tells the session once, and leaves what is not overdue alone', async () => {
    const move = await requestedMove(agent, eventId)
    app.advance(DECISION_WINDOW_MS)
    const young = await requestedMove(agent, eventId, { startsAt: laterBy(5) })
    await expireOverdue(app.deps)
    await expireOverdue(app.deps)
    expect([(await row(move)).status, (await row(young)).status]).toEqual(['expired', 'pending'])
    expect(await resolutions(move)).toMatchObject([
      { actor: { kind: 'system' }, approval: { status: 'expired' } },
    ])
    expect([await statusOf(move), await statusOf(young)]).toEqual(['active', 'waiting-for-approval'])
  })

  test('[A-9] an approved plan not executed in time is refused at use and expired by the job', async () => {
    const move = await requestedMove(agent, eventId)
    await decide(owner, move, 'approve')
    app.advance(EXECUTION_WINDOW_MS)
    const used = await confirm(agent, move.body(key()))
    expect(used.body).toMatchObject({ code: 'approval-not-approved', approvalStatus: 'expired' })
    await expireOverdue(app.deps)
    expect((await row(move)).status).toBe('expired')
    expect((await resolutions(move)).map(({ approval }) => approval.status)).toEqual(['approved', 'expired'])
  })
})

describe('executing', () => {
  test('[A-15] only the principal that asked uses it, in its own session', async () => {
    const move = await requestedMove(agent, eventId)
    await decide(owner, move, 'approve')
    const other = await app.key({ org: 'laurel', role: 'agent', for: owner.email })
    expect((await confirm(other, move.body(key()))).status).toBe(404)
    const elsewhere = await openSession(agent)
    expect((await confirm(agent, move.body(key()), { 'agent-session-id': elsewhere })).status).toBe(404)
    expect((await row(move)).status).toBe('approved')
  })

  test('[A-16] other arguments than the approved ones are 409, and the approval stays', async () => {
    const move = await requestedMove(agent, eventId)
    await decide(owner, move, 'approve')
    const body = move.body(key())
    const more = await confirm(agent, { ...body, chatEnabled: false })
    expect([more.status, more.body.code]).toEqual([409, 'plan-mismatch'])
    const other = await confirm(agent, { ...body, startsAt: laterBy(45) })
    expect([other.status, other.body.code]).toEqual([409, 'plan-mismatch'])
    const digest = await confirm(agent, move.body(key(), { ...move.approval, planDigest: 'c'.repeat(64) }))
    expect(digest.body.code).toBe('plan-mismatch')
    expect((await row(move)).status).toBe('approved')
    expect((await confirm(agent, body)).status).toBe(200)
  })

  test('[A-17] a change of the event or of the policy since the approval is 412 with a fresh plan', async () => {
    const move = await requestedMove(agent, eventId)
    await decide(owner, move, 'approve')
    await policy({ mode: 'approve', approvers: 1, delegatorMayConfirm: true })
    const ruled = await confirm(agent, move.body(key()))
    expect([ruled.status, ruled.body.code]).toEqual([412, 'plan-changed'])
    await policy({ mode: 'default' })

    const moved = await requestedMove(agent, eventId)
    await decide(owner, moved, 'approve')
    await app.deps.db.query(sql`
      UPDATE live_events SET version = version + 1, updated_at = updated_at + interval '1 second'
       WHERE org = 'laurel' AND id = ${eventId}`)
    const stale = await confirm(agent, moved.body(key()))
    expect([stale.status, stale.body.code]).toEqual([412, 'stale'])
    expect(stale.body.plan.observed[0].version).toBe(2)
    expect((await row(moved)).status).toBe('approved')
  })

  test('[A-18] without an approval a grant’s confirm is refused and says how to ask', async () => {
    const { body } = await requestedMove(agent, eventId).then((move) =>
      confirm(agent, move.body(key(), null as never)),
    )
    expect(body.code).toBe('approval-required')
    expect(body.nextAction).toContain('/approvals')
  })
})

describe('cancelling', () => {
  test('[A-19] it voids what is pending and what is approved, and nothing executes or decides afterwards', async () => {
    const sessionId = await openSession(agent)
    const pending = await requestedMove(agent, eventId, { sessionId })
    const approved = await requestedMove(agent, eventId, { sessionId, startsAt: laterBy(5) })
    await decide(owner, approved, 'approve')
    expect((await cancelSession(agent, sessionId)).body.session.status).toBe('cancelled')
    expect([(await row(pending)).status, (await row(approved)).status]).toEqual(['voided', 'voided'])
    const log = await wholeLog(agent, sessionId)
    expect(log.slice(-3).map(({ type, approval }) => approval?.status ?? type)).toEqual([
      'voided',
      'voided',
      'session.cancelled',
    ])
    expect((await decide(owner, pending, 'approve')).body.code).toBe('approval-resolved')
    expect((await confirm(agent, approved.body(key()))).body.code).toBe('session-ended')
    expect(await wholeLog(agent, sessionId)).toEqual(log)
  })
})

describe('secrets in an approved plan', () => {
  const SECRET = 'https://ingest.example/live?key=canary-7f3a'
  const secretMove = async () => {
    const more = { id: eventId, streamProvider: 'external_url', streamUrl: SECRET }
    const preview = await previewMove(agent, more)
    const sessionId = await openSession(agent)
    const { planDigest } = preview.body
    const asked = await requestApproval(agent, sessionId, planDigest, more)
    expect(asked.status).toBe(201)
    return { sessionId, preview, asked, approval: { id: asked.body.approval.id as string, planDigest } }
  }

  test('[A-20] they wait sealed, are applied without being sent again, and the column empties on use', async () => {
    const { sessionId, preview, asked, approval } = await secretMove()
    expect(JSON.stringify([preview.body, asked.body])).not.toContain('canary')
    const waiting = await row({ approval })
    expect(waiting.text).not.toContain('canary')
    expect(waiting.sealed?.length).toBeGreaterThan(SECRET.length)
    expect(waiting.sealed?.includes('canary')).toBe(false)
    await decide(owner, { sessionId, approval }, 'approve')
    expect((await row({ approval })).sealed).not.toBeNull()

    const { body } = await requestedMove(agent, eventId).then((move) => ({
      body: move.body(key(), approval),
    }))
    const envelope = {
      ...(body.envelope as object),
      confirmation: { text: preview.body.confirmationText, acknowledgedRisk: true },
    }
    const applied = await confirm(agent, { ...body, envelope })
    expect(applied.body).toMatchObject({
      ok: true,
      event: { stream: { provider: 'external_url', configured: true } },
    })
    const [event] = await app.deps.db.query(
      sql`SELECT stream_url FROM live_events WHERE org = 'laurel' AND id = ${eventId}`,
    )
    expect(event).toEqual({ stream_url: SECRET })
    expect(await row({ approval })).toMatchObject({ status: 'consumed', sealed: null })
  })

  test.each([
    ['refused', ({ sessionId, approval }: any) => decide(owner, { sessionId, approval }, 'reject')],
    [
      'expired by a person',
      ({ sessionId, approval }: any) => decide(owner, { sessionId, approval }, 'expire'),
    ],
    ['voided', ({ sessionId }: any) => cancelSession(agent, sessionId)],
    [
      'expired by the job',
      () => {
        app.advance(DECISION_WINDOW_MS)
        return expireOverdue(app.deps)
      },
    ],
    [
      'approved and then expired by the job',
      async ({ sessionId, approval }: any) => {
        await decide(owner, { sessionId, approval }, 'approve')
        app.advance(EXECUTION_WINDOW_MS)
        return expireOverdue(app.deps)
      },
    ],
  ])('[A-20] the column empties when it is %s', async (_how, end) => {
    const move = await secretMove()
    expect((await row(move)).sealed).not.toBeNull()
    await end(move)
    expect((await row(move)).sealed).toBeNull()
  })
})
