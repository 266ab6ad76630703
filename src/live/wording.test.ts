import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { changedFields, DEFAULTS, type LiveEvent, SECRET_FIELDS, SETTABLE, type Settable } from './rules.ts'
import { createText, localDay, planChanges, renderTime, updateSummary, updateText } from './wording.ts'

const at = (text: string): Date => new Date(text)
const EVENT: LiveEvent = {
  ...DEFAULTS,
  id: 'laurel-studio-room-1a2b3c4d',
  title: 'Laurel Studio Room',
  status: 'scheduled',
  startsAt: at('2026-05-21T02:00:00.000Z'),
  timeZone: 'America/Los_Angeles',
  version: 1,
  createdAt: at('2026-05-14T09:00:00.000Z'),
  updatedAt: at('2026-05-14T09:00:00.000Z'),
}
const event = (change: Partial<LiveEvent> = {}): LiveEvent => ({ ...EVENT, ...change })

describe('how times read', () => {
  test.each<[string, string, boolean, string]>([
    ['2026-05-21T02:30:00.000Z', 'America/Los_Angeles', false, '7:30 PM'],
    ['2026-05-21T02:30:00.000Z', 'America/Los_Angeles', true, 'Wednesday, May 20, 2026, 7:30 PM'],
    ['2026-05-21T02:30:00.000Z', 'UTC', false, '2:30 AM UTC'],
    ['2026-05-21T02:30:00.000Z', 'Asia/Kathmandu', false, '8:15 AM'],
    ['2026-05-21T12:00:00.000Z', 'Pacific/Kiritimati', true, 'Friday, May 22, 2026, 2:00 AM'],
    // midnight and noon
    ['2026-05-21T07:00:00.000Z', 'America/Los_Angeles', false, '12:00 AM'],
    ['2026-05-21T19:00:00.000Z', 'America/Los_Angeles', false, '12:00 PM'],
    // an hour before and after the clocks go forward in Los Angeles (8 March 2026, 2:00 becomes 3:00)
    ['2026-03-08T09:30:00.000Z', 'America/Los_Angeles', true, 'Sunday, March 8, 2026, 1:30 AM'],
    ['2026-03-08T10:30:00.000Z', 'America/Los_Angeles', true, 'Sunday, March 8, 2026, 3:30 AM'],
    // the hour that comes twice in Berlin (25 October 2026)
    ['2026-10-25T00:30:00.000Z', 'Europe/Berlin', false, '2:30 AM'],
    ['2026-10-25T01:30:00.000Z', 'Europe/Berlin', false, '2:30 AM'],
    ['2026-10-25T02:30:00.000Z', 'Europe/Berlin', false, '3:30 AM'],
  ])('[L-5] %s in %s', (instant, zone, withDate, text) => {
    expect(renderTime(at(instant), zone, withDate)).toBe(text)
  })

  test('[L-5] a zone’s own rendering never leaks into another’s', () => {
    const instant = fc.date({ min: at('2000-01-01'), max: at('2040-01-01'), noInvalidDate: true })
    const zone = fc.constantFrom(
      'America/Los_Angeles',
      'Europe/Berlin',
      'Asia/Tokyo',
      'UTC',
      'Australia/Lord_Howe',
    )
    fc.assert(
      fc.property(instant, zone, (when, timeZone) => {
        const fresh = new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(when)
        expect(localDay(when, timeZone)).toBe(fresh)
      }),
    )
  })
})

