import type { FastifyInstance } from 'fastify'
import ical, { ICalCalendarMethod, ICalEventStatus } from 'ical-generator'
import type { z } from 'zod'
import { authenticate } from '../access/authenticate.ts'
import type { Deps } from '../deps.ts'
import { credentials, originOf } from '../operation/http.ts'
import { run } from '../operation/run.ts'
import { type CalendarEntry, roomsCalendarRead } from './rooms-calendar-read.ts'
import { CALENDAR_PATH } from './rooms-read.ts'

type Entry = z.infer<typeof CalendarEntry>

/** Entries as iCalendar (RFC 5545): instants in UTC, one event per room whose UID stays, cancelled ones as such. */
export function icalendar(org: string, entries: readonly Entry[]): string {
  const calendar = ical({
    name: `Rooms of ${org}`,
    prodId: { company: 'Countersign', product: 'Embedded rooms' },
    method: ICalCalendarMethod.PUBLISH,
  })
  for (const entry of entries)
    calendar.createEvent({
      id: `${entry.id}@${org}.embedded-rooms`,
      summary: entry.title,
      description: entry.description,
      start: new Date(entry.startsAt),
      end: entry.endsAt === null ? null : new Date(entry.endsAt),
      stamp: new Date(entry.updatedAt),
      lastModified: new Date(entry.updatedAt),
      sequence: entry.sequence,
      status: entry.status === 'cancelled' ? ICalEventStatus.CANCELLED : ICalEventStatus.CONFIRMED,
    })
  return calendar.toString()
}

/** The calendar at an address that calendar programs subscribe to; the same reading, in their format. */
export function registerCalendar(app: FastifyInstance, deps: Deps): void {
  app.get(CALENDAR_PATH, async (request, reply) => {
    const principal = await authenticate(deps.access, credentials(request))
    const call = { principal, requestId: request.id, origin: originOf(request, deps.config.url) }
    const { body } = await run(deps, roomsCalendarRead, {}, call)
    const text = icalendar(principal.org, (body as { entries: Entry[] }).entries)
    return reply.type('text/calendar; charset=utf-8').send(text)
  })
}
