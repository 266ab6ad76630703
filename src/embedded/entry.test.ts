import fc from 'fast-check'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { confirmRoster, entitle } from '../../test/harness/rooms.ts'
import { type Entry, entryFor, entryOf, entryOfAll } from './entry.ts'
import { ACCESS, ENTITLEMENT_KINDS, PARTICIPANT_STATUSES, ROLES, type RoomAccess } from './rules.ts'

const NOW = new Date('2026-06-01T12:00:00.000Z')
const LATER = new Date('2026-06-01T12:00:00.001Z')
const WAYS = [...ACCESS, 'administers'] as const

const anybody = fc.record({
  access: fc.constantFrom(...ACCESS),
  participant: fc.option(
    fc.record({
      role: fc.constantFrom(...ROLES),
      status: fc.constantFrom(...PARTICIPANT_STATUSES),
      way: fc.constantFrom(...WAYS),
    }),
    { nil: undefined },
  ),
  held: fc.array(
    fc.record({
      kind: fc.constantFrom(...ENTITLEMENT_KINDS),
      status: fc.constantFrom('granted' as const, 'revoked' as const),
      expiresAt: fc.constantFrom(null, NOW, LATER),
    }),
    { maxLength: 4 },
  ),
  administers: fc.boolean(),
})

describe('[ER-1] a removal comes before every way in', () => {
  test('purchase, membership, invitation, public access and administering', () => {
    fc.assert(
      fc.property(anybody, ({ access, participant, held, administers }) => {
        const removed = {
          role: 'host' as const,
          way: 'invite' as const,
          ...participant,
          status: 'removed' as const,
        }
        expect(entryOf({ access }, removed, held, { now: NOW, administers })).toEqual({
          allowed: false,
          reason: 'removed',
          role: null,
        })
      }),
    )
  })

  test('and is in force in every room of an event, whatever the others say', () => {
    const entries: Entry[] = [
      { allowed: true, reason: 'public', role: 'attendee' },
      { allowed: false, reason: 'removed', role: null },
      { allowed: true, reason: 'roster', role: 'host' },
    ]
    expect(entryOfAll(entries)).toEqual({ allowed: false, reason: 'removed', role: null })
  })
})

describe('[ER-2] who is not removed enters', () => {
  const enters = (
    access: RoomAccess,
    participant?: Parameters<typeof entryOf>[1],
    held: Parameters<typeof entryOf>[2] = [],
  ) => entryOf({ access }, participant, held, { now: NOW })

  test('by an invitation into any room, in the role it names', () => {
    for (const access of ACCESS)
      for (const role of ROLES)
        for (const status of ['invited', 'joined', 'left'] as const)
          expect(enters(access, { role, status, way: 'invite' })).toEqual({
            allowed: true,
            reason: 'roster',
            role,
          })
  })

  test('by public access without anything', () => {
    expect(enters('public')).toEqual({ allowed: true, reason: 'public', role: 'attendee' })
  })

  test.each(ENTITLEMENT_KINDS)('by a %s only where the room asks for one, granted and not over', (kind) => {
    const other = kind === 'purchase' ? 'membership' : 'purchase'
    const good = { kind, status: 'granted' as const, expiresAt: null }
    expect(enters(kind, undefined, [good])).toEqual({ allowed: true, reason: kind, role: 'attendee' })
    expect(enters(kind, undefined, [{ ...good, expiresAt: LATER }]).allowed).toBe(true)
    const refused = { allowed: false, reason: `${kind}-required`, role: null }
    expect(enters(kind)).toEqual(refused)
    expect(enters(kind, undefined, [{ ...good, expiresAt: NOW }])).toEqual(refused)
    expect(enters(kind, undefined, [{ ...good, status: 'revoked' }])).toEqual(refused)
    expect(enters(kind, undefined, [{ ...good, kind: other }])).toEqual(refused)
  })

  test('who came by a purchase that is over does not come in again by having been there', () => {
    const before = { role: 'attendee' as const, status: 'left' as const, way: 'purchase' as const }
    expect(enters('purchase', before)).toEqual({ allowed: false, reason: 'purchase-required', role: null })
    expect(enters('invite', { ...before, status: 'joined' })).toMatchObject({ reason: 'not-invited' })
  })

  test('an owner or admin into every room, as host unless the roster says another role', () => {
    for (const access of ACCESS)
      expect(entryOf({ access }, undefined, [], { now: NOW, administers: true })).toEqual({
        allowed: true,
        reason: 'administers',
        role: 'host',
      })
  })

  test('an allowed entry has a role and a refused one has none', () => {
    fc.assert(
      fc.property(anybody, ({ access, participant, held, administers }) => {
        const entry = entryOf({ access }, participant, held, { now: NOW, administers })
        expect(entry.role === null).toBe(!entry.allowed)
      }),
    )
  })
})