describe('what is confirmed', () => {
  const change = (next: Partial<Settable>, before: Partial<LiveEvent> = {}, notify = false) => {
    const from = event(before)
    const to = { ...from, ...next }
    const fields = changedFields(from, next)
    return { text: updateText(from, to, fields, notify), summary: updateSummary(from, to, fields), fields }
  }

  test('[L-6] the contract’s own move', () => {
    expect(change({ startsAt: at('2026-05-21T02:30:00.000Z') })).toEqual({
      text: 'I confirm updating Laurel Studio Room to 7:30 PM.',
      summary: 'Move Laurel Studio Room from 7:00 PM to 7:30 PM.',
      fields: ['startsAt'],
    })
  })

  test.each<[string, Partial<Settable>, Partial<LiveEvent>, string]>([
    [
      'over midnight, in the event’s zone',
      { startsAt: at('2026-05-21T07:30:00.000Z') },
      {},
      'Thursday, May 21, 2026, 12:30 AM',
    ],
    [
      'not over midnight although the UTC day changes',
      { startsAt: at('2026-05-20T23:30:00.000Z') },
      {},
      '4:30 PM',
    ],
    [
      'a first start time',
      { startsAt: at('2026-05-21T02:30:00.000Z') },
      { startsAt: null },
      'Wednesday, May 20, 2026, 7:30 PM',
    ],
    ['no start time', { startsAt: null }, {}, 'no start time'],
    ['another zone, same instant', { timeZone: 'Europe/Berlin' }, {}, 'time zone Europe/Berlin'],
    [
      'time and zone',
      { startsAt: at('2026-05-21T02:30:00.000Z'), timeZone: 'Europe/Berlin' },
      {},
      'Thursday, May 21, 2026, 4:30 AM and time zone Europe/Berlin',
    ],
    [
      'the clocks going forward on the same day',
      { startsAt: at('2026-03-08T10:30:00.000Z') },
      { startsAt: at('2026-03-08T09:30:00.000Z') },
      '3:30 AM',
    ],
    ['a switch', { chatEnabled: false }, {}, 'live chat off'],
    [
      'two switches',
      { chatEnabled: false, subscriberOnly: true },
      {},
      'live chat off and subscribers only on',
    ],
    ['a title', { title: 'Late Room' }, {}, 'title “Late Room”'],
    ['a secret, not its value', { streamUrl: 'https://canary.example' }, {}, 'a new stream link'],
    ['a description, not its text', { description: 'canary' }, {}, 'a new description'],
    [
      'a channel taken away',
      { communityChannelId: null },
      { communityChannelId: 'c' },
      'no community channel',
    ],
  ])('[L-6] %s', (_what, next, before, value) => {
    expect(change(next, before).text).toBe(`I confirm updating Laurel Studio Room to ${value}.`)
  })

  test('[L-6] telling followers is part of what is confirmed', () => {
    expect(change({ startsAt: at('2026-05-21T02:30:00.000Z') }, {}, true).text).toBe(
      'I confirm updating Laurel Studio Room to 7:30 PM and notified followers.',
    )
  })

  test('[L-7] creating', () => {
    const next: Settable = {
      ...DEFAULTS,
      title: 'Late Room',
      timeZone: 'Europe/Berlin',
      startsAt: at('2026-10-25T01:30:00.000Z'),
    }
    expect(createText(next, 'scheduled', false)).toBe(
      'I confirm creating Late Room to Sunday, October 25, 2026, 2:30 AM as scheduled.',
    )
    expect(createText({ ...next, startsAt: null }, 'draft', true)).toBe(
      'I confirm creating Late Room to no start time as draft and notifying followers.',
    )
  })

  test('[L-8] equal values are no change, whether sent or not', () => {
    const {
      id: _id,
      status: _status,
      version: _v,
      createdAt: _c,
      updatedAt: _u,
      ...same
    } = structuredClone(EVENT)
    expect(changedFields(EVENT, same)).toEqual([])
    expect(changedFields(EVENT, {})).toEqual([])
    expect(change(same).summary).toBe('Leave Laurel Studio Room as it is.')
    expect(changedFields(EVENT, { description: null, startsAt: at('2026-05-21T02:00:00.001Z') })).toEqual([
      'startsAt',
    ])
  })

  test('[L-8] every settable field counts, and no value of a secret is ever shown', () => {
    const other: Record<string, unknown> = {
      startsAt: at('2030-01-01'),
      endsAt: at('2030-01-02'),
      replayPublishedAt: at('2030-01-03'),
      chatEnabled: false,
      subscriberOnly: true,
      timeZone: 'UTC',
      streamProvider: 'external_url',
    }
    for (const field of SETTABLE) {
      const next = { [field]: other[field] ?? `canary-${field}` } as Partial<Settable>
      expect(changedFields(EVENT, next), field).toEqual([field])
      const after = { ...EVENT, ...next }
      const isSecret = (SECRET_FIELDS as readonly string[]).includes(field)
      const told = JSON.stringify([
        planChanges(EVENT, after, [field]),
        updateText(EVENT, after, [field], false),
      ])
      expect(told.includes('canary'), field).toBe(!isSecret && !(field in other))
      if (isSecret)
        expect(planChanges(after, { ...after, [field]: 'canary-2' } as Settable, [field])).toMatchObject([
          { before: 'set', after: 'set (changed)' },
        ])
    }
  })

  test('[L-8] instants in a change read in the zone of their side', () => {
    const next = { ...EVENT, startsAt: at('2026-05-21T02:30:00.000Z'), timeZone: 'Europe/Berlin' }
    expect(planChanges(EVENT, next, ['startsAt'])[0]?.shown).toEqual({
      before: 'Wednesday, May 20, 2026, 7:00 PM (America/Los_Angeles)',
      after: 'Thursday, May 21, 2026, 4:30 AM (Europe/Berlin)',
    })
  })
})
