import { jwtVerify } from 'jose'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type Reply, type TestApp, testApp } from '../../test/harness/app.ts'
import { confirmRoster, join, leave, ROOMS } from '../../test/harness/rooms.ts'
import { dump } from '../../test/security/world.ts'

const MEDIA = { url: 'wss://media.example', key: 'media-key', secret: 'a media secret of thirty-two chars' }
const secret = new TextEncoder().encode(MEDIA.secret)

let app: TestApp
let bare: TestApp
let automation: Caller
let listener: Caller & { email: string }
let host: Caller & { email: string }

beforeAll(async () => {
  app = await testApp({ config: { media: MEDIA } })
  bare = await testApp()
  for (const each of [app, bare]) await each.org('laurel')
  automation = await app.key({ org: 'laurel', role: 'automation' })
  listener = await app.person('laurel', 'member')
  host = await app.person('laurel', 'member')
  const media = { mediaProvider: 'signed_token', mediaPresetName: 'wide' } as const
  await app.room('laurel', { id: 'room-live', ...media })
  await app.room('laurel', { id: 'room-soon', status: 'scheduled', ...media, mediaRoomId: 'juniper/room' })
  await app.room('laurel', { id: 'room-sold', access: 'purchase', ...media })
  await app.room('laurel', { id: 'room-text' })
  const link = { mediaProvider: 'external_url', mediaJoinUrl: 'https://meet.example/abc' } as const
  await app.room('laurel', { id: 'room-link', ...link })
  await bare.room('laurel', { id: 'room-live', ...media })
  for (const roomId of ['room-live', 'room-soon'])
    await confirmRoster(automation, roomId, {
      ...{ email: host.email, displayName: 'Maya', role: 'co_host', status: 'invited' },
    })
})
afterAll(() => Promise.all([app.close(), bare.close()]))

const tokenFor = (caller: Caller, roomId: string, headers?: Record<string, string>): Promise<Reply> =>
  caller.call('POST', `${ROOMS}/media-token`, { roomId }, headers)

const claimsOf = async (token: string) =>
  (
    await jwtVerify<any>(token, secret, {
      algorithms: ['HS256'],
      issuer: MEDIA.key,
      currentDate: app.deps.clock(),
    })
  ).payload

describe('[ER-17] a media token lets one person into one room, by the role, for minutes', () => {
  test('who is on stage is seen and heard, who attends watches', async () => {
    await join(host, 'room-live')
    await join(listener, 'room-live')
    const [onStage, attending] = [await tokenFor(host, 'room-live'), await tokenFor(listener, 'room-live')]
    expect(onStage.body).toMatchObject({ status: 'issued', provider: 'signed_token', url: MEDIA.url })
    const claims = await claimsOf(onStage.body.token)
    expect(claims).toMatchObject({
      name: 'Maya',
      roomPreset: 'wide',
      video: {
        room: 'laurel/room-live',
        roomJoin: true,
        canPublish: true,
        canSubscribe: true,
        roomAdmin: true,
      },
    })
    expect(claims.sub).toMatch(/^participant_[0-9a-f]{24}$/)
    expect(claims.exp - claims.nbf).toBe(300)
    expect(new Date(claims.exp * 1000).toISOString()).toBe(onStage.body.expiresAt)
    const watching = await claimsOf(attending.body.token)
    expect(watching.video).toMatchObject({ canPublish: false, canSubscribe: true })
    expect(watching.video.roomAdmin).toBeUndefined()
    expect(watching.sub).not.toBe(claims.sub)
    expect((await claimsOf((await tokenFor(host, 'room-live')).body.token)).sub).toBe(claims.sub)
  })

  test('a guest gets one where the room is public, as somebody new each time', async () => {
    const [one, two] = [await tokenFor(app.guest(), 'room-live'), await tokenFor(app.guest(), 'room-live')]
    const [first, second] = [await claimsOf(one.body.token), await claimsOf(two.body.token)]
    expect(first.video.canPublish).toBe(false)
    expect(first.sub).not.toBe(second.sub)
    expect((await tokenFor(app.guest(), 'room-sold')).body.code).toBe('forbidden')
  })

  test('before the room is live only who is on stage, and never into another organisation’s media', async () => {
    await join(host, 'room-soon')
    await join(listener, 'room-soon')
    expect((await tokenFor(listener, 'room-soon')).body).toMatchObject({
      status: 'room-not-live',
      token: null,
    })
    const { body } = await tokenFor(host, 'room-soon')
    expect((await claimsOf(body.token)).video.room).toBe('laurel/juniper/room')
  })

  test('only who is in: not before joining, after leaving or once removed; and never a machine', async () => {
    const other = await app.person('laurel', 'member')
    expect((await tokenFor(other, 'room-live')).body.code).toBe('conflict')
    await join(other, 'room-live')
    expect((await tokenFor(other, 'room-live')).body.status).toBe('issued')
    await leave(other, 'room-live')
    expect((await tokenFor(other, 'room-live')).body.code).toBe('conflict')
    await join(other, 'room-live')
    await confirmRoster(automation, 'room-live', {
      ...{ email: other.email, displayName: 'Other', role: 'attendee', status: 'removed' },
    })
    const removed = await tokenFor(other, 'room-live')
    expect([removed.body.code, removed.body.reason]).toEqual(['forbidden', 'removed'])
    expect((await tokenFor(automation, 'room-live')).body.code).toBe('forbidden')
  })
})

describe('[ER-18] a token is kept nowhere', () => {
  test('not in tables, logs or under an idempotency key: the same request gets another', async () => {
    await join(listener, 'room-live')
    const key = { 'idempotency-key': 'token-request-0001' }
    const first = await tokenFor(listener, 'room-live', key)
    app.advance(2000)
    const second = await tokenFor(listener, 'room-live', key)
    expect(first.body.status).toBe('issued')
    expect(second.body.token).not.toBe(first.body.token)
    const [row] = await app.deps.db.query<{ at: Date | null }>(
      sql`SELECT media_token_refreshed_at AS at FROM embedded_room_participants
           WHERE org = 'laurel' AND room_id = 'room-live' AND email = ${listener.email}`,
    )
    expect(row?.at).not.toBeNull()
    const everything = [...Object.values(await dump(app)), ...app.logged].join('\n')
    expect(everything).toContain('room-live')
    for (const { body } of [first, second])
      for (const part of body.token.split('.').slice(1)) expect(everything).not.toContain(part)
    expect(everything).not.toContain(MEDIA.secret)
  })
})

describe('[ER-19] without a provider the answer says so', () => {
  test('on a server that has none, and for a room without media', async () => {
    const replies = [await tokenFor(bare.guest(), 'room-live'), await tokenFor(app.guest(), 'room-text')]
    for (const { status, body } of replies) {
      expect(status).toBe(200)
      expect(body).toMatchObject({
        ok: true,
        status: 'provider-not-configured',
        url: null,
        token: null,
        expiresAt: null,
      })
    }
  })

  test('a room that meets elsewhere answers its link, to who may enter and is in', async () => {
    expect((await tokenFor(listener, 'room-link')).body.code).toBe('conflict')
    await join(listener, 'room-link')
    expect((await tokenFor(listener, 'room-link')).body).toMatchObject({
      status: 'external-link',
      url: 'https://meet.example/abc',
      token: null,
    })
  })
})
