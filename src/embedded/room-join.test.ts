import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import {
  confirmRoster,
  type Entry,
  entitle,
  join,
  leave,
  ROOMS,
  rosterBody,
  statusOf,
} from '../../test/harness/rooms.ts'

const ROUNDS = 60

let app: TestApp
let automation: Caller
let listener: Caller & { email: string }
let rooms = 0

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  await app.org('juniper')
  automation = await app.key({ org: 'laurel', role: 'automation' })
  listener = await app.person('laurel', 'member')
})
afterAll(() => app.close())

const newRoom = async (overrides: Parameters<TestApp['room']>[1] = {}): Promise<string> => {
  const id = `webinar-${(++rooms).toString(16).padStart(8, '0')}`
  await app.room('laurel', { id, ...overrides })
  return id
}
const entryOf = (overrides: Partial<Entry> = {}): Entry => ({
  email: listener.email,
  displayName: 'Listener',
  role: 'attendee',
  status: 'invited',
  ...overrides,
})
const joins = async (roomId: string) =>
  (
    await app.deps.db.query<{ n: number }>(sql`
      SELECT count(*) AS n FROM audit_log
       WHERE org = 'laurel' AND outcome = 'applied' AND event = 'room_join' AND target_id = ${roomId}`)
  )[0]!.n

describe('[ER-9] people come in and go as themselves', () => {
  test('into a public room, again, out and in again; each recorded', async () => {
    const roomId = await newRoom()
    const joined = await join(listener, roomId)
    expect(joined.body).toMatchObject({
      ok: true,
      participant: { roomId, email: listener.email, role: 'attendee', status: 'joined' },
      entry: { allowed: true, reason: 'public' },
    })
    expect((await join(listener, roomId)).body.participant).toEqual(joined.body.participant)
    expect((await leave(listener, roomId)).body.participant.status).toBe('left')
    expect((await leave(listener, roomId)).body.participant.status).toBe('left')
    expect((await join(listener, roomId)).body.participant.status).toBe('joined')
    expect(await joins(roomId)).toBe(3)
  })

  test('a role given by the roster is kept over leaving and joining', async () => {
    const roomId = await newRoom({ access: 'invite' })
    await confirmRoster(automation, roomId, entryOf({ role: 'co_host' }))
    await join(listener, roomId)
    await leave(listener, roomId)
    expect((await join(listener, roomId)).body).toMatchObject({
      participant: { role: 'co_host', status: 'joined' },
      entry: { reason: 'roster' },
    })
  })

  test('a purchase lets in while it is good, and having been in does not', async () => {
    const roomId = await newRoom({ access: 'purchase' })
    const refused = await join(listener, roomId)
    expect([refused.status, refused.body.reason]).toEqual([403, 'purchase-required'])
    const held = { roomId, email: listener.email, kind: 'purchase' }
    await entitle(automation, { ...held, status: 'granted' })
    expect((await join(listener, roomId)).status).toBe(200)
    await leave(listener, roomId)
    await entitle(automation, { ...held, status: 'revoked' })
    expect((await join(listener, roomId)).body.reason).toBe('purchase-required')
  })

  test('nobody into what is over, and nobody learns of rooms by invitation or of other organisations', async () => {
    const over = await newRoom({ status: 'ended' })
    expect((await join(listener, over)).body.code).toBe('conflict')
    const hidden = await newRoom({ access: 'invite' })
    await app.room('juniper', { id: 'juniper-room' })
    for (const roomId of [hidden, 'juniper-room', 'no-such-room'])
      for (const call of [join, leave]) expect((await call(listener, roomId)).body.code).toBe('not-found')
  })

  test('automation, agents and guests do not; a listener’s key does, for its person', async () => {
    const roomId = await newRoom()
    expect((await join(automation, roomId)).body.code).toBe('forbidden')
    await app.person('laurel', 'owner')
    const agent = await app.key({ org: 'laurel', role: 'agent' })
    expect((await join(agent, roomId)).body.code).toBe('forbidden')
    expect((await join(app.guest(), roomId)).body.code).toBe('unauthenticated')
    const key = await app.key({ org: 'laurel', role: 'listener', user: listener.email })
    expect((await join(key, roomId)).body.participant.email).toBe(listener.email)
  })
})

describe('[ER-10] a removal against a joining: the removed person is out', () => {
  const others = (roomId: string) => entryOf({ status: 'removed', displayName: `Out of ${roomId}` })

  /** Removes, again with the fresh plan where the joining made the entry meanwhile. */
  async function remove(roomId: string, body: Awaited<ReturnType<typeof rosterBody>>): Promise<number> {
    const first = await automation.call('POST', ROOMS, body)
    if (first.status !== 412) return first.status
    expect(first.body.plan.observed).toHaveLength(1)
    return (await confirmRoster(automation, roomId, others(roomId))).status
  }

  test.each([
    ['who is invited', 'invite', true],
    ['who comes for the first time into a public room', 'public', false],
  ] as const)('of %s, in every order', async (_, access, invited) => {
    for (let round = 0; round < ROUNDS; round++) {
      const roomId = await newRoom({ access })
      if (invited) await confirmRoster(automation, roomId, entryOf())
      const body = await rosterBody(automation, roomId, others(roomId))
      const both = round % 2 === 0
      const [removed] = await Promise.all([
        remove(roomId, body),
        join(listener, roomId),
        ...(both ? [join(listener, roomId), leave(listener, roomId)] : []),
      ])
      expect(removed).toBe(200)
      expect(await statusOf(automation, roomId, listener.email)).toBe('removed')
      // and none after it
      const after = await join(listener, roomId)
      expect([403, 404]).toContain(after.status)
      expect(await statusOf(automation, roomId, listener.email)).toBe('removed')
    }
  })

  test('removed from a public room by the address, also under a key of the account', async () => {
    const roomId = await newRoom()
    await confirmRoster(automation, roomId, entryOf({ status: 'removed' }))
    const key = await app.key({ org: 'laurel', role: 'listener', user: listener.email })
    for (const caller of [listener, key]) {
      const reply = await join(caller, roomId)
      expect([reply.status, reply.body.reason]).toEqual([403, 'removed'])
    }
    expect((await leave(listener, roomId)).body.participant.status).toBe('removed')
  })

  test('an owner who was removed is out as well', async () => {
    const roomId = await newRoom()
    const owner = await app.person('laurel', 'owner')
    expect((await join(owner, roomId)).body.participant.role).toBe('host')
    await confirmRoster(automation, roomId, entryOf({ email: owner.email, role: 'host', status: 'removed' }))
    expect((await join(owner, roomId)).body.reason).toBe('removed')
  })
})

describe('[ER-11] coming and going', () => {
  test('does not make a roster write stale, so nobody puts off a removal by it', async () => {
    const roomId = await newRoom()
    await join(listener, roomId)
    const body = await rosterBody(automation, roomId, entryOf({ status: 'removed' }))
    for (let times = 0; times < 3; times++) {
      await leave(listener, roomId)
      await join(listener, roomId)
    }
    expect((await automation.call('POST', ROOMS, body)).status).toBe(200)
    expect(await statusOf(automation, roomId, listener.email)).toBe('removed')
  })
})
