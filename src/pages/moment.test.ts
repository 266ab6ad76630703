import { expect, test } from 'vitest'
import { distance, moment } from './moment.ts'

const NOW = new Date('2026-05-20T12:00:00Z')
const after = (ms: number) => new Date(NOW.getTime() + ms)

test.each([
  [0, 'just now'],
  [-59_999, 'just now'],
  [1, 'in less than a minute'],
  [60_000, 'in 1 minute'],
  [89 * 60_000 + 59_000, 'in 1 hour 29 minutes'],
  [-2 * 3_600_000, '2 hours ago'],
  [-(86_400_000 + 5 * 60_000), '1 day ago'],
  [3 * 86_400_000 + 3_600_000 + 60_000, 'in 3 days 1 hour'],
])('%i ms from now reads %s', (ms, text) => {
  expect(distance(after(ms), NOW)).toBe(text)
})

test('an instant says its zone and keeps the exact one for machines', () => {
  expect(moment('2026-05-21T02:30:00.000Z', NOW).safe).toBe(
    '<time datetime="2026-05-21T02:30:00.000Z">May 21, 2026, 2:30 AM UTC</time> (in 14 hours 30 minutes)',
  )
})
