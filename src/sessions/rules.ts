import { randomBytes } from 'node:crypto'
import { fail } from '../operation/errors.ts'

export const SESSION_STATUSES = [
  'active',
  'waiting-for-approval',
  'completed',
  'cancelled',
  'failed',
] as const
export type SessionStatus = (typeof SESSION_STATUSES)[number]

export const EVENT_TYPES = [
  'session.created',
  'message.appended',
  'tool.call.started',
  'tool.call.completed',
  'approval.requested',
  'approval.resolved',
  'session.completed',
  'session.cancelled',
] as const
export type EventType = (typeof EVENT_TYPES)[number]

export const APPROVAL_STATUSES = ['pending', 'approved', 'rejected', 'expired', 'voided', 'consumed'] as const
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number]

/** 90 minutes for people to decide: what the contract's sample approval has (08:00:20 to 09:30:00). */
export const DECISION_WINDOW_MS = 90 * 60_000
/** An approved plan that nobody executes within half an hour is void: its observed state is old by then. */
export const EXECUTION_WINDOW_MS = 30 * 60_000

export const isTerminal = (status: SessionStatus): boolean =>
  status === 'completed' || status === 'cancelled' || status === 'failed'

export const newId = (prefix: string): string => `${prefix}-${randomBytes(8).toString('hex')}`

export const auditCorrelationId = (sessionId: string): string =>
  `agent-session-audit-${sessionId.replace(/^agent-session-/, '')}`

/** Ids of events follow from their place in the log, so they need no column. */
export const eventId = (sessionId: string, sequence: number): string =>
  `run-event-${sessionId.replace(/^agent-session-/, '')}-${String(sequence).padStart(4, '0')}`

export const formatCursor = (sessionId: string, sequence: number): string => `${sessionId}:${sequence}`

/**
 * Where to go on reading: the sequence after which events are wanted.
 * Errors: `cursor-invalid` for another session's or a malformed cursor, `cursor-ahead` beyond the head,
 * `cursor-expired` (with `earliestCursor`) below the retention floor.
 */
export function readFrom(
  cursor: string | undefined,
  session: { id: string; lastSequence: number; floorSequence: number },
): number {
  if (cursor === undefined) return session.floorSequence
  const match = /^(.+):(\d{1,15})$/.exec(cursor)
  if (!match || match[1] !== session.id)
    fail('cursor-invalid', {
      detail: 'The cursor does not belong to this session.',
      errors: [{ pointer: '/cursor', message: `must read ${session.id}:<sequence>` }],
    })
  const sequence = Number(match[2])
  if (sequence > session.lastSequence)
    fail('cursor-ahead', {
      detail: 'The cursor is ahead of the log.',
      extra: { latestEventCursor: formatCursor(session.id, session.lastSequence) },
    })
  if (sequence < session.floorSequence)
    fail('cursor-expired', {
      detail: 'Events after this cursor were removed by retention.',
      extra: { earliestCursor: formatCursor(session.id, session.floorSequence) },
    })
  return sequence
}

/** Whether one more decision resolves an approval, and to what. One refusal ends it. */
export function outcomeOf(
  decisions: readonly { decision: 'approve' | 'reject' | 'expire' }[],
  needed: number,
): 'approved' | 'rejected' | 'expired' | undefined {
  if (decisions.some(({ decision }) => decision === 'reject')) return 'rejected'
  if (decisions.some(({ decision }) => decision === 'expire')) return 'expired'
  return decisions.length >= needed ? 'approved' : undefined
}
