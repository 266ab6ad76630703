import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bodyIn, startIn } from './copy.ts'

const ZONES = Intl.supportedValuesOf('timeZone')

/** `UTC-7` or `UTC+5:30` as milliseconds. */
function offsetMs(text: string): number {
  const [, sign, hours, minutes = '0'] = /^UTC(?:([+-])(\d+)(?::(\d+))?)?$/.exec(text) ?? []
  if (sign === undefined) return 0
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

test('[NO-7] in any zone and at any instant the clock that is told is the instant plus the offset that is told', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ZONES.filter((zone) => zone !== 'UTC')),
      // years in which offsets are whole minutes everywhere
      fc.date({ min: new Date('2000-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
      (zone, instant) => {
        const [, clock, offset = ''] = /^(.*) \((.*)\)$/.exec(startIn(instant, zone)) ?? []
        const shifted = new Date(instant.getTime() + offsetMs(offset))
        expect(`${clock} UTC`).toBe(startIn(shifted, 'UTC'))
      },
    ),
    { numRuns: 1_000 },
  )
})

test('[NO-7] the hours around both changes of the clocks are told apart', () => {
  const at = (instant: string) => startIn(new Date(instant), 'Europe/Berlin').split(', ').at(-1)
  expect(at('2027-03-28T00:59:00Z')).toBe('1:59 AM (UTC+1)')
  expect(at('2027-03-28T01:00:00Z')).toBe('3:00 AM (UTC+2)')
  expect(at('2027-10-31T00:30:00Z')).toBe('2:30 AM (UTC+2)')
  expect(at('2027-10-31T01:30:00Z')).toBe('2:30 AM (UTC+1)')
})

test('[NO-7] the start stands where the body says, as often as it does, or at the end; without one it is to be announced', () => {
  const startsAt = new Date('2027-01-01T00:00:00Z')
  const start = 'Friday, January 1, 2027, 12:00 AM UTC'
  expect(bodyIn({ body: '{start}: $& {start}', startsAt }, 'UTC')).toBe(`${start}: $& ${start}`)
  expect(bodyIn({ body: 'Soon.', startsAt }, 'UTC')).toBe(`Soon. Starts ${start}.`)
  expect(bodyIn({ body: 'Soon.', startsAt: null }, 'UTC')).toBe('Soon.')
  expect(bodyIn({ body: 'It starts {start}.', startsAt: null }, 'UTC')).toBe(
    'It starts at a time to be announced.',
  )
})
