import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CHANGES, type Change, changed, channelSlug, type Managed, mayRead } from './rules.ts'

const channel = (id: string, position: number | null, more: Partial<Managed> = {}): Managed => ({
  ...{ id, title: id, position, active: position !== null, membersOnly: false },
  ...more,
})
const GENERAL = channel('general', 1)
const of = (...channels: Managed[]) => ({ channels: [GENERAL, ...channels], unlocked: true })

describe('[CM-1] changes of channels', () => {
  test.each<[string, ReturnType<typeof of>, Change, number, RegExp]>([
    [
      'a fifth active one',
      of(channel('a', 2), channel('b', 3), channel('c', 4)),
      { change: 'create', title: 'D' },
      0,
      /4 channels/,
    ],
    [
      'restoring a fifth',
      of(channel('a', 2), channel('b', 3), channel('c', 4), channel('d', null)),
      { change: 'restore', channelId: 'd' },
      0,
      /4 channels/,
    ],
    ['archiving general', of(), { change: 'archive', channelId: 'general' }, 0, /default/],
    [
      'archiving a linked one',
      of(channel('a', 2)),
      { change: 'archive', channelId: 'a' },
      2,
      /2 scheduled or live/,
    ],
    ['an id that is taken', of(channel('a', null)), { change: 'create', title: 'A' }, 0, /is a channel a/],
    ['a title without an id', of(), { change: 'create', title: '★' }, 0, /channelId/],
    ['the same title', of(), { change: 'update', channelId: 'general', title: 'general' }, 0, /Nothing/],
    [
      'an order that leaves one out',
      of(channel('a', 2)),
      { change: 'order', order: ['a'] },
      0,
      /each active/,
    ],
    [
      'an order with one twice',
      of(channel('a', 2)),
      { change: 'order', order: ['a', 'a'] },
      0,
      /each active/,
    ],
    ['unlocking what is unlocked', of(), { change: 'unlock' }, 0, /unlocked already/],
  ])('%s is refused', (_, before, change, linked, problem) => {
    expect(changed(before, change, linked).problems.join(' ')).toMatch(problem)
  })

  test('whatever is done in turn, general is active, at most 4 are, and their places are 1 to n', () => {
    const ids = ['general', 'a', 'b', 'c', 'd', 'e']
    const change = fc.record({
      change: fc.constantFrom(...CHANGES),
      channelId: fc.constantFrom(...ids),
      title: fc.constantFrom('One', 'Two'),
      membersOnly: fc.boolean(),
      order: fc.shuffledSubarray(ids),
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 25 }), (changes) => {
        let state: { channels: Managed[]; unlocked: boolean } = of()
        for (const each of changes) {
          const { problems, ...next } = changed(state, each, 0)
          if (problems.length === 0) state = next
        }
        const active = state.channels.filter((each) => each.active)
        expect(active.map(({ id }) => id)).toContain('general')
        expect(active.length).toBeLessThanOrEqual(4)
        expect(active.map(({ position }) => position as number).toSorted((a, b) => a - b)).toEqual(
          active.map((_, n) => n + 1),
        )
        for (const each of state.channels) if (!each.active) expect(each.position).toBeNull()
        expect(new Set(state.channels.map(({ id }) => id)).size).toBe(state.channels.length)
      }),
    )
  })
})

test('[CM-2] who reads: moderators always, others what is active and unlocked, members’ channels when signed in', () => {
  const guest = { moderates: false, signedIn: false }
  const member = { moderates: false, signedIn: true }
  const moderator = { moderates: true, signedIn: true }
  for (const active of [true, false])
    for (const unlocked of [true, false])
      for (const membersOnly of [true, false]) {
        const reads = [guest, member, moderator].map((who) =>
          mayRead({ active, membersOnly }, { unlocked }, who),
        )
        const open = active && unlocked
        expect(reads).toEqual([open && !membersOnly, open, true])
      }
})

test('[CM-1] a channel’s id is made from its title', () => {
  expect(['Tape Club', '  Ärger & Co. ', '★'].map(channelSlug)).toEqual(['tape-club', 'arger-co', ''])
})
