import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { cancelSession, decide, laterBy, requestedMove } from '../../test/harness/moves.ts'

let app: TestApp
let owner: Caller & { email: string }
let admin: Caller & { email: string }
let agent: Caller
let opened: string[]

const open = async (caller: Caller, workflow: string): Promise<string> =>
  (
    await caller.call('POST', '/api/agent/sessions', {
      workflow,
      client: { id: 'client-test', name: 'Test client', kind: 'test' },
    })
  ).body.session.id

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  await app.org('other')
  owner = await app.person('laurel', 'owner')
  admin = await app.person('laurel', 'admin')
  agent = await app.key({ org: 'laurel', role: 'agent', for: owner.email })
  opened = []
  for (const workflow of ['a.one', 'b.two', 'a.one', 'b.two', 'a.one'])
    opened.push(await open(agent, workflow))
  await cancelSession(agent, opened[0]!)
})
afterAll(() => app.close())

const list = async (caller: Caller, query = '') => (await caller.call('GET', `/api/sessions${query}`)).body
const ids = (body: Record<string, any>): string[] => body.sessions.map(({ id }: { id: string }) => id)
const newestFirst = () => [...opened].reverse()

describe('the list of sessions', () => {
  test('[S-15] newest first, in pages of any size, each session once', async () => {
    for (const limit of [1, 2, 4, 100]) {
      const seen: string[] = []
      for (let cursor = ''; ; ) {
        const body = await list(owner, `?limit=${limit}${cursor}`)
        expect(body.sessions.length).toBeLessThanOrEqual(limit)
        seen.push(...ids(body))
        if (!body.nextCursor) break
        cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`
      }
      expect(seen).toEqual(newestFirst())
    }
  })

  test('[S-15] filters by status and by workflow, and by both', async () => {
    expect(ids(await list(owner, '?status=cancelled'))).toEqual([opened[0]])
    expect(ids(await list(owner, '?workflow=b.two'))).toEqual([opened[3], opened[1]])
    expect(ids(await list(owner, '?workflow=a.one&status=active'))).toEqual([opened[4], opened[2]])
    expect(ids(await list(owner, '?workflow=a.on'))).toEqual([])
  })

  test('[S-16] a made-up cursor and one of another organisation are refused with 400', async () => {
    const stranger = await app.person('other', 'owner')
    for (let n = 0; n < 2; n++) await open(stranger, 'c.three')
    const { nextCursor } = await list(stranger, '?limit=1')
    for (const cursor of [nextCursor, `${nextCursor}x`, 'eyJ9.AAAA', 'x'])
      expect(await list(owner, `?cursor=${encodeURIComponent(cursor)}`)).toMatchObject({
        code: 'cursor-invalid',
        errors: [{ pointer: '/cursor' }],
      })
    expect((await list(owner, '?status=gone')).errors[0].pointer).toBe('/status')
  })

  test('[S-17] an agent sees its own, people who administer and automation all, a member what is theirs, a guest none', async () => {
    const other = await app.key({ org: 'laurel', role: 'agent', for: owner.email })
    expect(ids(await list(agent))).toEqual(newestFirst())
    expect(ids(await list(other))).toEqual([])
    expect(ids(await list(await app.key({ org: 'laurel', role: 'automation' })))).toEqual(newestFirst())
    expect(ids(await list(await app.person('laurel', 'member')))).toEqual([])
    expect((await list(app.guest())).code).toBe('unauthenticated')
    const stranger = await app.person('other', 'owner')
    expect(ids(await list(stranger)).filter((id) => opened.includes(id))).toEqual([])
  })

  test('[S-18] waitingForMe: what this person may decide and has not', async () => {
    await owner.call('PUT', '/api/admin/policies', {
      operationId: 'live.events.schedule.confirmed-update',
      principalKind: 'agent',
      mode: 'approve',
      approvers: 2,
      delegatorMayConfirm: true,
    })
    const both = await requestedMove(agent, (await app.event('laurel')).id)
    await owner.call('PUT', '/api/admin/policies', {
      operationId: 'live.events.schedule.confirmed-update',
      principalKind: 'agent',
      mode: 'approve',
      approvers: 1,
      delegatorMayConfirm: false,
    })
    const adminOnly = await requestedMove(agent, (await app.event('laurel', { id: 'room-two' })).id, {
      startsAt: laterBy(5),
    })
    const waiting = async (caller: Caller) => ids(await list(caller, '?waitingForMe=true'))
    expect(await waiting(owner)).toEqual([both.sessionId])
    expect(await waiting(admin)).toEqual([adminOnly.sessionId, both.sessionId])
    expect(await waiting(agent)).toEqual([])
    const summary = (await list(owner, '?waitingForMe=true')).sessions[0]
    expect(summary).toMatchObject({ status: 'waiting-for-approval', pendingApprovals: 1 })
    await decide(owner, both, 'approve')
    expect(await waiting(owner)).toEqual([])
    await decide(admin, adminOnly, 'reject')
    expect(await waiting(admin)).toEqual([both.sessionId])
  })
})
