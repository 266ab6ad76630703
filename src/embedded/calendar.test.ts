import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { confirmRoster, ROOMS } from '../../test/harness/rooms.ts'

let app: TestApp
let invited: Caller & { email: string }

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  await app.org('juniper')
  invited = await app.person('laurel', 'member')
  const automation = await app.key({ org: 'laurel', role: 'automation' })
  const at = (hour: number) => new Date(Date.UTC(2030, 4, 21, hour))
  await app.room('laurel', {
    ...{
      id: 'room-first',
      title: 'First; with, signs',
      description: 'Line one\nBEGIN:VEVENT',
      access: 'purchase',
    },
    ...{ status: 'scheduled', startsAt: at(2), endsAt: at(3) },
    ...{ mediaProvider: 'external_url', mediaJoinUrl: 'https://meet.example/private' },
  })
  await app.room('laurel', { id: 'room-second', status: 'cancelled', startsAt: at(5) })
  await app.room('laurel', { id: 'room-invite', access: 'invite', startsAt: at(4) })
  await app.room('laurel', { id: 'room-open', status: 'waiting', startsAt: null })
  await app.room('juniper', { id: 'room-elsewhere', startsAt: at(2) })
  await confirmRoster(automation, 'room-invite', {
    ...{ email: invited.email, displayName: 'Invited', role: 'attendee', status: 'invited' },
  })
})
afterAll(() => app.close())

describe('[ER-20] the calendar has the rooms with a start that the caller sees', () => {
  test('for guests those not by invitation, cancelled ones as such, soonest first', async () => {
    const { status, body } = await app.guest().call('GET', `${ROOMS}/calendar`)
    expect(status).toBe(200)
    expect(body.entries).toMatchObject([
      { id: 'room-first', status: 'scheduled', startsAt: '2030-05-21T02:00:00.000Z', sequence: 0 },
      { id: 'room-second', status: 'cancelled', endsAt: null },
    ])
    expect(JSON.stringify(body)).not.toContain('meet.example')
  })

  test('for who is on a roster, that room too', async () => {
    const { body } = await invited.call('GET', `${ROOMS}/calendar`)
    expect(body.entries.map(({ id }: any) => id)).toEqual(['room-first', 'room-invite', 'room-second'])
  })

  test('of the organisation that is named, and no other', async () => {
    const { body } = await app.guest().call('GET', `${ROOMS}/calendar?artistId=juniper`)
    expect(body.entries.map(({ id }: any) => id)).toEqual(['room-elsewhere'])
    expect((await app.guest().call('GET', `${ROOMS}/calendar.ics?artistId=nobody`)).body.code).toBe(
      'not-found',
    )
  })
})

/** The content lines of an iCalendar text, unfolded (RFC 5545, 3.1). */
const linesOf = (text: string): string[] => text.replaceAll('\r\n ', '').split('\r\n')

describe('[ER-21] the same as iCalendar, for calendar programs', () => {
  test('one event per room, in UTC, with the stable id and the version of each', async () => {
    const { calendar } = (await app.guest().call('GET', ROOMS)).body
    const response = await fetch(calendar.icalendar)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/calendar; charset=utf-8')
    const text = await response.text()
    const lines = linesOf(text)
    expect(lines[0]).toBe('BEGIN:VCALENDAR')
    expect(lines.filter((line) => line === 'BEGIN:VEVENT')).toHaveLength(2)
    for (const line of [
      'UID:room-first@laurel.embedded-rooms',
      'SEQUENCE:0',
      'DTSTART:20300521T020000Z',
      'DTEND:20300521T030000Z',
      'SUMMARY:First\\; with\\, signs',
      'DESCRIPTION:Line one\\nBEGIN:VEVENT',
      'STATUS:CONFIRMED',
      'UID:room-second@laurel.embedded-rooms',
      'STATUS:CANCELLED',
    ])
      expect(lines).toContain(line)
    for (const line of text.split('\r\n')) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75)
    expect(text).not.toContain('meet.example')
    expect(text).not.toContain('room-invite')
  })
})
