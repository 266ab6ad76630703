import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  changedFields,
  createText,
  DEFAULTS,
  EVENT_STATUSES,
  type EventStatus,
  type LiveEvent,
  localDay,
  NEXT_STATUSES,
  type NextStatus,
  newEventId,
  planChanges,
  readiness,
  renderTime,
  SECRET_FIELDS,
  SETTABLE,
  type Settable,
  scheduleBlockers,
  statusText,
  TRANSITIONS,
  transitionBlockers,
  updateSummary,
  updateText,
} from './rules.ts'

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
const READY = readiness(EVENT, { flaggedMessages: 0 })

describe('the status machine', () => {
  // the rows of the contract's machine, written out: from, and what each next status answers
  const TABLE: Record<EventStatus, Record<NextStatus, string>> = {
    draft: { scheduled: 'ok', live: 'ok', ended: 'status-forbidden', cancelled: 'ok' },
    scheduled: { scheduled: 'status-redundant', live: 'ok', ended: 'status-forbidden', cancelled: 'ok' },
    live: { scheduled: 'status-forbidden', live: 'status-redundant', ended: 'ok', cancelled: 'ok' },
    ended: {
      scheduled: 'status-forbidden',
      live: 'status-forbidden',
      ended: 'status-redundant',
      cancelled: 'status-forbidden',
    },
    cancelled: {
      scheduled: 'ok',
      live: 'status-forbidden',
      ended: 'status-forbidden',
      cancelled: 'status-redundant',
    },
  }
  const pairs = EVENT_STATUSES.flatMap((from) =>
    NEXT_STATUSES.map((to) => [from, to, TABLE[from][to]] as const),
  )

  test.each(pairs)('[L-1] %s to %s: %s', (from, to, answer) => {
    const blockers = transitionBlockers(event({ status: from }), to, READY)
    expect(blockers.map(({ code }) => code)).toEqual(answer === 'ok' ? [] : [answer])
    if (answer !== 'ok') expect(blockers[0]?.allowed).toEqual(TRANSITIONS[from])
  })

  test('[L-1] nothing goes back to draft, and ended is final', () => {
    expect(Object.values(TRANSITIONS).flat()).not.toContain('draft')
    expect(TRANSITIONS.ended).toEqual([])
    expect(transitionBlockers(event({ status: 'ended' }), 'live', READY)[0]?.message).toContain('final')
  })

  test('[L-2] a room that is not ready is refused with its own code, naming the failing checks', () => {
    const broken = event({ streamProvider: 'external_url' })
    const [blocker] = transitionBlockers(broken, 'live', readiness(broken, { flaggedMessages: 0 }))
    expect(blocker).toMatchObject({ code: 'status-not-ready', allowed: ['live', 'cancelled'] })
    expect(blocker?.message).toContain('stream-configured')
    for (const to of ['cancelled'] as const)
      expect(transitionBlockers(broken, to, readiness(broken, { flaggedMessages: 0 }))).toEqual([])
  })

  test.each([
    ['live', 'I confirm taking Laurel Studio Room to live.'],
    ['ended', 'I confirm moving Laurel Studio Room to ended.'],
    ['cancelled', 'I confirm moving Laurel Studio Room to cancelled.'],
    ['scheduled', 'I confirm restoring Laurel Studio Room to scheduled.'],
  ] as const)('[L-3] the text for %s', (next, text) => {
    expect(statusText('Laurel Studio Room', next)).toBe(text)
  })
})

