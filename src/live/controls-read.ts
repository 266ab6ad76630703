import { z } from 'zod'
import type { Principal } from '../access/principal.ts'
import { admits } from '../operation/admit.ts'
import { type Context, read } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import {
  DescriptorSchema,
  describe,
  PrincipalSchema,
  presentPrincipal,
  SurfaceSchema,
  surfaceOf,
} from '../operation/manifest.ts'
import { LIVE_CONTRACT_ONLY } from './contract-only.ts'
import { eventsStatusConfirmedUpdate } from './events-status-confirmed-update.ts'
import { SchedulePolicy, schedulePolicy, TransitionPolicy, transitionPolicy } from './policies.ts'
import { EVENT_STATUSES, type EventStatus, REDACTED_FIELDS } from './rules.ts'
import { EventId, EventSchema } from './schema.ts'
import { listRecentMessages, listRooms, type MessageRow } from './store.ts'
import { type EventView, presentEvent } from './view.ts'

/** What a manifest shows of a room's talk; the log itself has an endpoint of its own. */
const RECENT_MESSAGES = 20

const Message = z.object({
  id: z.string(),
  eventId: z.string(),
  displayName: z.string(),
  body: z.string(),
  status: z.enum(['visible', 'hidden', 'flagged']),
  pinned: z.boolean(),
  createdAt: z.string(),
})

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
      recentMessages: z.array(Message),
      redactedFields: z.array(z.string()),
    }),
    embeddedRooms: z.object({ rooms: z.array(z.never()), relationship: z.string() }),
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
    const moderates = seesDrafts(ctx.principal)
    const events = await visibleEvents(ctx, moderates)
    if (eventId && !events.some(({ id }) => id === eventId))
      fail('not-found', `There is no event ${eventId}.`)
    const focus = focusOf(events, eventId)
    const statuses: MessageRow['status'][] = moderates
      ? ['visible', 'flagged', 'hidden']
      : ['visible', 'flagged']
    const messages = focus
      ? await listRecentMessages(ctx.db, ctx.org, focus.id, statuses, RECENT_MESSAGES)
      : []
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
        recentMessages: messages.map(({ createdAt, ...message }) => ({
          ...message,
          createdAt: createdAt.toISOString(),
        })),
        redactedFields: [...REDACTED_FIELDS, 'listenerUserId', 'socketToken'],
      },
      embeddedRooms: {
        rooms: [],
        relationship:
          'Live events hold schedule, stream state and notes; embedded rooms hold who attends and who is on stage.',
      },
      liveSchedulePolicy: schedulePolicy(ctx),
      liveTransitionPolicy: transitionPolicy(ctx),
      operations: contractOrder([
        ...ctx.deps.operations.filter(({ surface }) => surface === 'live-controls'),
        ...LIVE_CONTRACT_ONLY,
      ]).map((operation) => describe(operation, ctx.call.origin, ctx.principal)),
      policy: POLICY,
      serverGaps: GAPS,
    }
  },
})

/** Drafts and cancelled events are for those who administer, with the scope where it is a credential. */
const seesDrafts = (principal: Principal): boolean =>
  admits({ auth: 'artist-admin-or-approved-automation', scope: 'live:read' }, principal)

const PUBLIC: readonly EventStatus[] = ['scheduled', 'live', 'ended']

async function visibleEvents(ctx: Context, moderates: boolean): Promise<EventView[]> {
  const rooms = await listRooms(ctx.db, ctx.org, moderates ? EVENT_STATUSES : PUBLIC)
  return rooms.map((room) => presentEvent(room, moderates))
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
    readLiveControls: seesDrafts(principal),
    scheduleLiveRoom: writes,
    startLiveRoom: writes,
    endLiveRoom: writes,
    linkCommunityChannel: false,
    manageStageAccess: false,
    moderateLiveChat: false,
    postLiveMessage: false,
    createSocketToken: false,
  }
}

/** The contract's own order, which clients show; ours is sorted by where it stands in the list below. */
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
  [...operations].sort((a, b) => ORDER.indexOf(a.id) - ORDER.indexOf(b.id))

const POLICY = {
  writeConfirmation:
    'Every write is previewed, then confirmed with the exact text or approved by a person as the exact plan.',
  attribution: 'Writes carry the admin, automation or grant that made them, and the client it used.',
  secretHandling:
    'Stream values, provider codes, tokens and private links are accepted and stored, never shown or logged.',
}

const GAPS = [
  {
    id: 'live-rooms.admin-chat-and-stage',
    relatedIssue: null,
    status: 'contract-only',
    note: 'Operations marked contract-only are described and not built in this release.',
  },
  {
    id: 'live-schedule.push-delivery',
    relatedIssue: null,
    status: 'needs-configuration',
    note: 'Followers are told in their inbox; pushes go out where the operator has set credentials of APNs or FCM, and are recorded as provider-not-configured where not. Mail is not sent.',
  },
]
