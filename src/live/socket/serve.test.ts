import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type Caller, type TestApp, testApp } from '../../../test/harness/app.ts'
import { openRoom, type RoomClient, tokenFor } from '../../../test/harness/room-client.ts'
import { confirmRoster, updateRoom } from '../../../test/harness/rooms.ts'
import { inTransaction } from '../../operation/context.ts'
import { applyChange } from '../apply.ts'
import { appendEntries } from '../room/store.ts'
import { findRoom } from '../store.ts'

let app: TestApp
let owner: Caller
let listener: Caller & { email: string }
let eventId: string
let rooms = 0
const open: RoomClient[] = []

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  listener = await app.person('laurel', 'member')
})
afterAll(async () => {
  for (const client of open) client.drop()
  await app.close()
})
beforeEach(async () => {
  eventId = (await app.event('laurel', { id: `room-${++rooms}`, status: 'live' })).id
})

const post = async (body: string) =>
  (await owner.call('POST', '/api/live/messages', { eventId, body })).body.message.id as string
const hide = (id: string) => owner.call('PATCH', '/api/admin/live-events/messages', { id, status: 'hidden' })
const join = async (caller: Caller = app.guest(), before?: RoomClient): Promise<RoomClient> => {
  const client = openRoom(await tokenFor(caller, eventId, `v${open.length}`), before)
  open.push(client)
  return client
}
const bodies = (client: RoomClient) =>
  [...client.view.values()].filter(({ status }) => status !== 'hidden').map(({ body }) => body)
const reaches = (client: RoomClient, seq: number) =>
  vi.waitFor(() => expect(client.position?.seq).toBe(seq), { timeout: 15_000, interval: 10 })

/** A change of the event as a confirmed write makes it. */
const change = async (fields: object) => {
  const ctx = {
    deps: app.deps,
    org: 'laurel',
    now: app.deps.clock(),
    db: app.deps.db,
    touched: new Set(),
  } as any
  await inTransaction(ctx, async (tx) => {
    const before = (await findRoom(tx.db, 'laurel', eventId, true))!
    await applyChange(tx, undefined as never, { before, next: { ...before, ...fields } })
  })
}

describe('a subscription', () => {
  test('[LR-23] starts with a snapshot and its position, and then gets everything as it comes', async () => {
    await post('before')
    const client = await join()
    expect(await client.frame('subscribed')).toMatchObject({ resumed: false, position: { seq: 1 } })
    expect(await client.frame('reset')).toMatchObject({
      reason: 'start',
      snapshot: { room: { eventId, status: 'live' } },
    })
    expect(bodies(client)).toEqual(['before'])
    await post('after')
    await reaches(client, 2)
    expect(bodies(client)).toEqual(['before', 'after'])
    expect(client.frames.filter(({ type }) => type === 'entries')).toMatchObject([{ from: 2, to: 2 }])
  })

  test('[LR-24] comes back with its position and gets exactly what it missed', async () => {
    const first = await join()
    await first.frame('reset')
    await post('one')
    await reaches(first, 1)
    first.drop()
    const [id] = [await post('two'), await post('three')]
    await hide(id)
    const again = await join(app.guest(), first)
    expect(await again.frame('subscribed')).toMatchObject({ resumed: true })
    await reaches(again, 4)
    expect(again.frames.some(({ type }) => type === 'reset')).toBe(false)
    expect(bodies(again)).toEqual(['one', 'three'])
    // it was hidden when it was sent again: its words never came
    expect(JSON.stringify(again.frames)).not.toContain('"two"')
    expect([again.gaps, again.duplicates]).toEqual([0, 0])
  })

  test.each([
    ['other-epoch', (position: any) => ({ ...position, epoch: 'f'.repeat(16) })],
    ['ahead', (position: any) => ({ ...position, seq: position.seq + 1 })],
    ['too-far-behind', (position: any) => ({ ...position, seq: 0 })],
  ])('[LR-25] that cannot be resumed says %s and starts from a snapshot', async (reason, moved) => {
    const first = await join()
    const { position } = await first.frame('reset')
    const { db } = app.deps
    const many = Array.from({ length: 5_001 }, () => ({ kind: 'settings' as const, detail: { title: 'x' } }))
    const seq =
      reason === 'too-far-behind'
        ? await appendEntries(db, 'laurel', eventId, many, new Date())
        : position.seq
    first.position = moved({ ...position, seq })
    const again = await join(app.guest(), first)
    expect(await again.frame('reset')).toMatchObject({ reason, position: { seq } })
  })

  test('[LR-26] many notes at once come in few frames, each in its place', async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => join()))
    for (const client of clients) await client.frame('reset')
    await Promise.all(Array.from({ length: 60 }, (_, n) => post(`note ${n}`)))
    for (const client of clients) {
      await reaches(client, 60)
      expect([client.gaps, client.duplicates, client.view.size]).toEqual([0, 0, 60])
      expect(client.frames.filter(({ type }) => type === 'entries').length).toBeLessThan(30)
    }
  })
})

