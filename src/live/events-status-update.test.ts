import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type Reply, type TestApp, testApp } from '../../test/harness/app.ts'
import { ADMIN, liveAudit } from '../../test/harness/live.ts'
import type { LiveEvent } from './rules.ts'

let app: TestApp
let owner: Caller
let automation: Caller
let rooms = 0

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  automation = await app.key({ org: 'laurel', role: 'automation' })
})
afterAll(() => app.close())

const room = (): Promise<LiveEvent> =>
  app.event('laurel', { id: `room-${(++rooms).toString(16).padStart(8, '0')}` })
const go = (
  caller: Caller,
  { id }: LiveEvent,
  status: string,
  more: Record<string, unknown> = {},
): Promise<Reply> => caller.call('PATCH', `${ADMIN}/status`, { id, status, confirmed: true, ...more })
const stateOf = async ({ id }: LiveEvent): Promise<{ status: string; version: number }> => {
  const [row] = await app.deps.db.query<{ status: string; version: number }>(
    sql`SELECT status, version FROM live_events WHERE org = 'laurel' AND id = ${id}`,
  )
  return row!
}

describe('changing the status over the admin route', () => {
  test('[LA-10] a person takes an event live and ends it, with the reason in the audit', async () => {
    const event = await room()
    expect((await go(owner, event, 'live')).body.event.status).toBe('live')
    expect((await go(automation, event, 'ended', { reason: 'It is late.' })).status).toBe(200)
    expect(await liveAudit(owner, `?eventId=${event.id}&action=status_transition`)).toMatchObject([
      { reason: 'It is late.', previous: { status: 'live' }, next: { status: 'ended' } },
      { reason: null, previous: { status: 'scheduled' }, next: { status: 'live' } },
    ])
  })

  test.each([[undefined], [false], ['true']])(
    '[LA-11] confirmed %s is refused by its field',
    async (confirmed) => {
      const event = await room()
      const reply = await go(owner, event, 'live', { confirmed })
      expect([reply.status, reply.body.errors[0].pointer]).toEqual([400, '/confirmed'])
      expect(await stateOf(event)).toEqual({ status: 'scheduled', version: 1 })
    },
  )

  test('[LA-10] a redundant and a forbidden step have their own codes, a stale one is refused', async () => {
    const event = await room()
    expect((await go(owner, event, 'scheduled')).body.code).toBe('status-redundant')
    expect((await go(owner, event, 'ended')).body.code).toBe('status-forbidden')
    const observedUpdatedAt = '2020-01-01T00:00:00.000Z'
    expect((await go(owner, event, 'live', { observedUpdatedAt })).body.code).toBe('stale')
  })
})

test('[LA-12] going live against cancelling, many at once: what was applied is one of the serial courses', async () => {
  for (let round = 0; round < 5; round++) {
    const event = await room()
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        go(n % 4 < 2 ? owner : automation, event, n % 2 ? 'live' : 'cancelled'),
      ),
    )
    const history = (await liveAudit(owner, `?eventId=${event.id}`)).reverse()
    const course = history.map(({ previous, next }) => `${previous!.status} > ${next!.status}`)
    // a live event may be cancelled, a cancelled one does not go live
    expect([['scheduled > cancelled'], ['scheduled > live', 'live > cancelled']]).toContainEqual(course)
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(course.length)
    for (const { status, body } of replies)
      if (status !== 200) expect(['status-redundant', 'status-forbidden', 'stale']).toContain(body.code)
    expect(await stateOf(event)).toEqual({ status: 'cancelled', version: 1 + course.length })
  }
})