describe('readiness', () => {
  const statusOf = (id: string, change: Partial<LiveEvent>, flaggedMessages = 0) => {
    const found = readiness(event(change), { flaggedMessages }).checks.find((check) => check.id === id)
    return `${found?.required ? 'required' : 'optional'} ${found?.status}`
  }

  test.each<[string, string, Partial<LiveEvent>, number]>([
    ['status-startable', 'required pass', { status: 'draft' }, 0],
    ['status-startable', 'required pass', { status: 'scheduled' }, 0],
    ['status-startable', 'required pass', { status: 'live' }, 0],
    ['status-startable', 'required fail', { status: 'ended' }, 0],
    ['status-startable', 'required fail', { status: 'cancelled' }, 0],
    ['starts-at-set', 'optional pass', {}, 0],
    ['starts-at-set', 'optional warn', { startsAt: null }, 0],
    ['stream-configured', 'optional warn', { streamProvider: 'none' }, 0],
    ['stream-configured', 'required fail', { streamProvider: 'external_url' }, 0],
    [
      'stream-configured',
      'required pass',
      { streamProvider: 'external_url', streamUrl: 'https://x.example' },
      0,
    ],
    [
      'stream-configured',
      'required fail',
      { streamProvider: 'cloudflare_stream', streamUrl: 'https://x.example' },
      0,
    ],
    [
      'stream-configured',
      'required pass',
      { streamProvider: 'cloudflare_stream', streamLiveInputId: 'i' },
      0,
    ],
    ['stream-configured', 'required pass', { streamProvider: 'cloudflare_stream', streamVideoId: 'v' }, 0],
    ['chat-open', 'optional pass', { chatEnabled: true }, 0],
    ['chat-open', 'optional warn', { chatEnabled: false }, 0],
    ['community-channel-linked', 'optional pass', { communityChannelId: 'c' }, 0],
    ['community-channel-linked', 'optional warn', { communityChannelId: null }, 0],
    ['moderation-queue-clear', 'optional pass', {}, 0],
    ['moderation-queue-clear', 'optional warn', {}, 3],
  ])('[L-4] %s: %s', (id, expected, change, flagged) => {
    expect(statusOf(id, change, flagged)).toBe(expected)
  })

  test('[L-4] ready, needs attention, blocked: only a required failure blocks a broadcast', () => {
    const all = {
      streamProvider: 'external_url',
      streamUrl: 'https://x.example',
      communityChannelId: 'c',
    } as const
    const state = (change: Partial<LiveEvent>) => {
      const { state: name, canStartBroadcast } = readiness(event(change), { flaggedMessages: 0 })
      return [name, canStartBroadcast]
    }
    expect(state(all)).toEqual(['ready', true])
    expect(state({ ...all, chatEnabled: false })).toEqual(['needs-attention', true])
    expect(state({ ...all, streamUrl: null })).toEqual(['blocked', false])
    expect(READY.checks.map(({ id }) => id)).toHaveLength(6)
  })
})

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

describe('schedules that cannot be', () => {
  const start = at('2026-05-21T02:30:00.000Z')
  test.each<[string, Partial<LiveEvent>, EventStatus, number]>([
    ['an end after the start', { startsAt: start, endsAt: at('2026-05-21T02:30:00.001Z') }, 'scheduled', 0],
    ['an end at the start', { startsAt: start, endsAt: start }, 'scheduled', 1],
    ['an end before the start', { startsAt: start, endsAt: at('2026-05-21T02:29:00.000Z') }, 'draft', 1],
    ['scheduled without a start', { startsAt: null }, 'scheduled', 1],
    ['a draft without a start', { startsAt: null }, 'draft', 0],
    ['an external stream without its link', { streamProvider: 'external_url' }, 'draft', 1],
    ['both at once', { startsAt: null, streamProvider: 'external_url' }, 'scheduled', 2],
  ])('[L-9] %s', (_what, next, status, blockers) => {
    expect(scheduleBlockers(event(next), status)).toHaveLength(blockers)
  })
})

describe('ids of events', () => {
  test.each([
    ['Laurel Studio Room', 'laurel-studio-room'],
    ['  Café — Ünïcode!  ', 'cafe-unicode'],
    ['日本', 'event'],
    ['x'.repeat(180), 'x'.repeat(80)],
  ])('[L-10] of %s', (title, slug) => {
    expect(newEventId(title)).toMatch(new RegExp(`^${slug}-[0-9a-f]{8}$`))
  })
})
