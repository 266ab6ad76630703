import { z } from 'zod'
import type { Principal } from '../access/principal.ts'
import { admits } from '../operation/admit.ts'
import { type Context, read } from '../operation/define.ts'
import {
  DescriptorSchema,
  describe,
  EndpointSchema,
  endpoint,
  PrincipalSchema,
  presentPrincipal,
  SurfaceSchema,
  surfaceOf,
} from '../operation/manifest.ts'
import { roomMediaTokenCreate } from './room-media-token-create.ts'
import { ROSTER_PAGE, roomRosterRead, rosterPage } from './room-roster-read.ts'
import { roomStageManage } from './room-stage-manage.ts'
import { roomsCalendarRead } from './rooms-calendar-read.ts'
import { ROOM_SECRETS } from './rules.ts'
import { RoomId, RoomSchema, RosterSchema } from './schema.ts'
import { administers, personOf, type Seen, seenRoom, seenRooms, shownRooms } from './seen.ts'
import { presentRoster, roomStats } from './view.ts'

const Count = z.number().int()

export const roomsRead = read({
  id: 'embedded.rooms.read',
  tool: 'embedded_rooms_read',
  surface: 'embedded-rooms',
  summary: 'Read embedded rooms, the roster of one, and every operation with what this caller may do.',
  boundaries: [
    'Shows no media setup, provider id, token or private link, to nobody.',
    'Rooms by invitation are shown to who administers and to who is on their roster.',
  ],
  http: { method: 'GET', path: '/api/agent/embedded-rooms' },
  access: { auth: 'optional-session' },
  input: z.strictObject({ roomId: RoomId.optional().describe('Room to focus on, with its roster') }),
  output: z.object({
    ok: z.literal(true),
    version: z.literal('agent-embedded-rooms.v1'),
    generatedAt: z.string(),
    surface: SurfaceSchema,
    principal: PrincipalSchema,
    focusRoomId: z.string().nullable(),
    rooms: z.array(RoomSchema),
    stats: z.object({
      totalRooms: Count,
      liveRooms: Count,
      scheduledRooms: Count,
      waitingRooms: Count,
      roomsNeedingMedia: Count,
    }),
    roster: RosterSchema,
    calendar: z.object({ endpoint: EndpointSchema, icalendar: z.string() }),
    operations: z.array(DescriptorSchema),
    redactedFields: z.array(z.enum(ROOM_SECRETS)),
    policy: z.object({ removal: z.string(), entitlements: z.string(), secretHandling: z.string() }),
  }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing; admins see more of the rosters, never the media setup.' },
  resource: { uri: 'fanful://agent/embedded-rooms/manifest', title: 'Embedded rooms manifest' },
  async run(ctx, { roomId }) {
    const { principal, org } = ctx
    const { origin } = ctx.call
    const rooms = await shownRooms(ctx, await roomsWith(ctx, roomId))
    const { participants } =
      roomId === undefined
        ? { participants: [] }
        : await rosterPage(ctx, roomId, { after: null, limit: ROSTER_PAGE })
    const { http, access, summary } = roomsCalendarRead
    return {
      ok: true as const,
      version: 'agent-embedded-rooms.v1' as const,
      generatedAt: ctx.now.toISOString(),
      surface: surfaceOf('embedded-rooms', org),
      principal: presentPrincipal(principal, capabilities(principal)),
      focusRoomId: roomId ?? null,
      rooms,
      stats: roomStats(rooms),
      roster: presentRoster(roomId ?? null, participants, administers(principal)),
      calendar: {
        endpoint: endpoint(origin, http, access, summary),
        icalendar: `${origin}${CALENDAR_PATH}?artistId=${org}`,
      },
      operations: ctx.deps.operations
        .filter(({ surface }) => surface === 'embedded-rooms')
        .map((operation) => describe(operation, origin, principal)),
      redactedFields: [...ROOM_SECRETS],
      policy: POLICY,
    }
  },
})

/** The rooms that the caller sees, with the one in focus also where it is too old for the list, or cancelled. */
async function roomsWith(ctx: Context, roomId: string | undefined): Promise<Seen[]> {
  const seen = await seenRooms(ctx, { cancelled: false })
  if (roomId === undefined || seen.some(({ room }) => room.id === roomId)) return seen
  return [await seenRoom(ctx, roomId), ...seen]
}

/** The calendar in the form that calendar programs subscribe to. */
export const CALENDAR_PATH = '/api/agent/embedded-rooms/calendar.ics'

/** Notes and their moderation are those of the live event that a room is linked to: rooms have none of their own. */
const capabilities = (principal: Principal): Record<string, boolean> => ({
  readRoomManifest: true,
  readRoomRoster: admits(roomRosterRead.access, principal),
  readRoomCalendar: admits(roomsCalendarRead.access, principal),
  manageRoomRoster: admits(roomStageManage.access, principal),
  moderateRoomMessages: false,
  createRoomMediaToken: admits(roomMediaTokenCreate.access, principal) && personOf(principal) !== undefined,
  postRoomMessage: false,
})

const POLICY = {
  removal:
    'Who was removed stays out: neither purchase, membership, invitation, public access nor administering lets in.',
  entitlements:
    'Nothing is sold here: purchases and memberships are recorded by administrators and automation, per room.',
  secretHandling:
    'Media setup and links are accepted and stored, never shown; tokens go to the person alone and are not kept.',
}
