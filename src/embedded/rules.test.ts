import { describe, expect, test } from 'vitest'
import { hasMedia, isVisible, type RosterEntry, rosterChange, wayAfter } from './rules.ts'

const entry = (overrides: Partial<RosterEntry> = {}): RosterEntry => ({
  displayName: 'Ann',
  role: 'attendee',
  status: 'joined',
  ...overrides,
})

describe('[ER-25] the way in after a roster write', () => {
  test('is the invitation of whom it invites, puts on stage or newly names', () => {
    expect(wayAfter('purchase', entry({ status: 'invited' }), 'purchase')).toBe('invite')
    for (const role of ['host', 'co_host', 'stage_guest'] as const)
      expect(wayAfter('purchase', entry({ role }), 'purchase')).toBe('invite')
    expect(wayAfter(null, entry(), 'purchase')).toBe('invite')
  })

  test('is what it was for an attendee who is changed otherwise, and for who is removed', () => {
    expect(wayAfter('purchase', entry(), 'purchase')).toBe('purchase')
    expect(wayAfter('membership', entry({ status: 'left' }), 'public')).toBe('membership')
    expect(wayAfter('purchase', entry({ role: 'host', status: 'removed' }), 'purchase')).toBe('purchase')
    expect(wayAfter(null, entry({ status: 'removed' }), 'purchase')).toBe('purchase')
  })
})

test('[ER-4] a roster write is named by what it does', () => {
  const removed = entry({ status: 'removed' })
  expect(rosterChange(undefined, entry())).toBe('participant_invite')
  expect(rosterChange(undefined, removed)).toBe('participant_remove')
  expect(rosterChange(entry(), removed)).toBe('participant_remove')
  expect(rosterChange(removed, entry({ role: 'host' }))).toBe('participant_restore')
  expect(rosterChange(entry(), entry({ role: 'host' }))).toBe('participant_role_change')
  expect(rosterChange(entry(), entry({ status: 'left' }))).toBe('participant_update')
})

test('[ER-15] a room by invitation is visible to who is on its roster and was not removed', () => {
  expect(isVisible({ access: 'public' }, undefined)).toBe(true)
  expect(isVisible({ access: 'invite' }, undefined)).toBe(false)
  expect(isVisible({ access: 'invite' }, { status: 'left' })).toBe(true)
  expect(isVisible({ access: 'invite' }, { status: 'removed' })).toBe(false)
})

test('[ER-17] media is there for everybody while the room is live, before it for the stage, and not after it', () => {
  expect(hasMedia('live', 'attendee')).toBe(true)
  for (const status of ['waiting', 'scheduled'] as const) {
    expect(hasMedia(status, 'attendee')).toBe(false)
    expect(hasMedia(status, 'stage_guest')).toBe(true)
  }
  for (const status of ['ended', 'cancelled'] as const) expect(hasMedia(status, 'host')).toBe(false)
})
