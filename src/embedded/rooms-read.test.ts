import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { confirmRoster, join, ROOMS } from '../../test/harness/rooms.ts'

/** In every planted value; it comes out nowhere. */
const MARK = 'c4n4ryroom'

let app: TestApp
let owner: Caller & { email: string }
let automation: Caller
let listener: Caller & { email: string }
let invited: Caller & { email: string }

const roster = (
  roomId: string,
  email: string,
  role: 'host' | 'attendee' | 'stage_guest',
  status = 'invited',
) =>
  confirmRoster(automation, roomId, {
    email,
    displayName: `Name of ${role}`,
    role,
    status: status as 'invited',
  })

beforeAll(async () => {
  app = await testApp({
    config: { media: { url: 'wss://media.example', key: MARK, secret: MARK.repeat(4) } },
  })
  await app.org('laurel')
  await app.org('juniper')
  owner = await app.person('laurel', 'owner')
  listener = await app.person('laurel', 'member')
  invited = await app.person('laurel', 'member')
  automation = await app.key({ org: 'laurel', role: 'automation' })
  await app.event('laurel', { id: 'event-public' })
  await app.event('laurel', { id: 'event-draft', status: 'draft' })
  const media = {
    mediaRoomId: `${MARK}-room`,
    mediaPresetName: `${MARK}-preset`,
    mediaJoinUrl: `https://${MARK}.example/join`,
  }
  const day = (n: number) => new Date(Date.UTC(2026, 5, n))
  await app.room('laurel', {
    ...{ id: 'room-live', access: 'public', status: 'live', startsAt: day(4), eventId: 'event-public' },
    ...{ mediaProvider: 'signed_token', ...media },
  })
  await app.room('laurel', {
    ...{ id: 'room-sold', access: 'purchase', status: 'scheduled', startsAt: day(3), eventId: 'event-draft' },
    ...{ mediaProvider: 'external_url', ...media },
  })
  await app.room('laurel', { id: 'room-waiting', access: 'membership', status: 'waiting', startsAt: null })
  await app.room('laurel', { id: 'room-invite', access: 'invite', status: 'scheduled', startsAt: day(2) })
  await app.room('laurel', { id: 'room-cancelled', status: 'cancelled', startsAt: day(1) })
  await app.room('juniper', { id: 'room-elsewhere' })
  await roster('room-invite', invited.email, 'stage_guest')
  await roster('room-live', 'host@people.example', 'host', 'joined')
  await roster('room-live', 'gone@people.example', 'stage_guest', 'removed')
  await roster('room-live', 'quiet@people.example', 'attendee')
  await join(listener, 'room-live')
})
afterAll(() => app.close())

const manifest = async (caller: Caller, roomId?: string) =>
  (await caller.call('GET', roomId === undefined ? ROOMS : `${ROOMS}?roomId=${roomId}`)).body
const ids = (body: any): string[] => body.rooms.map(({ id }: any) => id)
const roomOf = (body: any, id: string) => body.rooms.find((room: any) => room.id === id)

