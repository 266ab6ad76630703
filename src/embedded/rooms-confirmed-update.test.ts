import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type Reply, type TestApp, testApp } from '../../test/harness/app.ts'
import { envelopeOf, ROOMS, roomBody, updateRoom } from '../../test/harness/rooms.ts'
import { newRoomId, ROOM_STATUSES, type RoomStatus, TRANSITIONS } from './rules.ts'

let app: TestApp
let automation: Caller
let rooms = 0

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  await app.org('juniper')
  automation = await app.key({ org: 'laurel', role: 'automation' })
  await app.event('laurel', { id: 'event-one' })
  await app.event('juniper', { id: 'event-elsewhere' })
})
afterAll(() => app.close())

const newRoom = async (overrides: Parameters<TestApp['room']>[1] = {}): Promise<string> => {
  const id = `webinar-${(++rooms).toString(16).padStart(8, '0')}`
  await app.room('laurel', { id, title: 'Studio Talk', status: 'scheduled', access: 'invite', ...overrides })
  return id
}
const preview = (input: Record<string, unknown>): Promise<Reply> =>
  automation.call('POST', ROOMS, { action: 'preview_embedded_room_change', ...input })

async function create(input: Record<string, unknown>): Promise<Reply> {
  const { confirmationText: text } = (await preview(input)).body
  const envelope = envelopeOf({ family: 'setup', action: 'create', text })
  return automation.call('POST', ROOMS, { action: 'confirm_embedded_room_create', ...input, envelope })
}

const updateBody = (roomId: string, input: Record<string, unknown>, key?: string) =>
  roomBody(automation, roomId, input, key)
const update = (roomId: string, input: Record<string, unknown>): Promise<Reply> =>
  updateRoom(automation, roomId, input)

const stored = async (id: string) =>
  (await app.deps.db.query<any>(sql`SELECT * FROM embedded_rooms WHERE org = 'laurel' AND id = ${id}`))[0]

describe('[ER-12] rooms are created and changed as previewed', () => {
  test('a new one with its access, time, event and media; the preview stores nothing', async () => {
    const count = async () =>
      (await app.deps.db.query<any>(sql`SELECT count(*) AS n FROM embedded_rooms WHERE org = 'laurel'`))[0].n
    const before = await count()
    const input = {
      title: 'Café Talk',
      access: 'purchase',
      status: 'scheduled',
      startsAt: '2030-05-21T02:00:00Z',
      endsAt: '2030-05-21T03:00:00Z',
      timeZone: 'America/Los_Angeles',
      eventId: 'event-one',
      mediaProvider: 'external_url',
      mediaJoinUrl: 'https://meet.example/abc',
    }
    const previewed = await preview(input)
    expect(previewed.body.confirmationText).toBe(
      'I confirm creating Café Talk to Monday, May 20, 2030, 7:00 PM as scheduled, open by purchase.',
    )
    expect(await count()).toBe(before)
    const reply = await create(input)
    expect(reply.status, JSON.stringify(reply.body)).toBe(201)
    expect(reply.body.room).toMatchObject({
      id: expect.stringMatching(/^cafe-talk-[0-9a-f]{8}$/),
      access: 'purchase',
      eventId: 'event-one',
      media: { provider: 'external_url', configured: true },
    })
    const { mediaJoinUrl, startsAt, endsAt, ...shown } = input
    const row = await stored(reply.body.room.id)
    expect(row).toMatchObject({
      title: shown.title,
      media_join_url: mediaJoinUrl,
      event_id: 'event-one',
      version: 1,
    })
    expect(row.starts_at).toEqual(new Date(startsAt))
    expect(row.ends_at).toEqual(new Date(endsAt))
    expect(JSON.stringify(reply.body)).not.toContain('meet.example')
  })

  test('only what is named changes, and null clears', async () => {
    const id = await newRoom({ description: 'Before', eventId: 'event-one' })
    const reply = await update(id, { eventId: null, access: 'membership' })
    expect(reply.body.plan.confirmationText).toBe(
      'I confirm updating Studio Talk to access membership and no live event.',
    )
    expect(reply.body.plan.warnings).toContain(
      'Who came in by the access of before is asked for the new one.',
    )
    expect(await stored(id)).toMatchObject({
      event_id: null,
      access: 'membership',
      description: 'Before',
      version: 2,
    })
  })

  test('an older observation is stale and gets the fresh plan; of two at once one is applied', async () => {
    const id = await newRoom()
    const bodies = [await updateBody(id, { title: 'One' }), await updateBody(id, { title: 'Two' })]
    const replies = await Promise.all(bodies.map((body) => automation.call('POST', ROOMS, body)))
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 412])
    const stale = replies.find(({ status }) => status === 412)!
    expect(stale.body.plan.observed[0]).toMatchObject({ id, version: 2 })
  })

  test('the same request twice has one effect', async () => {
    const id = await newRoom()
    const body = await updateBody(id, { title: 'Renamed' }, 'same-room-request')
    const replies = [await automation.call('POST', ROOMS, body), await automation.call('POST', ROOMS, body)]
    expect(replies[1]!.body).toEqual(replies[0]!.body)
    expect((await stored(id)).version).toBe(2)
  })

  test('updated_at grows whatever the clock does', async () => {
    const id = await newRoom()
    await app.deps.db.query(
      sql`UPDATE embedded_rooms SET updated_at = '2999-01-01T00:00:00Z' WHERE org = 'laurel' AND id = ${id}`,
    )
    const reply = await update(id, { title: 'Later' })
    expect(reply.body.room.updatedAt).toBe('2999-01-01T00:00:00.001Z')
  })
})

