import { describe, expect, test } from 'vitest'
import {
  DEFAULTS,
  EVENT_STATUSES,
  type EventStatus,
  type LiveEvent,
  NEXT_STATUSES,
  type NextStatus,
  newEventId,
  readiness,
  scheduleBlockers,
  TRANSITIONS,
  transitionBlockers,
} from './rules.ts'
import { statusText } from './wording.ts'

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
