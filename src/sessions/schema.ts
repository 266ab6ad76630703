import { z } from 'zod'
import { PlanSchema } from '../operation/plan.ts'
import { APPROVAL_STATUSES, EVENT_TYPES, SESSION_STATUSES } from './rules.ts'

const Instant = z.iso.datetime({ precision: 3 })

export const SessionId = z.string().min(1).max(120).describe('Agent session id')
export const ApprovalId = z.string().min(1).max(120).describe('Approval id')
export const Cursor = z.string().min(1).max(400)

export const Actor = z.strictObject({ kind: z.enum(['human', 'agent', 'system']), displayName: z.string() })

export const Correlation = z.strictObject({
  sessionId: z.string(),
  auditCorrelationId: z.string(),
  idempotencyKey: z.string().optional(),
  requestId: z.string().optional(),
})

/** The stored part of an event. Strict: an event with a field that is not listed here is refused, not stored. */
export const EventBody = z.strictObject({
  actor: Actor,
  summary: z.string().max(2000),
  target: z.strictObject({ surface: z.string(), operation: z.string(), contract: z.string() }).optional(),
  approval: z
    .strictObject({
      id: z.string(),
      status: z.enum(APPROVAL_STATUSES),
      confirmationText: z.string(),
      planDigest: z.string(),
      reason: z.string().optional(),
    })
    .optional(),
  toolCall: z
    .strictObject({
      id: z.string(),
      tool: z.string(),
      mode: z.enum(['read', 'preview', 'write', 'record']),
      outcome: z.enum(['started', 'succeeded', 'refused']),
      code: z.string().optional(),
      planDigest: z.string().optional(),
    })
    .optional(),
  outcome: z.enum(['completed', 'failed', 'cancelled']).optional(),
  correlation: Correlation,
  redactions: z.array(z.string()),
})
export type EventBody = z.infer<typeof EventBody>

/** `agent-session-event.v1`. `cursor` reads on after this event; it is also the SSE id. */
export const SessionEvent = z.object({
  id: z.string(),
  sessionId: z.string(),
  sequence: z.number().int(),
  cursor: z.string(),
  type: z.enum(EVENT_TYPES),
  occurredAt: Instant,
  ...EventBody.shape,
})

/** `agent-session-approval.v1`: what is asked of people. `url` is the first-party page to decide on. */
export const ApprovalSchema = z.object({
  id: z.string(),
  sessionId: z.string(),
  contract: z.string(),
  operationId: z.string(),
  targetSummary: z.string(),
  confirmationText: z.string(),
  planDigest: z.string(),
  status: z.enum(APPROVAL_STATUSES),
  reason: z.string(),
  approversNeeded: z.number().int(),
  approvals: z.array(z.object({ displayName: z.string(), decision: z.string(), decidedAt: Instant })),
  requestedBy: z.object({ kind: z.string(), displayName: z.string() }),
  requestedAt: Instant,
  expiresAt: Instant,
  executeBy: Instant.nullable(),
  executeWhenApproved: z.boolean().describe('The server applies the plan itself as soon as it is approved'),
  resolvedBy: z.string().nullable(),
  resolvedAt: Instant.nullable(),
  resolutionReason: z.string().nullable(),
  url: z.string(),
})

export const ApprovalWithPlan = ApprovalSchema.extend({ plan: PlanSchema })

/** `agent-session.v1`. */
export const SessionSchema = z.object({
  id: z.string(),
  title: z.string(),
  workflow: z.string(),
  status: z.enum(SESSION_STATUSES),
  principal: z.object({
    source: z.string(),
    role: z.string(),
    artistId: z.string(),
    communityId: z.string(),
    scopes: z.array(z.string()),
  }),
  community: z.object({
    id: z.string(),
    artistId: z.string(),
    displayName: z.string(),
    visibility: z.string(),
  }),
  requestedBy: z.object({ kind: z.string(), displayName: z.string() }),
  client: z.object({ id: z.string(), name: z.string(), kind: z.string() }),
  createdAt: Instant,
  updatedAt: Instant,
  pendingApprovals: z.array(ApprovalSchema),
  completedToolCalls: z.array(
    z.object({ id: z.string(), tool: z.string(), mode: z.string(), resultSummary: z.string() }),
  ),
  latestEventCursor: z.string(),
})

export const SessionSummary = SessionSchema.omit({ completedToolCalls: true, pendingApprovals: true }).extend(
  {
    pendingApprovals: z.number().int(),
  },
)
