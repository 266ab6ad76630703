import type { PlanBlocker, PlanChange } from '../operation/plan.ts'
import { slugId } from '../slug.ts'

export const EVENT_STATUSES = ['draft', 'scheduled', 'live', 'ended', 'cancelled'] as const
export type EventStatus = (typeof EVENT_STATUSES)[number]
export const NEXT_STATUSES = ['scheduled', 'live', 'ended', 'cancelled'] as const
export type NextStatus = (typeof NEXT_STATUSES)[number]
export const STREAM_PROVIDERS = ['none', 'cloudflare_stream', 'external_url'] as const
export type StreamProvider = (typeof STREAM_PROVIDERS)[number]

/** From where to where an event may go. `ended` is final; a cancelled one may be scheduled again. */
export const TRANSITIONS: Record<EventStatus, readonly NextStatus[]> = {
  draft: ['scheduled', 'live', 'cancelled'],
  scheduled: ['live', 'cancelled'],
  live: ['ended', 'cancelled'],
  cancelled: ['scheduled'],
  ended: [],
}

export type LiveEvent = {
  id: string
  title: string
  description: string | null
  status: EventStatus
  startsAt: Date | null
  endsAt: Date | null
  timeZone: string
  chatEnabled: boolean
  subscriberOnly: boolean
  communityChannelId: string | null
  streamProvider: StreamProvider
  streamUrl: string | null
  streamLiveInputId: string | null
  streamVideoId: string | null
  streamCustomerCode: string | null
  streamPlaybackUrl: string | null
  replayVideoId: string | null
  replayUrl: string | null
  replayPublishedAt: Date | null
  version: number
  createdAt: Date
  updatedAt: Date
}

/** Fields that leave only as booleans, whoever asks. */
export const REDACTED_FIELDS = [
  'streamUrl',
  'streamLiveInputId',
  'streamVideoId',
  'streamCustomerCode',
  'streamPlaybackUrl',
  'replayUrl',
] as const

/** Accepted and stored, never shown: provider values and links that let anybody in. */
export const SECRET_FIELDS = [...REDACTED_FIELDS, 'replayVideoId'] as const
export const isSecretField = (field: string): boolean => (SECRET_FIELDS as readonly string[]).includes(field)

/** An event with what its readiness and its manifest entry need: read in one statement. */
export type Room = LiveEvent & { stats: Stats; channelTitle: string | null }

export const NO_MESSAGES: Stats = {
  totalMessages: 0,
  visibleMessages: 0,
  flaggedMessages: 0,
  hiddenMessages: 0,
  pinnedMessages: 0,
}

export type Settable = Omit<LiveEvent, 'id' | 'status' | 'version' | 'createdAt' | 'updatedAt'>

export const DEFAULTS: Omit<Settable, 'title'> = {
  description: null,
  startsAt: null,
  endsAt: null,
  timeZone: 'UTC',
  chatEnabled: true,
  subscriberOnly: false,
  communityChannelId: null,
  streamProvider: 'none',
  streamUrl: null,
  streamLiveInputId: null,
  streamVideoId: null,
  streamCustomerCode: null,
  streamPlaybackUrl: null,
  replayVideoId: null,
  replayUrl: null,
  replayPublishedAt: null,
}
export const SETTABLE = ['title', ...Object.keys(DEFAULTS)] as (keyof Settable)[]

export const newEventId = (title: string): string => slugId(title, 'event')

/** What a field's value is compared and shown as. */
export const comparable = (value: unknown): unknown =>
  value instanceof Date ? value.toISOString() : (value ?? null)

/** What a live event's audit says was done, in the contract's words. */
export const AUDIT_ACTIONS = [
  'event_create',
  'event_update',
  'status_transition',
  'community_channel_link',
  'community_channel_unlink',
  'stream_setup_update',
  'live_note_moderate',
] as const
type AuditAction = (typeof AUDIT_ACTIONS)[number]
type Actions = readonly [AuditAction, ...AuditAction[]]

const isStreamSetup = ({ pointer }: PlanChange): boolean =>
  pointer.startsWith('/stream') || pointer.startsWith('/replay')
const isLink = ({ pointer }: PlanChange): boolean => pointer === '/communityChannelId'

/** Everything that a change of an event is, the foremost first. Another channel is unlinking one and linking one. */
export function updateActions(changes: readonly PlanChange[]): Actions {
  const actions: AuditAction[] = changes.some(isStreamSetup) ? ['stream_setup_update'] : []
  const link = changes.find(isLink)
  if (link && link.before !== null) actions.push('community_channel_unlink')
  if (link && link.after !== null) actions.push('community_channel_link')
  if (changes.some((change) => !isStreamSetup(change) && !isLink(change))) actions.push('event_update')
  const [first = 'event_update', ...rest] = actions
  return [first, ...rest]
}

/** Everything that creating an event is. */
export const createActions = (changes: readonly PlanChange[]): Actions => [
  'event_create',
  ...updateActions(changes).filter((action) => action !== 'event_update'),
]

