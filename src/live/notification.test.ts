import { expect, test } from 'vitest'
import { notificationDetails } from './notification.ts'

const NOBODY = { size: 0, version: 0, hash: '' }

/** Offsets shown for an event that starts then, in its zone and the two samples. */
const offsets = (startsAt: string, timeZone = 'America/Los_Angeles') =>
  notificationDetails(
    { enabled: true },
    { title: 'Set', startsAt: new Date(startsAt), timeZone },
    NOBODY,
  )?.renderedStart.map(({ utcOffset, text }) => `${utcOffset} ${text?.split(', ').at(-1)}`)

test('the offset is that of the instant, on both sides of the clocks going forward', () => {
  // America/Los_Angeles: 2027-03-14 10:00Z; Europe/Berlin only on 2027-03-28
  expect(offsets('2027-03-14T09:59:00Z')).toEqual(['UTC-8 1:59 AM', 'UTC-4 5:59 AM', 'UTC+1 10:59 AM'])
  expect(offsets('2027-03-14T10:00:00Z')).toEqual(['UTC-7 3:00 AM', 'UTC-4 6:00 AM', 'UTC+1 11:00 AM'])
})

test('the hour that comes twice is told apart by its offset', () => {
  // 1:30 AM of 2027-11-07 in America/Los_Angeles, before and after the clocks go back
  expect(offsets('2027-11-07T08:30:00Z')?.[0]).toBe('UTC-7 1:30 AM')
  expect(offsets('2027-11-07T09:30:00Z')?.[0]).toBe('UTC-8 1:30 AM')
})

test('offsets of parts of an hour are whole', () => {
  expect(offsets('2027-01-01T00:00:00Z', 'Asia/Kolkata')?.[0]).toBe('UTC+5:30 5:30 AM')
  // half an hour of daylight saving
  expect(offsets('2027-01-01T00:00:00Z', 'Australia/Lord_Howe')?.[0]).toBe('UTC+11 11:00 AM')
  expect(offsets('2027-07-01T00:00:00Z', 'Australia/Lord_Howe')?.[0]).toBe('UTC+10:30 10:30 AM')
})