describe('[ER-3] a live event is entered by the rules of the rooms linked to it', () => {
  let app: TestApp
  let automation: Caller
  beforeAll(async () => {
    app = await testApp()
    await app.org('laurel')
    automation = await app.key({ org: 'laurel', role: 'automation' })
    await app.event('laurel', { id: 'event-alone' })
    await app.event('laurel', { id: 'event-sold' })
    await app.event('laurel', { id: 'event-both' })
    await app.room('laurel', { id: 'room-sold', eventId: 'event-sold', access: 'purchase' })
    await app.room('laurel', { id: 'room-one', eventId: 'event-both', access: 'membership' })
    await app.room('laurel', { id: 'room-two', eventId: 'event-both', access: 'public' })
  })
  afterAll(() => app.close())

  const person = { userId: null, email: 'Ann@People.example' }
  const email = 'ann@people.example'
  const enters = (eventId: string, who: Parameters<typeof entryFor>[3] = person) =>
    entryFor(app.deps.db, 'laurel', eventId, who, NOW)

  test('without one anybody enters, as nobody in particular', async () => {
    expect(await enters('event-alone')).toEqual({ allowed: true, reason: 'no-room', role: null })
    expect(await entryFor(app.deps.db, 'juniper', 'event-sold', person, NOW)).toMatchObject({
      reason: 'no-room',
    })
  })

  test('a purchase is asked for, recorded, and ends', async () => {
    expect(await enters('event-sold')).toMatchObject({ allowed: false, reason: 'purchase-required' })
    const held = { roomId: 'room-sold', email, kind: 'purchase' }
    const expiresAt = LATER.toISOString()
    expect((await entitle(automation, { ...held, status: 'granted', expiresAt })).status).toBe(200)
    expect(await enters('event-sold')).toEqual({ allowed: true, reason: 'purchase', role: 'attendee' })
    expect(await entryFor(app.deps.db, 'laurel', 'event-sold', person, LATER)).toMatchObject({
      allowed: false,
    })
    expect((await entitle(automation, { ...held, status: 'revoked' })).status).toBe(200)
    expect(await enters('event-sold')).toMatchObject({ allowed: false })
    expect(await enters('event-sold', { userId: null, email: null })).toMatchObject({ allowed: false })
  })

  test('of several the one that lets in counts, and the greatest role; a removal from any is one from all', async () => {
    expect(await enters('event-both')).toEqual({ allowed: true, reason: 'public', role: 'attendee' })
    const entry = { email, displayName: 'Ann', role: 'co_host', status: 'invited' } as const
    expect((await confirmRoster(automation, 'room-one', entry)).status).toBe(200)
    expect(await enters('event-both')).toEqual({ allowed: true, reason: 'roster', role: 'co_host' })
    const removed = { ...entry, status: 'removed' } as const
    expect((await confirmRoster(automation, 'room-one', removed)).status).toBe(200)
    expect(await enters('event-both')).toEqual({ allowed: false, reason: 'removed', role: null })
  })

  test('a key is known by the account it acts for', async () => {
    const listener = await app.person('laurel', 'member')
    const entry = {
      email: listener.email,
      displayName: 'Listener',
      role: 'attendee',
      status: 'removed',
    } as const
    expect((await confirmRoster(automation, 'room-two', entry)).status).toBe(200)
    const [user] = await app.deps.db.query<{ id: string }>(
      sql`SELECT id FROM auth_user WHERE email = ${listener.email}`,
    )
    expect(await enters('event-both', { userId: user!.id, email: null })).toMatchObject({ reason: 'removed' })
  })
})