describe('[ER-13] what a room may not be', () => {
  const code = async (reply: Promise<Reply>) => (await reply).body.code

  test('unchanged, ending before it starts, scheduled without a start, at a link that is not there', async () => {
    const id = await newRoom()
    expect(await code(update(id, { title: 'Studio Talk' }))).toBe('plan-blocked')
    expect(await code(update(id, { endsAt: '2020-01-01T00:00:00Z' }))).toBe('plan-blocked')
    expect(await code(update(id, { startsAt: null }))).toBe('plan-blocked')
    expect(await code(update(id, { mediaProvider: 'external_url' }))).toBe('plan-blocked')
    expect(await code(create({ title: 'New', access: 'public', status: 'scheduled' }))).toBe('plan-blocked')
  })

  test('linked to an event that is not of this organisation', async () => {
    const id = await newRoom()
    for (const eventId of ['event-elsewhere', 'event-none'])
      expect(await code(preview({ roomId: id, eventId }))).toBe('not-found')
  })

  test('new without title or access; and unencrypted links are no links', async () => {
    expect(await code(preview({ access: 'public' }))).toBe('validation-failed')
    expect(await code(preview({ title: 'New' }))).toBe('validation-failed')
    const link = { title: 'New', access: 'public', mediaJoinUrl: 'http://meet.example' }
    expect(await code(preview(link))).toBe('validation-failed')
  })

  test('in a status that does not follow, from each to each', async () => {
    for (const from of ROOM_STATUSES)
      for (const to of ROOM_STATUSES) {
        if (from === to) continue
        const id = await newRoom({ status: from })
        const { plan } = (await preview({ roomId: id, status: to })).body
        const codes = plan.blockers.map((blocker: any) => blocker.code)
        const allowed: readonly RoomStatus[] = TRANSITIONS[from]
        expect(codes, `${from} to ${to}`).toEqual(allowed.includes(to) ? [] : ['status-forbidden'])
      }
    expect(await code(create({ title: 'New', access: 'public', status: 'ended' }))).toBe('status-forbidden')
  })

  test('without an id that says its title', () => {
    expect(newRoomId('  Ümlaut & Co. ')).toMatch(/^umlaut-co-[0-9a-f]{8}$/)
    expect(newRoomId('…')).toMatch(/^room-[0-9a-f]{8}$/)
  })
})