describe('moderation and roster', () => {
  test('[LR-27] a hidden note goes at once, and its words with it', async () => {
    const client = await join()
    await client.frame('reset')
    const id = await post('rude')
    await reaches(client, 1)
    await hide(id)
    await reaches(client, 2)
    expect(client.view.get(id)).toMatchObject({ status: 'hidden', body: null })
    const late = await join()
    expect((await late.frame('reset')).snapshot.messages).toEqual([])
  })

  test('[LR-28] who is removed is out at once on every socket, and comes in again by no token made before', async () => {
    const client = await join(listener)
    const other = await join()
    await Promise.all([client.frame('reset'), other.frame('reset')])
    const early = await tokenFor(listener, eventId)
    const { id: roomId } = await app.room('laurel', { id: `webinar-${rooms}`, eventId })
    const entry = { email: listener.email, displayName: 'Someone', role: 'attendee' as const }
    expect((await confirmRoster(owner, roomId, { ...entry, status: 'removed' })).status).toBe(200)
    expect((await client.frame('ended')).reason).toBe('removed-from-room')
    await vi.waitFor(() => expect(client.closed?.code).toBe(4003), 5_000)
    expect((await openRoomWith(early)).reason).toBe('removed-from-room')
    const post = await listener.call('POST', '/api/live/messages', { eventId, body: 'Still here' })
    expect(post.body.code).toBe('removed-from-room')
    expect((await listener.call('GET', `/api/live/messages?eventId=${eventId}`)).body.code).toBe(
      'removed-from-room',
    )
    // the others are told by name alone
    await reaches(other, 1)
    expect(JSON.stringify(other.frames)).toContain('Someone')
    expect(JSON.stringify(other.frames)).not.toContain(listener.email)
    expect(JSON.stringify(other.frames)).not.toContain('user:')
    expect(other.closed).toBeUndefined()
    // let in again: the old token stays worthless
    expect((await confirmRoster(owner, roomId, { ...entry, status: 'invited' })).status).toBe(200)
    expect((await openRoomWith(early)).reason).toBe('removed-from-room')
    await (await join(listener)).frame('reset')
  })

  test('[LR-28] a room that is linked to the event shuts out who was removed from it before', async () => {
    const { id: roomId } = await app.room('laurel', { id: `webinar-linked-${rooms}` })
    const entry = { email: listener.email, displayName: 'Someone', role: 'attendee' as const }
    await confirmRoster(owner, roomId, { ...entry, status: 'removed' })
    const client = await join(listener)
    await client.frame('reset')
    expect((await updateRoom(owner, roomId, { eventId })).status).toBe(200)
    expect((await client.frame('ended')).reason).toBe('removed-from-room')
  })

  const openRoomWith = async (token: { token: string; url: string }) => {
    const client = openRoom(token)
    open.push(client)
    return client.frame('ended')
  }

  test('[LR-29] a room that becomes one for subscribers, or is cancelled, ends the sockets it is not for', async () => {
    const [guest, admin] = [await join(), await join(owner)]
    await Promise.all([guest.frame('reset'), admin.frame('reset')])
    await change({ subscriberOnly: true })
    expect((await guest.frame('ended')).reason).toBe('subscribers-only')
    await change({ subscriberOnly: false })
    const another = await join()
    await another.frame('reset')
    await change({ status: 'cancelled' })
    expect((await another.frame('ended')).reason).toBe('not-found')
    await reaches(admin, 3)
    expect(admin.closed).toBeUndefined()
  })
})

