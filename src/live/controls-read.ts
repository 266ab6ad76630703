import { z } from 'zod'
import type { Principal } from '../access/principal.ts'
import { roomStageManage } from '../embedded/room-stage-manage.ts'
import { RoomSchema } from '../embedded/schema.ts'
import { seenRooms, shownRooms } from '../embedded/seen.ts'
import { admits } from '../operation/admit.ts'
import { type Context, read } from '../operation/define.ts'
import { ENVELOPE_CONTRACT } from '../operation/envelope.ts'
import { fail } from '../operation/errors.ts'
import {
  DescriptorSchema,
  describe,
  PrincipalSchema,
  presentPrincipal,
  SurfaceSchema,
  surfaceOf,
} from '../operation/manifest.ts'
import { chatMessagesPost } from './chat-messages-post.ts'
import { communityChannelLink } from './community-channel-link.ts'
import { eventsStatusConfirmedUpdate } from './events-status-confirmed-update.ts'
import { SchedulePolicy, schedulePolicy, TransitionPolicy, transitionPolicy } from './policies.ts'
import { enters, moderates, seesEverything } from './room/entry.ts'
import { MESSAGE_STATUSES } from './room/rules.ts'
import { MessageSchema } from './room/schema.ts'
import { listMessages, type MessageRow } from './room/store.ts'
import { presentMessage } from './room/view.ts'
import { EVENT_STATUSES, type EventStatus, REDACTED_FIELDS } from './rules.ts'
import { EventId, EventSchema } from './schema.ts'
import { listRooms } from './store.ts'
import { type EventView, presentEvent } from './view.ts'

/** What a manifest shows of a room's talk; the log itself has an endpoint of its own. */
const RECENT_MESSAGES = 20

