import { z } from 'zod'
import { type Context, type Operation, read } from '../operation/define.ts'
import {
  DescriptorSchema,
  describe,
  EndpointSchema,
  endpoint,
  SurfaceSchema,
  surfaceOf,
} from '../operation/manifest.ts'
import { APPROVAL_STATUSES, EVENT_TYPES, SESSION_STATUSES } from './rules.ts'
import { SAMPLE_IDS, sampleSession } from './samples.ts'
import { SessionEvent, SessionSchema } from './schema.ts'

const Texts = z.array(z.string())

export const manifestRead = read({
  id: 'sessions.manifest.read',
  tool: 'agent_sessions_manifest_read',
  surface: 'agent-sessions',
  summary: 'Read what agent sessions are, their contracts, endpoints and samples.',
  boundaries: ['Samples are marked as samples; no real session appears here.'],
  http: { method: 'GET', path: '/api/agent/sessions' },
  access: { auth: 'guest' },
  input: z.strictObject({}),
  output: z.object({
    ok: z.literal(true),
    version: z.literal('agent-sessions.v1'),
    generatedAt: z.string(),
    surface: SurfaceSchema.extend({ storageRuntimeReady: z.boolean() }),
    currentStatus: z.object({
      contract: z.string(),
      storage: z.string(),
      eventStream: z.string(),
      eventLog: z.string(),
      summary: z.string(),
    }),
    whenToUse: z.object({
      agentSessions: z.string(),
      workflowTriggers: z.string(),
      statelessMcp: z.string(),
    }),
    endpoints: z.record(z.string(), EndpointSchema),
    sessionContract: z.object({
      contract: z.string(),
      requiredFields: Texts,
      statuses: Texts,
      principalPolicy: z.string(),
    }),
    eventContract: z.object({
      contract: z.string(),
      requiredFields: Texts,
      eventTypes: Texts,
      cursorPolicy: z.string(),
      redactionPolicy: z.string(),
    }),
    eventLogContract: z.object({
      contract: z.string(),
      endpointTemplate: z.string(),
      cursorQuery: z.string(),
      currentStorage: z.string(),
      durableStorage: z.string(),
      streamTransport: z.string(),
      replayRule: z.string(),
    }),
    approvalContract: z.object({
      contract: z.string(),
      requiredFields: Texts,
      resolutionFields: Texts,
      statuses: Texts,
      writeRule: z.string(),
    }),
    migrationPath: Texts,
    sampleEventLogEndpoints: Texts,
    sampleSessions: z.array(SessionSchema.extend({ sample: z.literal(true), events: z.array(SessionEvent) })),
    operations: z.array(DescriptorSchema),
    agentClientGuidance: Texts,
  }),
  errors: ['not-found'],
  ownEvents: true,
  audit: { none: 'A read changes nothing.' },
  resource: { uri: 'fanful://agent/agent-sessions/manifest', title: 'Agent sessions manifest' },
  async run(ctx) {
    const { origin } = ctx.call
    const eventsUrl = (id: string) => `${origin}/api/agent/sessions/${id}/events`
    return {
      ok: true as const,
      version: 'agent-sessions.v1' as const,
      generatedAt: ctx.now.toISOString(),
      surface: { ...surfaceOf('agent-sessions', ctx.org), storageRuntimeReady: true },
      currentStatus: {
        contract: 'manifest-ready',
        storage: 'durable',
        eventStream: 'available',
        eventLog: 'durable-readback-ready',
        summary:
          'Sessions, events and approvals are stored durably; events are replayed by cursor and followed as server-sent events.',
      },
      whenToUse: WHEN_TO_USE,
      endpoints: endpointsOf(ctx),
      sessionContract: {
        contract: 'agent-session.v1',
        requiredFields: SESSION_FIELDS,
        statuses: [...SESSION_STATUSES],
        principalPolicy:
          'The principal is resolved from the sign-in or the grant. Nothing in a body names it, and no credential or user id is ever a session field.',
      },
      eventContract: {
        contract: 'agent-session-event.v1',
        requiredFields: EVENT_FIELDS,
        eventTypes: [...EVENT_TYPES],
        cursorPolicy:
          'Sequences grow by one without gaps, in commit order. A cursor reads <sessionId>:<sequence>.',
        redactionPolicy:
          'Events carry summaries, public ids and contract ids. An event with any other field is refused, not stored.',
      },
      eventLogContract: {
        contract: 'agent-session-events.v1',
        endpointTemplate: eventsUrl('{sessionId}'),
        cursorQuery: 'cursor',
        currentStorage: 'durable-event-log',
        durableStorage: 'available',
        streamTransport: 'server-sent-events',
        replayRule:
          'Pass the last cursor you saw, as cursor or Last-Event-ID. Another session’s cursor is 400, one beyond the head 409, one below retention 410 with earliestCursor.',
      },
      approvalContract: {
        contract: 'agent-session-approval.v1',
        requiredFields: APPROVAL_FIELDS,
        resolutionFields: ['resolvedBy', 'resolvedAt', 'resolutionReason'],
        statuses: [...APPROVAL_STATUSES],
        writeRule:
          'An approval executes nothing. The write names it in its envelope with the plan digest, and applies exactly the stored plan, once.',
      },
      migrationPath: [
        'Use stateless tools for one-shot reads and previews.',
        'Open a session for work of several steps, or before asking for an approval.',
        'Try a parser on the sample logs; real logs have the same form.',
      ],
      sampleEventLogEndpoints: SAMPLE_IDS.map(eventsUrl),
      sampleSessions: SAMPLE_IDS.map((id) => sampleOf(ctx, id)),
      operations: ctx.deps.operations
        .filter(({ surface }) => surface === 'agent-sessions')
        .map((operation) => describe(operation, origin, ctx.principal)),
      agentClientGuidance: GUIDANCE,
    }
  },
})

