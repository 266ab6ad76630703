import sql from 'sql-template-tag'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openSession } from '../../test/harness/loop.ts'
import { cancelSession, decide, wholeLog } from '../../test/harness/moves.ts'
import { parcelWorld, SCOPES } from '../../test/harness/parcels.ts'
import { dump } from '../../test/security/world.ts'
import { revokeKey } from '../access/keys.ts'
import { inTransaction } from '../operation/context.ts'
import { withdrawApproval } from './in-name.ts'
import { systemContext } from './system.ts'

let world: Awaited<ReturnType<typeof parcelWorld>>
beforeAll(async () => {
  world = await parcelWorld()
})
beforeEach(() => world.next())
afterEach(() => world.after())
afterAll(() => world.app.close())

describe('asking in the name of somebody', () => {
  test('[A-21] is answered `direct` where policy lets the requester, and nothing is stored', async () => {
    await world.policy({ mode: 'direct' })
    const before = await dump(world.app)
    expect(await world.ask()).toEqual({ mode: 'direct' })
    const key = await world.app.key({
      org: 'laurel',
      role: 'automation',
      scopes: ['creator:laurel:parcels:write'],
    })
    const after = await dump(world.app)
    expect(await world.ask({ requester: { id: `key:${key.id}` } })).toEqual({ mode: 'direct' })
    expect(await dump(world.app)).toEqual(after)
    expect(before.session_approvals).toEqual(after.session_approvals)
    expect(before.agent_sessions).toEqual(after.agent_sessions)
  })

  test('[A-21] else people are asked for the very plan that the requester would have asked for', async () => {
    const sessionId = await openSession(world.agent)
    const at = await world.waiting({ sessionId })
    expect(at.sessionId).toBe(sessionId)
    const approval = await world.approval(at)
    expect(approval).toMatchObject({ status: 'pending', executeWhenApproved: true, reason: 'It is due.' })
    const { body } = await world.agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
      ...{ operationId: 'parcels.send', input: { id: world.id }, reason: 'It is due.' },
      planDigest: at.approval.planDigest,
    })
    const { id, url, requestedAt, expiresAt, executeWhenApproved, ...rest } = body.approval
    expect(executeWhenApproved).toBe(false)
    expect({ ...approval, plan: undefined }).toMatchObject({ ...rest, plan: undefined })
    expect(approval.plan).toEqual(rest.plan)
    expect(Date.parse(approval.expiresAt) - Date.parse(approval.requestedAt)).toBe(
      Date.parse(expiresAt) - Date.parse(requestedAt),
    )
    expect(await world.session(at)).toMatchObject({ status: 'waiting-for-approval' })
    const [event] = await world.events(at, 'approval.requested')
    expect(event).toMatchObject({ actor: { kind: 'system', displayName: 'Countersign' } })
  })

  test.each([
    ['none is named', async () => undefined],
    [
      'the one named has ended',
      async () => {
        const sessionId = await openSession(world.agent)
        await cancelSession(world.agent, sessionId)
        return sessionId
      },
    ],
    [
      'the one named is another agent’s',
      async () =>
        openSession(
          await world.app.key({ org: 'laurel', role: 'agent', for: world.owner.email, scopes: SCOPES }),
        ),
    ],
    ['there is no such', async () => 'agent-session-nowhere'],
  ])('[A-22] a session of the requester is opened where %s', async (_what, named) => {
    const sessionId = await named()
    const at = await world.waiting({ sessionId })
    expect(at.sessionId).not.toBe(sessionId)
    const { body } = await world.agent.call('GET', `/api/agent/sessions/${at.sessionId}`)
    expect(body.session).toMatchObject({
      ...{ title: `Send ${world.id}`, workflow: 'parcels.send', status: 'waiting-for-approval' },
      client: { kind: 'agent' },
    })
    expect(body.session.pendingApprovals).toMatchObject([{ id: at.approval.id }])
    const [created] = await wholeLog(world.owner, at.sessionId)
    expect(created).toMatchObject({ type: 'session.created', actor: { kind: 'system' } })
  })

  test('[A-23] is refused for whoever may not do it any more, for a plan that is blocked and for a bad input', async () => {
    const before = await dump(world.app)
    await expect(world.ask({ requester: { id: world.requester.id, scopes: [] } })).rejects.toMatchObject({
      code: 'scope-missing',
    })
    await expect(world.ask({ requester: { id: 'grant:none' } })).rejects.toMatchObject({ code: 'forbidden' })
    await expect(world.ask({ input: { id: world.id, other: 1 } })).rejects.toMatchObject({
      code: 'validation-failed',
    })
    await world.app.deps.db.query(
      sql`INSERT INTO next_parcels (org, id) VALUES ('laurel', 'blocked') ON CONFLICT DO NOTHING`,
    )
    await expect(world.ask({ input: { id: 'blocked' } })).rejects.toMatchObject({ code: 'conflict' })
    const after = await dump(world.app)
    expect([after.session_approvals, after.agent_sessions]).toEqual([
      before.session_approvals,
      before.agent_sessions,
    ])
    await revokeKey(world.app.deps.access, { org: 'laurel', id: world.agent.id })
    await expect(world.ask()).rejects.toMatchObject({ code: 'forbidden' })
  })
})

test('[A-24] an approval that is withdrawn is void: nobody decides on it, and whoever withdrew it is not told', async () => {
  const at = await world.waiting()
  await inTransaction(systemContext(world.app.deps, 'laurel', 'test'), (ctx) =>
    withdrawApproval(ctx, at.approval.id, 'It was cancelled.'),
  )
  expect(await world.approval(at)).toMatchObject({
    status: 'voided',
    resolutionReason: 'It was cancelled.',
  })
  expect((await decide(world.owner, at, 'approve')).body.code).toBe('approval-resolved')
  expect(await world.session(at)).toMatchObject({ status: 'cancelled' })
  await world.execute(at)
  expect([await world.sent(), await world.unsent()]).toEqual([[], []])
  // a second time changes nothing
  const before = await dump(world.app)
  await inTransaction(systemContext(world.app.deps, 'laurel', 'test'), (ctx) =>
    withdrawApproval(ctx, at.approval.id, 'It was cancelled.'),
  )
  expect(await dump(world.app)).toEqual(before)
})