export const controlsRead = read({
  id: 'live.controls.read',
  tool: 'live_controls_read',
  surface: 'live-controls',
  summary: 'Read live rooms, their readiness, and every live operation with what this caller may do.',
  boundaries: [
    'Shows no stream value, provider id, token or private link, to nobody.',
    'Guests and listeners see public events; drafts and cancelled ones are for those who administer.',
  ],
  http: { method: 'GET', path: '/api/agent/live-controls' },
  access: { auth: 'optional-session' },
  input: z.strictObject({ eventId: EventId.optional().describe('Event to focus on') }),
  output: z.object({
    ok: z.literal(true),
    version: z.literal('agent-live-controls.v1'),
    generatedAt: z.string(),
    surface: SurfaceSchema,
    principal: PrincipalSchema,
    focusEventId: z.string().nullable(),
    live: z.object({
      events: z.array(EventSchema),
      readinessSummary: z
        .object({
          eventId: z.string(),
          state: z.string(),
          canStartBroadcast: z.boolean(),
          recommendation: z.string(),
        })
        .nullable(),
      recentMessages: z.array(MessageSchema),
      redactedFields: z.array(z.string()),
    }),
    embeddedRooms: z.object({ rooms: z.array(RoomSchema), relationship: z.string() }),
    liveSchedulePolicy: SchedulePolicy,
    liveTransitionPolicy: TransitionPolicy,
    operations: z.array(DescriptorSchema),
    policy: z.object({ writeConfirmation: z.string(), attribution: z.string(), secretHandling: z.string() }),
    serverGaps: z.array(
      z.object({ id: z.string(), relatedIssue: z.number().nullable(), status: z.string(), note: z.string() }),
    ),
  }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing; admins see more of the state, never its secrets.' },
  resource: { uri: 'fanful://agent/live-controls/manifest', title: 'Live controls manifest' },
  async run(ctx, { eventId }) {
    const sees = seesEverything(ctx.principal)
    const events = await visibleEvents(ctx, sees)
    if (eventId && !events.some(({ id }) => id === eventId))
      fail('not-found', `There is no event ${eventId}.`)
    const focus = focusOf(events, eventId)
    const messages = focus ? await recentMessages(ctx, focus, sees) : []
    return {
      ok: true as const,
      version: 'agent-live-controls.v1' as const,
      generatedAt: ctx.now.toISOString(),
      surface: surfaceOf('live-controls', ctx.org),
      principal: presentPrincipal(ctx.principal, capabilities(ctx.principal)),
      focusEventId: eventId ?? null,
      live: {
        events,
        readinessSummary: focus ? summarise(focus) : null,
        recentMessages: messages.map((row) => presentMessage(row, sees)),
        redactedFields: [...REDACTED_FIELDS, 'listenerUserId', 'socketToken'],
      },
      embeddedRooms: {
        rooms: await shownRooms(ctx, await seenRooms(ctx, { cancelled: false })),
        relationship:
          'Live events hold schedule, stream state and notes; embedded rooms hold who attends and who is on stage.',
      },
      liveSchedulePolicy: schedulePolicy(ctx),
      liveTransitionPolicy: transitionPolicy(ctx),
      operations: contractOrder(
        // the stage of a webinar is both surfaces' matter
        ctx.deps.operations.filter(
          ({ surface, id }) => surface === 'live-controls' || id === roomStageManage.id,
        ),
      ).map((operation) => inContractForm(describe(operation, ctx.call.origin, ctx.principal))),
      policy: POLICY,
      serverGaps: GAPS,
    }
  },
})

const PUBLIC: readonly EventStatus[] = ['scheduled', 'live', 'ended']

async function visibleEvents(ctx: Context, moderates: boolean): Promise<EventView[]> {
  const rooms = await listRooms(ctx.db, ctx.org, moderates ? EVENT_STATUSES : PUBLIC)
  return rooms.map((room) => presentEvent(room, moderates))
}

/** The newest notes, oldest first; hidden ones for those who administer, none for who may not enter the room. */
async function recentMessages(ctx: Context, focus: EventView, moderates: boolean): Promise<MessageRow[]> {
  if (!moderates && !(await enters(ctx, focus.id))) return []
  const statuses = moderates ? MESSAGE_STATUSES : MESSAGE_STATUSES.filter((status) => status !== 'hidden')
  return listMessages(ctx.db, ctx.org, focus.id, { statuses, limit: RECENT_MESSAGES })
}

/** The event asked for, else the one that is live, else the next scheduled one. */
function focusOf(events: readonly EventView[], eventId: string | undefined): EventView | undefined {
  if (eventId) return events.find(({ id }) => id === eventId)
  return (
    events.find(({ status }) => status === 'live') ??
    events.filter(({ status }) => status === 'scheduled').at(-1)
  )
}

const summarise = (event: EventView) => ({
  eventId: event.id,
  state: event.readiness.state,
  canStartBroadcast: event.readiness.canStartBroadcast,
  recommendation:
    event.readiness.state === 'ready'
      ? 'Everything is ready; preview the status change before confirming it.'
      : 'Look at the checks that do not pass before confirming a change.',
})

function capabilities(principal: Principal): Record<string, boolean> {
  const writes = admits(eventsStatusConfirmedUpdate.access, principal)
  return {
    readPublicLiveRoom: true,
    readLiveControls: seesEverything(principal),
    scheduleLiveRoom: writes,
    startLiveRoom: writes,
    endLiveRoom: writes,
    linkCommunityChannel: admits(communityChannelLink.access, principal),
    manageStageAccess: admits(roomStageManage.access, principal),
    moderateLiveChat: moderates(principal),
    postLiveMessage: admits(chatMessagesPost.access, principal),
    createSocketToken: true,
  }
}

/** Of the stage the contract names only the envelope's form; the manifest of embedded rooms says what it must hold. */
const inContractForm = (described: z.infer<typeof DescriptorSchema>): z.infer<typeof DescriptorSchema> =>
  described.id === roomStageManage.id
    ? { ...described, input: { ...described.input, envelope: { type: ENVELOPE_CONTRACT, required: true } } }
    : described

/** The contract's own order, which clients show. */
const ORDER = [
  'live.controls.read',
  'live.events.schedule',
  'live.events.schedule.preview',
  'live.events.schedule.confirmed-create',
  'live.events.schedule.confirmed-update',
  'live.events.status.preview',
  'live.events.status.confirmed-update',
  'live.events.status.update',
  'live.events.audit.read',
  'live.community-channel.link',
  'live.chat.messages.read',
  'live.chat.messages.post',
  'live.chat.moderation.manage',
  'live.socket-token.create',
  'embedded.room.stage.manage',
]
const contractOrder = <T extends { id: string }>(operations: readonly T[]): T[] =>
  [...operations].sort((a, b) => placeOf(a.id) - placeOf(b.id))
/** Ours come after the contract's own. */
const placeOf = (id: string): number => (ORDER.includes(id) ? ORDER.indexOf(id) : ORDER.length)

const POLICY = {
  writeConfirmation:
    'Every write is previewed, then confirmed with the exact text or approved by a person as the exact plan.',
  attribution: 'Writes carry the admin, automation or grant that made them, and the client it used.',
  secretHandling:
    'Stream values, provider codes, tokens and private links are accepted and stored, never shown or logged.',
}

const GAPS = [
  {
    id: 'embedded-room.stage-audit-log',
    relatedIssue: null,
    status: 'ready',
    note: 'Roster writes are recorded with before and after in the one audit log, beside those of live events.',
  },
  {
    id: 'live-schedule.push-delivery',
    relatedIssue: null,
    status: 'needs-configuration',
    note: 'Followers are told in their inbox; pushes go out where the operator has set credentials of APNs or FCM, and are recorded as provider-not-configured where not. Mail is not sent.',
  },
]
