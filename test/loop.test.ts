import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from './harness/app.ts'
import { approve, confirmBody, EVENT_ID, openSession, previewMove, requestApproval } from './harness/loop.ts'

let app: TestApp
let owner: Caller
let agent: Caller

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  agent = await app.key({ org: 'laurel', role: 'agent' })
  await app.event('laurel')
})
afterAll(() => app.close())

describe('[K-9] the agent loop over HTTP', () => {
  test('a previewed move is approved by a person, applied once and replayable', async () => {
    const sessionId = await openSession(agent)
    const inSession = { 'agent-session-id': sessionId }
    const read = await agent.call('GET', `/api/agent/live-controls?eventId=${EVENT_ID}`, undefined, inSession)
    expect(read.status).toBe(200)

    const preview = await previewMove(agent)
    expect(preview.status).toBe(200)
    expect(preview.body.confirmationText).toBe('I confirm updating Laurel Studio Room to 7:30 PM.')
    expect(preview.body.plan.targetSummary).toBe('Move Laurel Studio Room from 7:00 PM to 7:30 PM.')

    const requested = await requestApproval(agent, sessionId, preview.body.planDigest)
    expect(requested.body).toMatchObject({ ok: true })
    const { id, planDigest } = requested.body.approval
    const approval = { id, planDigest }
    const early = await agent.call(
      'POST',
      '/api/agent/live-controls',
      confirmBody(preview.body, 'loop-early-key', { envelope: { approval } }),
    )
    expect(early.body.code).toBe('approval-not-approved')

    const approved = await approve(owner, sessionId, id, planDigest)
    expect(approved.body.approval.status).toBe('approved')

    const body = confirmBody(preview.body, 'loop-confirm-key', { envelope: { approval } })
    const confirmed = await agent.call('POST', '/api/agent/live-controls', body, inSession)
    expect(confirmed.body).toMatchObject({
      ok: true,
      mode: 'applied',
      event: { startsAt: '2026-05-21T02:30:00.000Z' },
    })
    const replayed = await agent.call('POST', '/api/agent/live-controls', body, inSession)
    expect(replayed.headers.get('idempotency-replayed')).toBe('true')
    expect(replayed.body).toEqual(confirmed.body)

    const log = await agent.call('GET', `/api/agent/sessions/${sessionId}/events`)
    const events = log.body.events as { sequence: number; type: string }[]
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1))
    expect(events.map(({ type }) => type)).toContain('approval.resolved')
    const done = await agent.call('POST', `/api/agent/sessions/${sessionId}/complete`, {
      outcome: 'completed',
      summary: 'Moved.',
    })
    expect(done.body.session.status).toBe('completed')
  })
})