describe('[ER-14] the manifest is agent-embedded-rooms.v1', () => {
  test('with the members, capabilities, stats and redactions of the contract', async () => {
    const body = await manifest(app.guest(), 'room-live')
    expect(body).toMatchObject({
      ok: true,
      version: 'agent-embedded-rooms.v1',
      surface: {
        id: 'embedded-rooms',
        artistId: 'laurel',
        safeForAgent: true,
        browserAutomationRequired: false,
      },
      principal: {
        source: 'guest',
        role: 'guest',
        signedIn: false,
        userId: null,
        email: null,
        adminRole: null,
      },
    })
    expect(new Date(body.generatedAt).toISOString()).toBe(body.generatedAt)
    expect(body.principal.capabilities).toEqual({
      readRoomManifest: true,
      readRoomRoster: true,
      readRoomCalendar: true,
      manageRoomRoster: false,
      moderateRoomMessages: false,
      createRoomMediaToken: true,
      postRoomMessage: false,
    })
    expect(Object.keys(body.roster).sort()).toEqual(['participants', 'redactedFields', 'roomId'])
    for (const field of [
      'userId',
      'mediaParticipantId',
      'mediaRoomId',
      'mediaPresetName',
      'mediaTokenRefreshedAt',
    ])
      expect(body.roster.redactedFields).toContain(field)
    const described = new Map<string, any>(body.operations.map((each: any) => [each.id, each]))
    for (const id of ['embedded.rooms.read', 'embedded.room.roster.read', 'embedded.rooms.calendar.read'])
      expect(described.get(id)).toMatchObject({
        status: 'ready',
        enabled: true,
        confirmation: { kind: 'none' },
      })
    expect(described.get('embedded.room.stage.manage')).toMatchObject({
      toolName: 'fanful_creator_embedded_room_roster_update',
      status: 'ready',
      enabled: false,
      confirmation: { required: true, kind: 'stage-access' },
      audit: { required: true },
      input: {
        envelope: { contract: 'agent-write-envelope.v1', contractId: 'creator.embedded-rooms.roster' },
      },
    })
    expect(described.get('embedded.room.stage.manage').endpoint.href).toBe(app.url + ROOMS)
    const known = app.deps.operations
      .filter(({ surface }) => surface === 'embedded-rooms')
      .map(({ id }) => id)
    expect([...described.keys()].sort()).toEqual(known.sort())
  })

  test('counts the rooms that are shown, and those that need media', async () => {
    expect((await manifest(owner)).stats).toEqual({
      totalRooms: 5,
      liveRooms: 1,
      scheduledRooms: 2,
      waitingRooms: 1,
      roomsNeedingMedia: 2,
    })
    expect((await manifest(app.guest())).stats).toMatchObject({ totalRooms: 3, roomsNeedingMedia: 1 })
  })

  test('is readable as an MCP resource, and says what each caller may do', async () => {
    const key = await app.key({ org: 'laurel', role: 'automation' })
    const client = new Client({ name: 'rooms', version: '1.0.0' })
    const requestInit = { headers: { Authorization: `Bearer ${key.bearer}` } }
    await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', app.url), { requestInit }))
    const { contents } = await client.readResource({ uri: 'fanful://agent/embedded-rooms/manifest' })
    await client.close()
    const body = JSON.parse((contents[0] as { text: string }).text)
    expect(body).toMatchObject({
      version: 'agent-embedded-rooms.v1',
      principal: { capabilities: { manageRoomRoster: true, createRoomMediaToken: false } },
    })
  })
})

describe('[ER-15] who sees what', () => {
  test('rooms by invitation: who administers and who is on the roster; cancelled: who administers', async () => {
    const open = ['room-live', 'room-sold', 'room-waiting']
    expect(ids(await manifest(app.guest()))).toEqual(open)
    expect(ids(await manifest(listener))).toEqual(open)
    expect(ids(await manifest(invited))).toEqual(['room-live', 'room-sold', 'room-invite', 'room-waiting'])
    for (const caller of [owner, automation])
      expect(ids(await manifest(caller)).sort()).toEqual([...open, 'room-cancelled', 'room-invite'].sort())
    for (const roomId of ['room-invite', 'room-elsewhere', 'room-none'])
      for (const path of [`${ROOMS}?roomId=${roomId}`, `${ROOMS}/roster?roomId=${roomId}`])
        expect((await listener.call('GET', path)).body.code, path).toBe('not-found')
  })

  test('a link to an event that is not public: who administers', async () => {
    expect(roomOf(await manifest(app.guest()), 'room-live').eventId).toBe('event-public')
    expect(roomOf(await manifest(app.guest()), 'room-sold').eventId).toBeNull()
    expect(roomOf(await manifest(owner), 'room-sold').eventId).toBe('event-draft')
  })

  test('whether one may enter, as oneself', async () => {
    const entryInto = async (caller: Caller, id: string) => roomOf(await manifest(caller), id).entry
    expect(await entryInto(app.guest(), 'room-live')).toMatchObject({ allowed: true, reason: 'public' })
    expect(await entryInto(listener, 'room-sold')).toMatchObject({
      allowed: false,
      reason: 'purchase-required',
    })
    expect(await entryInto(invited, 'room-invite')).toMatchObject({ allowed: true, role: 'stage_guest' })
    expect(await entryInto(owner, 'room-sold')).toMatchObject({ allowed: true, role: 'host' })
    expect(await entryInto(automation, 'room-live')).toMatchObject({ allowed: false, reason: 'people-only' })
  })

  test('the roster: all of it with addresses, or who is on stage without', async () => {
    const full = (await manifest(owner, 'room-live')).roster
    expect(full.participants.map(({ email }: any) => email)).toEqual(
      ['gone@people.example', 'host@people.example', 'quiet@people.example', listener.email].sort(),
    )
    for (const caller of [app.guest(), listener]) {
      const { body } = await caller.call('GET', `${ROOMS}/roster?roomId=room-live`)
      expect(body.roster.participants).toMatchObject([
        { displayName: 'Name of host', email: null, role: 'host', status: 'joined' },
      ])
      expect(body.roster.participants).toHaveLength(1)
      expect(body.roster.redactedFields).toContain('email')
      expect(roomOf(await manifest(caller), 'room-live').stats).toMatchObject({
        removed: null,
        invited: null,
      })
    }
  })

  test('page by page, each once', async () => {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const next: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const { body } = await owner.call('GET', `${ROOMS}/roster?roomId=room-live&limit=1${next}`)
      seen.push(...body.roster.participants.map(({ email }: any) => email))
      cursor = body.nextCursor
    } while (cursor !== null)
    expect(seen).toHaveLength(4)
    expect(new Set(seen).size).toBe(4)
    const foreign = await owner.call('GET', `${ROOMS}/roster?roomId=room-sold&cursor=made-up`)
    expect(foreign.body.code).toBe('cursor-invalid')
  })
})

