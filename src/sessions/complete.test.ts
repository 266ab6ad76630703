import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { openSession, previewMove, requestApproval } from '../../test/harness/loop.ts'
import {
  cancelSession,
  confirm,
  decide,
  message,
  previewedMove,
  requestedMove,
  wholeLog,
} from '../../test/harness/moves.ts'

let app: TestApp
let owner: Caller
let agent: Caller
let automation: Caller
let eventId: string

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  agent = await app.key({ org: 'laurel', role: 'agent' })
  automation = await app.key({ org: 'laurel', role: 'automation' })
  eventId = (await app.event('laurel')).id
})
afterAll(() => app.close())

const complete = (caller: Caller, sessionId: string, outcome = 'completed', key?: string) =>
  caller.call(
    'POST',
    `/api/agent/sessions/${sessionId}/complete`,
    { outcome, summary: 'That was it.' },
    key ? { 'idempotency-key': key } : {},
  )

describe('the end of a session', () => {
  test.each([
    ['completed', 'completed'],
    ['failed', 'failed'],
  ])('[S-12] %s ends it with session.completed and that outcome', async (outcome, status) => {
    const sessionId = await openSession(agent)
    expect((await complete(agent, sessionId, outcome)).body.session.status).toBe(status)
    expect((await wholeLog(agent, sessionId)).at(-1)).toMatchObject({ type: 'session.completed', outcome })
  })

  test('[S-12] only who opened it completes it; that principal and people cancel it', async () => {
    const sessionId = await openSession(agent)
    expect((await complete(owner, sessionId)).body.code).toBe('forbidden')
    expect((await complete(automation, sessionId)).body.code).toBe('forbidden')
    expect((await cancelSession(automation, sessionId)).body.code).toBe('forbidden')
    expect((await cancelSession(await app.key({ org: 'laurel', role: 'agent' }), sessionId)).body.code).toBe(
      'not-found',
    )
    expect((await cancelSession(app.guest(), sessionId)).body.code).toBe('unauthenticated')
    expect((await cancelSession(owner, sessionId)).status).toBe(200)
    expect((await cancelSession(agent, await openSession(agent))).status).toBe(200)
  })

  test.each([
    ['complete', (sessionId: string) => complete(agent, sessionId)],
    ['fail', (sessionId: string) => complete(agent, sessionId, 'failed')],
    ['cancel', (sessionId: string) => cancelSession(owner, sessionId)],
  ])('[S-13] after %s nothing follows, whatever is tried', async (_how, end) => {
    const move = await requestedMove(agent, eventId)
    const { sessionId } = move
    expect((await end(sessionId)).status).toBe(200)
    const log = await wholeLog(agent, sessionId)
    const inIt = { 'agent-session-id': sessionId }
    const preview = await previewMove(agent, { id: eventId })
    const tried = [
      await message(agent, sessionId, 'One more thing.'),
      await requestApproval(agent, sessionId, preview.body.planDigest, { id: eventId }),
      await decide(owner, move, 'approve'),
      await confirm(agent, move.body('after-the-end-key'), inIt),
      await confirm(agent, move.body('after-the-end-key')),
      await complete(agent, sessionId),
      await cancelSession(owner, sessionId),
      await agent.call('GET', `/api/agent/live-controls?eventId=${eventId}`, undefined, inIt),
    ]
    expect(tried.map(({ status }) => status)).toEqual(tried.map(() => 409))
    const codes = tried.map(({ body }) => body.code)
    expect(new Set(codes)).toEqual(new Set(['session-ended', 'approval-resolved']))
    expect(await wholeLog(agent, sessionId)).toEqual(log)
  })

  test('[K-14] a repeated request gets its first answer although the session has ended since', async () => {
    const sessionId = await openSession(automation)
    const inIt = { 'agent-session-id': sessionId }
    const body = (await previewedMove(automation, eventId)).body('answer-was-lost-key')
    const first = await confirm(automation, body, inIt)
    expect(first.status).toBe(200)
    const ended = await complete(automation, sessionId, 'completed', 'complete-once-key')
    const log = await wholeLog(automation, sessionId)
    const again = await confirm(automation, body, inIt)
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true'])
    expect(again.body).toEqual(first.body)
    expect((await complete(automation, sessionId, 'completed', 'complete-once-key')).body).toEqual(ended.body)
    expect(await wholeLog(automation, sessionId)).toEqual(log)
  })
})

describe('tool calls made in a session', () => {
  test('[S-14] a call is recorded as a pair of events with a summary and its correlation', async () => {
    const sessionId = await openSession(agent)
    await agent.call('GET', `/api/agent/live-controls?eventId=${eventId}`, undefined, {
      'agent-session-id': sessionId,
    })
    const [, started, completed] = await wholeLog(agent, sessionId)
    expect([started?.type, completed?.type]).toEqual(['tool.call.started', 'tool.call.completed'])
    expect(started?.toolCall).toMatchObject({ mode: 'read', outcome: 'started' })
    expect(completed?.toolCall).toMatchObject({ id: started?.toolCall.id, outcome: 'succeeded' })
    expect(completed?.correlation).toMatchObject({ sessionId, requestId: expect.any(String) })
    const { body } = await agent.call('GET', `/api/agent/sessions/${sessionId}`)
    expect(body.session.completedToolCalls).toMatchObject([{ id: started?.toolCall.id, mode: 'read' }])
  })

  test('[S-14] a refused call is recorded with its code', async () => {
    const sessionId = await openSession(agent)
    const body = (await previewedMove(agent, eventId, '2026-06-01T02:00:00.000Z')).body('refused-in-session')
    const refused = await confirm(agent, body, { 'agent-session-id': sessionId })
    expect(refused.body.code).toBe('approval-required')
    expect((await wholeLog(agent, sessionId)).at(-1)?.toolCall).toMatchObject({
      mode: 'write',
      outcome: 'refused',
      code: 'approval-required',
    })
  })

  test('[S-14] an unknown session is refused and a foreign one looks unknown', async () => {
    const foreign = await openSession(await app.key({ org: 'laurel', role: 'agent' }))
    for (const id of ['agent-session-none', foreign]) {
      const reply = await agent.call('GET', '/api/agent/live-controls', undefined, { 'agent-session-id': id })
      expect(reply.body.code).toBe('not-found')
    }
  })
})
