import type { Principal } from '../access/principal.ts'
import { communityId, communityName } from '../access/principal.ts'
import type { Context } from '../operation/define.ts'
import { effectiveStatus } from './approvals.ts'
import { eventId, formatCursor } from './rules.ts'
import type { ApprovalRow, EventRow, SessionRow } from './store.ts'

/** The first-party page on which people decide. It names the organisation, since a person may belong to several. */
export const approvalUrl = (origin: string, org: string, sessionId: string, approvalId: string): string =>
  `${origin}/approvals/${encodeURIComponent(sessionId)}/${encodeURIComponent(approvalId)}?artistId=${encodeURIComponent(org)}`

export const presentEvent = (sessionId: string, row: EventRow) => ({
  ...row.body,
  id: eventId(sessionId, row.sequence),
  sessionId,
  sequence: row.sequence,
  cursor: formatCursor(sessionId, row.sequence),
  type: row.type,
  occurredAt: row.occurredAt.toISOString(),
})

export const presentApproval = (
  { org, call, now }: Pick<Context, 'org' | 'call' | 'now'>,
  row: ApprovalRow,
) => ({
  id: row.id,
  sessionId: row.sessionId,
  contract: row.plan.action,
  operationId: row.operationId,
  targetSummary: row.plan.targetSummary,
  confirmationText: row.plan.confirmationText,
  planDigest: row.planDigest,
  status: effectiveStatus(row, now),
  reason: row.reason,
  approversNeeded: row.approversNeeded,
  approvals: row.decisions.map(({ displayName, decision, decidedAt }) => ({
    displayName,
    decision,
    decidedAt: new Date(decidedAt).toISOString(),
  })),
  requestedBy: row.requestedBy,
  requestedAt: row.requestedAt.toISOString(),
  expiresAt: row.expiresAt.toISOString(),
  executeBy: row.executeBy?.toISOString() ?? null,
  executeWhenApproved: row.executeWhenApproved,
  resolvedBy: row.resolvedBy,
  resolvedAt: row.resolvedAt?.toISOString() ?? null,
  resolutionReason: row.resolutionReason,
  url: approvalUrl(call.origin, org, row.sessionId, row.id),
})

export const presentHead = (org: string, row: SessionRow) => ({
  id: row.id,
  title: row.title,
  workflow: row.workflow,
  status: row.status,
  principal: { ...row.principal, artistId: org, communityId: communityId(org) },
  community: { id: communityId(org), artistId: org, displayName: communityName(org), visibility: 'public' },
  requestedBy: row.requestedBy,
  client: row.client,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
  latestEventCursor: formatCursor(row.id, row.lastSequence),
})

/** How a principal is written into a session: as a kind and a name, never as an id. */
export const presentRequester = (principal: Principal) => ({
  kind: principal.kind === 'automation' ? 'automation' : principal.role,
  displayName: principal.displayName,
})