describe('[ER-16] nobody is shown media setup, accounts or provider ids', () => {
  test('in manifests, rosters, calendars, previews, joinings, audit and logs', async () => {
    const answers: string[] = []
    for (const caller of [app.guest(), listener, invited, owner, automation])
      for (const path of [
        `${ROOMS}?roomId=room-live`,
        `${ROOMS}/roster?roomId=room-live`,
        `${ROOMS}/calendar`,
        `${ROOMS}/calendar.ics`,
        '/api/agent/live-controls',
      ])
        answers.push(JSON.stringify((await caller.call('GET', path)).body))
    answers.push(JSON.stringify((await join(listener, 'room-live')).body))
    const preview = {
      action: 'preview_embedded_room_change',
      roomId: 'room-live',
      mediaRoomId: `${MARK}-other`,
    }
    const previewed = await automation.call('POST', ROOMS, preview)
    expect(previewed.body.plan.changes).toMatchObject([{ pointer: '/mediaRoomId', after: 'set (changed)' }])
    answers.push(JSON.stringify(previewed.body))
    answers.push(JSON.stringify((await owner.call('GET', '/api/admin/audit?limit=100')).body))
    const everything = [...answers, ...app.logged].join('\n')
    expect(everything).toContain('room-live')
    expect(everything).not.toContain(MARK)
    const people = await app.deps.db.query<{ user_id: string | null; media_participant_id: string }>(
      sql`SELECT user_id, media_participant_id FROM embedded_room_participants WHERE org = 'laurel'`,
    )
    expect(people.some(({ user_id }) => user_id !== null)).toBe(true)
    // one's own account is in one's own manifest; of others none
    const others = answers.filter((text) => !text.includes('"signedIn":true'))
    for (const { user_id, media_participant_id } of people) {
      expect(answers.join('\n')).not.toContain(media_participant_id)
      if (user_id !== null) expect(others.join('\n')).not.toContain(user_id)
    }
  })
})

describe('[ER-23] the manifest of live controls', () => {
  test('has the same rooms, the roster write, and the truth about it', async () => {
    const controls = async (caller: Caller) => (await caller.call('GET', '/api/agent/live-controls')).body
    for (const caller of [app.guest(), invited, owner]) {
      const body = await controls(caller)
      expect(body.embeddedRooms.rooms).toEqual((await manifest(caller)).rooms)
      const stage = body.operations.find(({ id }: any) => id === 'embedded.room.stage.manage')
      const isOwner = caller === owner
      expect(stage).toMatchObject({ status: 'ready', enabled: isOwner })
      expect(body.principal.capabilities.manageStageAccess).toBe(isOwner)
    }
    const gaps = (await controls(owner)).serverGaps
    expect(gaps).toContainEqual(
      expect.objectContaining({ id: 'embedded-room.stage-audit-log', status: 'ready' }),
    )
  })
})