function sampleOf(ctx: Context, id: string) {
  const { session, events } = sampleSession(ctx.org, ctx.call.origin, id)!
  return { ...session, sample: true as const, events }
}

/** The contract's names for its endpoints, and ours beside them. */
const ENDPOINTS: Record<string, string> = {
  manifest: 'sessions.manifest.read',
  createSession: 'sessions.create',
  readSession: 'sessions.read',
  listSessions: 'sessions.list',
  appendMessage: 'sessions.messages.append',
  readEvents: 'sessions.events.read',
  requestApproval: 'sessions.approvals.request',
  readApproval: 'sessions.approvals.read',
  resolveApproval: 'sessions.approvals.resolve',
  completeSession: 'sessions.complete',
  cancelSession: 'sessions.cancel',
}

function endpointsOf(ctx: Context): Record<string, z.infer<typeof EndpointSchema>> {
  const byId = new Map<string, Operation>(ctx.deps.operations.map((operation) => [operation.id, operation]))
  return Object.fromEntries(
    Object.entries(ENDPOINTS).flatMap(([name, id]) => {
      const operation = byId.get(id)
      return operation
        ? [
            [
              name,
              endpoint(ctx.call.origin, operation.http, operation.access, operation.summary, {
                status: 'available',
              }),
            ],
          ]
        : []
    }),
  )
}

const WHEN_TO_USE = {
  agentSessions:
    'For work of more than one call, for anything a person must approve, and for runs that somebody will want to look at afterwards.',
  workflowTriggers:
    'A trigger wakes an agent. The agent then opens or resumes a session before it previews or asks for anything.',
  statelessMcp: 'For one-shot reads that need no history, no approval and no replay.',
}

const SESSION_FIELDS = [
  'id',
  'status',
  'workflow',
  'principal',
  'client',
  'community',
  'requestedBy',
  'createdAt',
  'updatedAt',
  'pendingApprovals',
  'completedToolCalls',
  'latestEventCursor',
]
const EVENT_FIELDS = [
  'id',
  'sessionId',
  'sequence',
  'type',
  'occurredAt',
  'actor',
  'summary',
  'correlation',
  'redactions',
]
const APPROVAL_FIELDS = [
  'id',
  'sessionId',
  'contract',
  'targetSummary',
  'confirmationText',
  'status',
  'requestedAt',
  'expiresAt',
]

const GUIDANCE = [
  'Open the session before asking for an approval that may outlive the chat turn.',
  'Send the session id with each call (Agent-Session-Id, or _meta["dev.countersign/session"] in MCP) so that it is recorded.',
  'Preview, request the approval with the preview’s planDigest, and follow the event log until it is resolved.',
  'Read the state again right before a confirmed write; a stale one is refused with a fresh plan.',
  'Complete or cancel a session; what waits is then voided rather than forgotten.',
]
