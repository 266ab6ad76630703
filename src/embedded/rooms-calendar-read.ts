import { z } from 'zod'
import { read } from '../operation/define.ts'
import { ROOM_STATUSES } from './rules.ts'
import { Access } from './schema.ts'
import { seenRooms } from './seen.ts'

export const CalendarEntry = z.object({
  id: z.string(),
  title: z.string(),
  description: z.string().nullable(),
  status: z.enum(ROOM_STATUSES),
  access: Access,
  startsAt: z.string(),
  endsAt: z.string().nullable(),
  timeZone: z.string(),
  /** How often the room changed: later versions replace earlier ones in calendar programs. */
  sequence: z.number().int(),
  updatedAt: z.string(),
})

export const roomsCalendarRead = read({
  id: 'embedded.rooms.calendar.read',
  tool: 'embedded_rooms_calendar_read',
  surface: 'embedded-rooms',
  summary: 'Read when embedded rooms are: those that have a start time and that the caller sees.',
  boundaries: [
    'Holds no link into a room, no media setup and nobody’s name.',
    'Cancelled rooms stay in it as cancelled, so that calendars drop them.',
  ],
  http: { method: 'GET', path: '/api/agent/embedded-rooms/calendar' },
  access: { auth: 'optional-session' },
  input: z.strictObject({}),
  output: z.object({
    ok: z.literal(true),
    generatedAt: z.string(),
    entries: z.array(CalendarEntry),
  }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx) {
    const seen = await seenRooms(ctx, { cancelled: true })
    const entries = seen.flatMap(({ room }) =>
      room.startsAt === null
        ? []
        : [
            {
              id: room.id,
              title: room.title,
              description: room.description,
              status: room.status,
              access: room.access,
              startsAt: room.startsAt.toISOString(),
              endsAt: room.endsAt?.toISOString() ?? null,
              timeZone: room.timeZone,
              sequence: room.version - 1,
              updatedAt: room.updatedAt.toISOString(),
            },
          ],
    )
    return { ok: true as const, generatedAt: ctx.now.toISOString(), entries: entries.reverse() }
  },
})