/** The fields of `next` that differ from the event. Equal values are no change, whether sent or not. */
export function changedFields(before: Settable, next: Partial<Settable>): (keyof Settable)[] {
  return SETTABLE.filter(
    (field) => next[field] !== undefined && comparable(next[field]) !== comparable(before[field]),
  )
}

/** Why an event may not go to `next`; each refusal has its own code and lists what is allowed instead. */
export function transitionBlockers(
  event: Pick<LiveEvent, 'title' | 'status'>,
  next: NextStatus,
  ready: Readiness,
): PlanBlocker[] {
  const allowed = [...TRANSITIONS[event.status]]
  if (event.status === next)
    return [{ code: 'status-redundant', message: `${event.title} is ${next} already.`, allowed }]
  if (!allowed.includes(next)) {
    const rest = allowed.length > 0 ? `only to ${allowed.join(' or ')}` : 'to nothing: this is final'
    return [
      { code: 'status-forbidden', message: `${event.title} is ${event.status} and may go ${rest}.`, allowed },
    ]
  }
  if (next !== 'live' || ready.canStartBroadcast) return []
  const failing = ready.checks
    .filter((check) => check.required && check.status === 'fail')
    .map((check) => check.id)
  return [
    { code: 'status-not-ready', message: `Required readiness checks fail: ${failing.join(', ')}.`, allowed },
  ]
}

export type Stats = {
  totalMessages: number
  visibleMessages: number
  flaggedMessages: number
  hiddenMessages: number
  pinnedMessages: number
}

type Check = {
  id: string
  label: string
  status: 'pass' | 'warn' | 'fail'
  required: boolean
  message: string
}
export type Readiness = {
  state: 'ready' | 'needs-attention' | 'blocked'
  canStartBroadcast: boolean
  checks: Check[]
}

const check = (
  id: string,
  name: string,
  required: boolean,
  status: Check['status'],
  message: string,
): Check => ({
  id,
  label: name,
  status,
  required,
  message,
})

export const streamConfigured = (event: Settable): boolean =>
  event.streamProvider === 'external_url'
    ? event.streamUrl !== null
    : event.streamProvider === 'cloudflare_stream' &&
      (event.streamLiveInputId !== null || event.streamVideoId !== null)

/** The six checks before a broadcast. Only required ones that fail keep an event from going live. */
export function readiness(event: LiveEvent, stats: Pick<Stats, 'flaggedMessages'>): Readiness {
  const startable = event.status === 'live' || TRANSITIONS[event.status].includes('live')
  const flagged = stats.flaggedMessages
  const checks = [
    check(
      'status-startable',
      'Status allows a broadcast',
      true,
      startable ? 'pass' : 'fail',
      startable ? 'The event can go or stay live.' : `A ${event.status} event cannot go live.`,
    ),
    check(
      'starts-at-set',
      'Start time is set',
      false,
      event.startsAt ? 'pass' : 'warn',
      event.startsAt ? 'The start time is set.' : 'No start time is set.',
    ),
    streamCheck(event),
    check(
      'chat-open',
      'Live chat is open',
      false,
      event.chatEnabled ? 'pass' : 'warn',
      event.chatEnabled ? 'Live notes are on.' : 'Live notes are off.',
    ),
    check(
      'community-channel-linked',
      'A community channel is linked',
      false,
      event.communityChannelId ? 'pass' : 'warn',
      event.communityChannelId
        ? 'A persistent channel is linked.'
        : 'No persistent channel is linked; talk ends with the room.',
    ),
    check(
      'moderation-queue-clear',
      'No flagged notes wait',
      false,
      flagged === 0 ? 'pass' : 'warn',
      flagged === 0 ? 'No flagged notes wait.' : `${flagged} flagged notes wait for moderation.`,
    ),
  ]
  const failing = checks.some((each) => each.required && each.status === 'fail')
  const open = checks.some((each) => each.status !== 'pass')
  return {
    state: failing ? 'blocked' : open ? 'needs-attention' : 'ready',
    canStartBroadcast: !failing,
    checks,
  }
}

/** A text-first room needs no stream; a room that names a provider needs what that provider streams from. */
function streamCheck(event: LiveEvent): Check {
  const name = 'Stream source is configured'
  if (event.streamProvider === 'none')
    return check(
      'stream-configured',
      name,
      false,
      'warn',
      'No stream source; right for a text-first room, else set one up first.',
    )
  const configured = streamConfigured(event)
  return check(
    'stream-configured',
    name,
    true,
    configured ? 'pass' : 'fail',
    configured ? 'The stream source is set up.' : `${event.streamProvider} is chosen but not set up.`,
  )
}

/** Problems of a schedule that no confirmation can heal. */
export function scheduleBlockers(next: Settable, status: EventStatus): PlanBlocker[] {
  const blockers: PlanBlocker[] = []
  const block = (message: string) => blockers.push({ code: 'plan-blocked', message })
  if (next.startsAt && next.endsAt && next.endsAt <= next.startsAt) block('The end is not after the start.')
  if (status === 'scheduled' && !next.startsAt) block('A scheduled event needs a start time.')
  if (next.streamProvider === 'external_url' && !next.streamUrl)
    block('The provider external_url needs a streamUrl.')
  return blockers
}
