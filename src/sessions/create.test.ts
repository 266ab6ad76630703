import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { openSession } from '../../test/harness/loop.ts'
import { message, wholeLog } from '../../test/harness/moves.ts'

let app: TestApp
let owner: Caller
let agent: Caller
let otherAgent: Caller

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  agent = await app.key({ org: 'laurel', role: 'agent', name: 'Desk agent' })
  otherAgent = await app.key({ org: 'laurel', role: 'agent' })
})
afterAll(() => app.close())

const BODY = {
  workflow: 'creator.live.schedule-update',
  title: 'Move the room',
  client: { id: 'client-test', name: 'Test client', kind: 'test' },
}
const create = (caller: Caller, body: unknown, key?: string) =>
  caller.call('POST', '/api/agent/sessions', body, key ? { 'idempotency-key': key } : {})

describe('opening a session', () => {
  test('[S-1] it has the members of agent-session.v1, and shows no id of anybody', async () => {
    const { status, body } = await create(agent, BODY)
    expect(status).toBe(201)
    expect(body.session).toMatchObject({
      title: 'Move the room',
      workflow: BODY.workflow,
      status: 'active',
      principal: { source: 'scoped-agent-grant', artistId: 'laurel', communityId: 'community_laurel_public' },
      client: BODY.client,
      pendingApprovals: [],
      completedToolCalls: [],
      latestEventCursor: `${body.session.id}:1`,
    })
    expect(JSON.stringify(body)).not.toMatch(/grant:|user:|key:|@laurel\.example/)
    const log = await wholeLog(agent, body.session.id)
    expect(log).toMatchObject([{ type: 'session.created', sequence: 1 }])
  })

  test('[S-2] the same key and body open it once; the key with another body is refused; without one each opens another', async () => {
    const first = await create(agent, BODY, 'open-once-key')
    const again = await create(agent, BODY, 'open-once-key')
    expect(again.status).toBe(201)
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    const other = await create(agent, { ...BODY, title: 'Another' }, 'open-once-key')
    expect(other.body).toMatchObject({ ok: false, code: 'idempotency-mismatch' })
    expect(other.status).toBe(422)
    const ids = [await openSession(agent), await openSession(agent), first.body.session.id]
    expect(new Set(ids).size).toBe(3)
  })

  test('[S-2] a key belongs to its principal: the same one of another opens another session', async () => {
    const [mine, theirs] = [
      await create(agent, BODY, 'shared-key-name'),
      await create(otherAgent, BODY, 'shared-key-name'),
    ]
    expect(theirs.status).toBe(201)
    expect(theirs.body.session.id).not.toBe(mine.body.session.id)
  })

  test.each([
    ['an identity', { ...BODY, principal: { role: 'creator' } }, '/principal'],
    ['an organisation', { ...BODY, artistId: 'other' }, '/artistId'],
    ['no workflow', { client: BODY.client }, '/workflow'],
    ['a workflow with spaces', { ...BODY, workflow: 'move the room' }, '/workflow'],
    ['half a client', { ...BODY, client: { id: 'x' } }, '/client/name'],
  ])('[S-1] %s in the body is refused by name', async (_what, body, pointer) => {
    const reply = await create(agent, body)
    expect(reply.status).toBe(400)
    expect(reply.body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer)
  })

  test('[S-1] a guest opens none', async () => {
    expect((await create(app.guest(), BODY)).body.code).toBe('unauthenticated')
  })
})

describe('messages', () => {
  test('[S-3] each answers its place in the log, under the name of whoever sent it', async () => {
    const sessionId = await openSession(agent)
    const first = await message(agent, sessionId, 'Read the room.')
    const said = await agent.call('POST', `/api/agent/sessions/${sessionId}/messages`, {
      actorKind: 'human',
      summary: 'Asked to move it.',
    })
    const byOwner = await owner.call('POST', `/api/agent/sessions/${sessionId}/messages`, {
      actorKind: 'human',
      summary: 'Go on.',
    })
    expect([first, said, byOwner].map(({ body }) => body.event.sequence)).toEqual([2, 3, 4])
    expect(first.body.event.cursor).toBe(`${sessionId}:2`)
    const [, one, two, three] = await wholeLog(agent, sessionId)
    expect(one).toMatchObject({
      id: first.body.event.id,
      actor: { kind: 'agent' },
      summary: 'Read the room.',
    })
    // what an agent says that a person said does not pass for that person's own word
    expect(two?.actor.displayName).toMatch(/\(reported by .+\)$/)
    expect(three?.actor.displayName).not.toMatch(/reported by/)
  })

  test('[S-3] a repeated message with its key is there once', async () => {
    const sessionId = await openSession(agent)
    const key = { 'idempotency-key': 'message-once-key' }
    const [first, again] = [
      await message(agent, sessionId, 'Once.', key),
      await message(agent, sessionId, 'Once.', key),
    ]
    expect(again.body).toEqual(first.body)
    expect(await wholeLog(agent, sessionId)).toHaveLength(2)
  })

  test.each([
    ['an empty summary', { actorKind: 'agent', summary: '  ' }, '/summary'],
    ['2,001 characters', { actorKind: 'agent', summary: 'x'.repeat(2001) }, '/summary'],
    ['a message body', { actorKind: 'agent', summary: 'x', body: 'all of it' }, '/body'],
    ['the system as actor', { actorKind: 'system', summary: 'x' }, '/actorKind'],
  ])('[S-4] %s is refused and nothing is appended', async (_what, body, pointer) => {
    const sessionId = await openSession(agent)
    const reply = await agent.call('POST', `/api/agent/sessions/${sessionId}/messages`, body)
    expect(reply.status).toBe(400)
    expect(reply.body.errors[0].pointer).toBe(pointer)
    expect(await wholeLog(agent, sessionId)).toHaveLength(1)
  })

  test('[S-5] another agent neither reads nor writes the session, and cannot tell that it exists', async () => {
    const sessionId = await openSession(agent)
    const ghost = 'agent-session-0000000000000000'
    for (const path of ['', '/events']) {
      const [real, none] = [
        await otherAgent.call('GET', `/api/agent/sessions/${sessionId}${path}`),
        await otherAgent.call('GET', `/api/agent/sessions/${ghost}${path}`),
      ]
      expect(real.status).toBe(404)
      expect(JSON.stringify(real.body).replaceAll(sessionId, ghost)).toBe(JSON.stringify(none.body))
    }
    expect((await message(otherAgent, sessionId, 'Hello.')).status).toBe(404)
    expect((await owner.call('GET', `/api/agent/sessions/${sessionId}`)).status).toBe(200)
  })
})
