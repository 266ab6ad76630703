import type { z } from 'zod'
import { communityId, communityName } from '../access/principal.ts'
import { approvalUrl } from './present.ts'
import type { EventType, SessionStatus } from './rules.ts'
import type { EventBody, SessionEvent, SessionSchema } from './schema.ts'

type Served = z.input<typeof SessionEvent>
type Sample = {
  head: { id: string; status: SessionStatus; lastSequence: number; floorSequence: number }
  session: z.input<typeof SessionSchema>
  events: Served[]
}

type Step = [number, EventType, EventBody['actor'], string, Partial<EventBody>, string[]]

const START = Date.parse('2026-05-16T08:00:00.000Z')
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString()

const agent = { kind: 'agent', displayName: 'Agent Experience' } as const
const preview = { kind: 'agent', displayName: 'Fanful ChatGPT preview' } as const

const CREATOR_LIVE = 'agent-session-creator-live-0001'
const LISTENER_SUPPORT = 'agent-session-listener-support-0001'
export const SAMPLE_IDS = [CREATOR_LIVE, LISTENER_SUPPORT] as const

const CONFIRMATION = 'I confirm updating Laurel Studio Room to 7:30 PM.'
const MOVE = 'Move Laurel Studio Room from 7:00 PM to 7:30 PM.'
/** A made-up digest of the right shape: samples name no plan that could be executed. */
const SAMPLE_DIGEST = '0'.repeat(64)

function events(id: string, correlationId: string, steps: readonly Step[]): Served[] {
  const stem = id.replace('agent-session-', '').split('-')[0]
  return steps.map(([seconds, type, actor, summary, extra, redactions], index) => ({
    id: `run-event-${stem}-${String(index + 1).padStart(4, '0')}`,
    sessionId: id,
    sequence: index + 1,
    cursor: `${id}:${index + 1}`,
    type,
    occurredAt: at(seconds),
    actor,
    summary,
    ...extra,
    correlation: { sessionId: id, auditCorrelationId: correlationId, ...extra.correlation },
    redactions,
  }))
}

function creatorLive(org: string, origin: string): Sample {
  const correlationId = 'agent-session-audit-live-schedule-0001'
  const log = events(CREATOR_LIVE, correlationId, [
    [
      0,
      'session.created',
      { kind: 'human', displayName: 'Laurel admin' },
      'A creator opened a run to move a live room.',
      {},
      ['user ids', 'grant ids'],
    ],
    [
      8,
      'tool.call.completed',
      agent,
      'Read the room’s readiness and schedule.',
      {
        target: {
          surface: 'live-readiness',
          operation: 'fanful_live_readiness_read',
          contract: 'agent-live-readiness.v1',
        },
      },
      ['stream keys', 'invite tokens'],
    ],
    [
      20,
      'approval.requested',
      agent,
      'Asked a person for the exact confirmation.',
      {
        target: {
          surface: 'live-controls',
          operation: 'fanful_creator_live_schedule_update',
          contract: 'creator.live.schedule.update',
        },
        approval: {
          id: 'approval-live-schedule-update-0001',
          status: 'pending',
          confirmationText: CONFIRMATION,
          planDigest: SAMPLE_DIGEST,
        },
        correlation: {
          idempotencyKey: 'agent-session-live-schedule-update-0001',
        } as EventBody['correlation'],
      },
      ['admin tokens', 'provider ids', 'media URLs'],
    ],
  ])
  return sample(org, log, {
    id: CREATOR_LIVE,
    title: 'Prepare a live room schedule update',
    workflow: 'creator.live.schedule-update',
    status: 'waiting-for-approval',
    principal: {
      source: 'scoped-agent-grant',
      role: 'creator',
      scopes: [`creator:${org}:live:read`, `creator:${org}:live:write`],
    },
    requestedBy: { kind: 'creator', displayName: 'Laurel admin' },
    client: { id: 'client-codex-agent-experience', name: 'Agent Experience', kind: 'codex' },
    pendingApprovals: [
      {
        id: 'approval-live-schedule-update-0001',
        sessionId: CREATOR_LIVE,
        contract: 'creator.live.schedule.update',
        operationId: 'live.events.schedule.confirmed-update',
        targetSummary: MOVE,
        confirmationText: CONFIRMATION,
        planDigest: SAMPLE_DIGEST,
        status: 'pending',
        reason: 'The guest arrives later.',
        approversNeeded: 1,
        approvals: [],
        requestedBy: { kind: 'creator', displayName: 'Agent Experience' },
        requestedAt: at(20),
        expiresAt: '2026-05-16T09:30:00.000Z',
        executeBy: null,
        executeWhenApproved: false,
        resolvedBy: null,
        resolvedAt: null,
        resolutionReason: null,
        url: approvalUrl(origin, org, CREATOR_LIVE, 'approval-live-schedule-update-0001'),
      },
    ],
    completedToolCalls: [
      {
        id: 'tool-call-live-readiness-0001',
        tool: 'fanful_live_readiness_read',
        mode: 'read',
        resultSummary: 'The room is scheduled.',
      },
      {
        id: 'tool-call-live-schedule-preview-0001',
        tool: 'fanful_live_schedule_preview',
        mode: 'preview',
        resultSummary: 'The preview has no blockers.',
      },
    ],
  })
}