describe('presence', () => {
  const listeners = async (client: RoomClient, count: number) =>
    vi.waitFor(
      () => expect(client.frames.filter(({ type }) => type === 'presence').at(-1)?.listeners).toBe(count),
      { timeout: 20_000, interval: 50 },
    )

  test('[LR-30] counts each person once, on any process, and forgets after a grace who left', async () => {
    const other = await testApp({ database: app.database })
    const mine = await join(listener)
    await join(listener)
    const guest = await join()
    await listeners(mine, 2)
    const token = await tokenFor(app.guest(), eventId, 'elsewhere')
    const far = openRoom({ ...token, url: `${other.url.replace('http', 'ws')}/api/live/socket` })
    open.push(far)
    await listeners(mine, 3)
    await listeners(far, 3)
    guest.drop()
    app.advance(11_000)
    await listeners(mine, 2)
    // the process that goes takes its people with it
    await other.app.close()
    await other.deps.feed.close()
    expect(far.frames.at(-1)).toMatchObject({ type: 'ended', reason: 'restarting' })
    app.advance(11_000)
    await listeners(mine, 1)
  })
})

describe('a socket', () => {
  test('[LR-31] that does not speak the protocol is ended', async () => {
    const { url } = await tokenFor(app.guest(), eventId)
    for (const text of ['nonsense', '{"type":"ping"}', '{"type":"subscribe"}', '{"type":"shout"}']) {
      const ws = new WebSocket(url)
      ws.on('open', () => ws.send(text))
      const code = await new Promise((resolve) => ws.on('close', resolve))
      expect(code).toBe(4000)
    }
    const large = new WebSocket(url)
    large.on('error', () => {})
    large.on('open', () => large.send('x'.repeat(9_000)))
    expect(await new Promise((resolve) => large.on('close', resolve))).toBe(1009)
    const elsewhere = new WebSocket(`${app.url.replace('http', 'ws')}/elsewhere`)
    expect(String(await new Promise((resolve) => elsewhere.on('error', resolve)))).toContain('404')
  })

  test('[LR-32] is asked for a new token before its authorisation ends, goes on with one, and is ended without', async () => {
    const [renewing, idle] = [await join(listener), await join()]
    await Promise.all([renewing.frame('reset'), idle.frame('reset')])
    renewing.send({ type: 'ping' })
    await renewing.frame('pong')
    app.advance(14.5 * 60_000)
    await Promise.all([renewing.frame('reauthorise'), idle.frame('reauthorise')])
    renewing.send({ type: 'reauthorise', token: (await tokenFor(listener, eventId)).token })
    await renewing.frame('reauthorised')
    app.advance(60_000)
    expect((await idle.frame('ended')).reason).toBe('unauthorised')
    expect(renewing.closed).toBeUndefined()
    // a token of somebody else is none
    renewing.send({ type: 'reauthorise', token: (await tokenFor(app.guest(), eventId, 'other')).token })
    expect((await renewing.frame('ended')).reason).toBe('unauthorised')
  })

  test('[LR-33] that does not read is left behind, catches up from the log when it reads again', async () => {
    const slow = await join()
    await slow.frame('reset')
    const quick = await join()
    await quick.frame('reset')
    slow.pause()
    const words = 'x'.repeat(500)
    // beyond what the kernel takes for a socket nobody reads from: some megabytes
    const { db } = app.deps
    for (let batch = 0; batch < 40; batch++) {
      const detail = { title: words }
      await appendEntries(
        db,
        'laurel',
        eventId,
        Array.from({ length: 480 }, () => ({ kind: 'settings' as const, detail })),
        new Date(),
      )
      app.deps.feed.poke('laurel', `room/${eventId}`)
      await reaches(quick, (batch + 1) * 480)
    }
    expect(slow.position?.seq).toBeLessThan(19_200)
    slow.resume()
    await reaches(slow, 19_200)
    expect([slow.gaps, slow.duplicates]).toEqual([0, 0])
  })
})