function listenerSupport(org: string): Sample {
  const correlationId = 'agent-session-audit-support-checkout-0001'
  const from = 300
  const log = events(LISTENER_SUPPORT, correlationId, [
    [
      from,
      'session.created',
      { kind: 'human', displayName: 'Signed-in listener' },
      'A listener asked how to support the room.',
      {},
      ['user ids', 'email addresses'],
    ],
    [
      from + 4,
      'tool.call.completed',
      preview,
      'Read whether checkout is possible; started none.',
      {
        target: {
          surface: 'listener-experience',
          operation: 'fanful_listener_live_support_preview',
          contract: 'fanful.live-support-readiness.v1',
        },
      },
      ['payment ids'],
    ],
    [
      from + 10,
      'message.appended',
      preview,
      'Said that checkout needs the listener’s own confirmation.',
      {},
      ['message bodies', 'device ids'],
    ],
    [
      from + 12,
      'session.completed',
      { kind: 'system', displayName: 'Countersign' },
      'Closed without starting a checkout.',
      { outcome: 'completed' },
      ['payment ids'],
    ],
  ])
  return sample(org, log, {
    id: LISTENER_SUPPORT,
    title: 'Check support checkout readiness',
    workflow: 'listener.support.checkout-preview',
    status: 'completed',
    principal: {
      source: 'first-party-session',
      role: 'listener',
      scopes: ['listener:profile:read', 'listener:checkout:preview'],
    },
    requestedBy: { kind: 'listener', displayName: 'Signed-in listener' },
    client: { id: 'client-chatgpt-fanful-preview', name: 'Fanful ChatGPT preview', kind: 'chatgpt-app' },
    pendingApprovals: [],
    completedToolCalls: [
      {
        id: 'tool-call-support-preview-0001',
        tool: 'fanful_listener_live_support_preview',
        mode: 'preview',
        resultSummary: 'Support is possible; checkout needs the listener’s confirmation.',
      },
    ],
  })
}

type Described = Omit<
  Sample['session'],
  'principal' | 'community' | 'createdAt' | 'updatedAt' | 'latestEventCursor'
> & {
  principal: { source: string; role: string; scopes: string[] }
}

function sample(org: string, log: Served[], described: Described): Sample {
  const last = log.length
  return {
    head: { id: described.id, status: described.status, lastSequence: last, floorSequence: 0 },
    events: log,
    session: {
      ...described,
      principal: { ...described.principal, artistId: org, communityId: communityId(org) },
      community: {
        id: communityId(org),
        artistId: org,
        displayName: communityName(org),
        visibility: 'public',
      },
      createdAt: log[0]?.occurredAt as string,
      updatedAt: log.at(-1)?.occurredAt as string,
      latestEventCursor: `${described.id}:${last}`,
    },
  }
}

/** The contract's two sample runs, for clients that want to try their parser; undefined for any other id. */
export function sampleSession(org: string, origin: string, id: string): Sample | undefined {
  if (id === CREATOR_LIVE) return creatorLive(org, origin)
  if (id === LISTENER_SUPPORT) return listenerSupport(org)
  return undefined
}
