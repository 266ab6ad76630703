import sql, { empty, join, type Sql } from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'
import type { Plan } from '../operation/plan.ts'
import type { ApprovalStatus, EventType, SessionStatus } from './rules.ts'
import type { EventBody } from './schema.ts'

export type SessionRow = {
  id: string
  title: string
  workflow: string
  status: SessionStatus
  principal: { source: string; role: string; scopes: string[] }
  requestedBy: { kind: string; displayName: string }
  client: { id: string; name: string; kind: string }
  principalId: string
  userId: string | null
  createdAt: Date
  updatedAt: Date
  lastSequence: number
  floorSequence: number
}

const sessionColumns = sql`id, title, workflow, status, principal, requested_by AS "requestedBy", client,
  principal_id AS "principalId", user_id AS "userId", created_at AS "createdAt", updated_at AS "updatedAt",
  last_sequence AS "lastSequence", floor_sequence AS "floorSequence"`

export type NewSession = Pick<
  SessionRow,
  | 'id'
  | 'title'
  | 'workflow'
  | 'principal'
  | 'requestedBy'
  | 'client'
  | 'principalId'
  | 'userId'
  | 'createdAt'
>

export async function insertSession(db: Queryable, org: string, row: NewSession): Promise<void> {
  await db.query(sql`
    INSERT INTO agent_sessions (org, id, title, workflow, status, principal, requested_by, client, principal_id, user_id,
                                created_at, updated_at)
    VALUES (${org}, ${row.id}, ${row.title}, ${row.workflow}, 'active', ${JSON.stringify(row.principal)},
            ${JSON.stringify(row.requestedBy)}, ${JSON.stringify(row.client)}, ${row.principalId}, ${row.userId},
            ${row.createdAt}, ${row.createdAt})`)
}

export async function findSession(
  db: Queryable,
  org: string,
  id: string,
  lock = false,
): Promise<SessionRow | undefined> {
  const [row] = await db.query<SessionRow>(sql`
    SELECT ${sessionColumns} FROM agent_sessions WHERE org = ${org} AND id = ${id} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

export type NewEvent = { type: EventType; occurredAt: Date; body: EventBody }

/**
 * Appends events in one statement: the session's counter moves in the same statement, so sequences have no gaps and
 * commit order is sequence order. `status` also moves the session. Answers the last sequence, or undefined when the
 * session is missing or has its final event.
 */
export async function appendEvents(
  db: Queryable,
  org: string,
  sessionId: string,
  events: readonly NewEvent[],
  change: { status?: SessionStatus; at: Date },
): Promise<number | undefined> {
  const [row] = await db.query<{ last: number }>(sql`
    WITH head AS (
      UPDATE agent_sessions
         SET last_sequence = last_sequence + ${events.length}::int,
             updated_at = greatest(updated_at, ${change.at}::timestamptz),
             status = coalesce(${change.status ?? null}, status),
             ended_at = CASE WHEN ${change.status ?? null} IN ('completed', 'cancelled', 'failed') THEN ${change.at}::timestamptz END
       WHERE org = ${org} AND id = ${sessionId} AND status IN ('active', 'waiting-for-approval')
      RETURNING last_sequence
    ), appended AS (
      INSERT INTO session_events (org, session_id, sequence, type, occurred_at, body)
      SELECT ${org}, ${sessionId}, head.last_sequence - ${events.length}::int + e.place, e.type, e.occurred_at, e.body
        FROM head, (VALUES ${join(events.map(eventValues))}) AS e (place, type, occurred_at, body)
    )
    SELECT last_sequence AS last FROM head`)
  return row?.last
}

/** One event as a row of values; values travel faster than arrays, whose JSON would be quoted twice. */
const eventValues = ({ type, occurredAt, body }: NewEvent, index: number): Sql =>
  sql`(${index + 1}::int, ${type}::text, ${occurredAt}::timestamptz, ${JSON.stringify(body)}::jsonb)`

export type EventRow = { sequence: number; type: EventType; occurredAt: Date; body: EventBody }

export async function listEvents(
  db: Queryable,
  org: string,
  sessionId: string,
  after: number,
  limit: number,
): Promise<EventRow[]> {
  return db.query<EventRow>(sql`
    SELECT sequence, type, occurred_at AS "occurredAt", body FROM session_events
     WHERE org = ${org} AND session_id = ${sessionId} AND sequence > ${after} ORDER BY sequence LIMIT ${limit}`)
}

/** The newest finished tool calls, oldest first. */
export async function listToolCalls(
  db: Queryable,
  org: string,
  sessionId: string,
  limit: number,
): Promise<{ id: string; tool: string; mode: string; resultSummary: string }[]> {
  return db.query(sql`
    SELECT id, tool, mode, "resultSummary" FROM (
      SELECT sequence, body->'toolCall'->>'id' AS id, body->'toolCall'->>'tool' AS tool, body->'toolCall'->>'mode' AS mode,
             body->>'summary' AS "resultSummary"
        FROM session_events WHERE org = ${org} AND session_id = ${sessionId} AND type = 'tool.call.completed'
       ORDER BY sequence DESC LIMIT ${limit}) newest
     ORDER BY sequence`)
}

export type SessionFilter = {
  status?: SessionStatus
  workflow?: string
  /** Sessions with a pending approval that this person has not decided yet. */
  waitingFor?: string
  visible: { principalId: string; userId: string | null; everything: boolean }
  before?: { createdAt: string; id: string }
  limit: number
}

export async function listSessions(
  db: Queryable,
  org: string,
  filter: SessionFilter,
): Promise<(SessionRow & { pending: number })[]> {
  const { visible, before } = filter
  const waiting = filter.waitingFor
  return db.query(sql`
    SELECT ${sessionColumns},
           (SELECT count(*) FROM session_approvals a WHERE a.org = s.org AND a.session_id = s.id AND a.status = 'pending') AS pending
      FROM agent_sessions s
     WHERE org = ${org}
       ${filter.status ? sql`AND status = ${filter.status}` : empty}
       ${filter.workflow ? sql`AND workflow = ${filter.workflow}` : empty}
       ${visible.everything ? empty : sql`AND (principal_id = ${visible.principalId} OR user_id = ${visible.userId})`}
       ${waiting ? waitingFor(org, waiting) : empty}
       ${before ? sql`AND (created_at, id) < (${before.createdAt}::timestamptz, ${before.id})` : empty}
     ORDER BY created_at DESC, id DESC LIMIT ${filter.limit}`)
}

const waitingFor = (org: string, userId: string): Sql => sql`
  AND EXISTS (SELECT FROM session_approvals a
               WHERE a.org = ${org} AND a.session_id = s.id AND a.status = 'pending'
                 AND NOT EXISTS (SELECT FROM approval_decisions d
                                  WHERE d.org = ${org} AND d.approval_id = a.id AND d.user_id = ${userId})
                 AND (a.delegator_may_confirm OR a.delegator_user_id IS DISTINCT FROM ${userId}))`

export type ApprovalRow = {
  id: string
  sessionId: string
  status: ApprovalStatus
  operationId: string
  plan: Plan
  planDigest: string
  input: Record<string, unknown>
  sealedSecrets: Buffer | null
  reason: string
  requestedBy: { kind: string; displayName: string }
  requestedPrincipal: string
  delegatorUserId: string | null
  approversNeeded: number
  delegatorMayConfirm: boolean
  /** The server executes the write once it is approved, within these scopes of the requester. */
  executeWhenApproved: boolean
  requestedScopes: string[] | null
  /** The session was opened for this approval and ends with it. */
  openedSession: boolean
  requestedAt: Date
  expiresAt: Date
  executeBy: Date | null
  resolvedBy: string | null
  resolvedAt: Date | null
  resolutionReason: string | null
  decisions: {
    userId: string
    displayName: string
    decision: 'approve' | 'reject' | 'expire'
    decidedAt: string
  }[]
}

const approvalColumns = sql`a.id, a.session_id AS "sessionId", a.status, a.operation_id AS "operationId", a.plan,
  a.plan_digest AS "planDigest", a.input, a.sealed_secrets AS "sealedSecrets", a.reason, a.requested_by AS "requestedBy",
  a.requested_principal AS "requestedPrincipal", a.delegator_user_id AS "delegatorUserId",
  a.approvers_needed AS "approversNeeded", a.delegator_may_confirm AS "delegatorMayConfirm",
  a.execute_when_approved AS "executeWhenApproved", a.requested_scopes AS "requestedScopes",
  a.opened_session AS "openedSession",
  a.requested_at AS "requestedAt", a.expires_at AS "expiresAt", a.execute_by AS "executeBy",
  a.resolved_by AS "resolvedBy", a.resolved_at AS "resolvedAt", a.resolution_reason AS "resolutionReason",
  coalesce((SELECT jsonb_agg(jsonb_build_object('userId', d.user_id, 'displayName', d.display_name, 'decision', d.decision,
                     'decidedAt', d.decided_at) ORDER BY d.decided_at)
              FROM approval_decisions d WHERE d.org = a.org AND d.approval_id = a.id), '[]') AS decisions`

export async function insertApproval(
  db: Queryable,
  org: string,
  row: Omit<
    ApprovalRow,
    'status' | 'executeBy' | 'resolvedBy' | 'resolvedAt' | 'resolutionReason' | 'decisions'
  >,
): Promise<void> {
  await db.query(sql`
    INSERT INTO session_approvals (org, id, session_id, status, operation_id, plan, plan_digest, input, sealed_secrets, reason,
      requested_by, requested_principal, delegator_user_id, approvers_needed, delegator_may_confirm, execute_when_approved,
      requested_scopes, opened_session, requested_at, expires_at)
    VALUES (${org}, ${row.id}, ${row.sessionId}, 'pending', ${row.operationId}, ${JSON.stringify(row.plan)},
      ${row.planDigest}, ${JSON.stringify(row.input)}, ${row.sealedSecrets}, ${row.reason},
      ${JSON.stringify(row.requestedBy)}, ${row.requestedPrincipal}, ${row.delegatorUserId}, ${row.approversNeeded},
      ${row.delegatorMayConfirm}, ${row.executeWhenApproved}, ${row.requestedScopes}, ${row.openedSession},
      ${row.requestedAt}, ${row.expiresAt})`)
}

export async function findApproval(db: Queryable, org: string, id: string): Promise<ApprovalRow | undefined> {
  const [row] = await db.query<ApprovalRow>(sql`
    SELECT ${approvalColumns} FROM session_approvals a WHERE a.org = ${org} AND a.id = ${id}`)
  return row
}

export async function listApprovals(
  db: Queryable,
  org: string,
  sessionId: string,
  statuses: readonly ApprovalStatus[],
): Promise<ApprovalRow[]> {
  return db.query<ApprovalRow>(sql`
    SELECT ${approvalColumns} FROM session_approvals a
     WHERE a.org = ${org} AND a.session_id = ${sessionId} AND a.status = ANY(${statuses as string[]}) ORDER BY a.requested_at, a.id`)
}

/** Records one person's decision; false when that person already decided. */
export async function insertDecision(
  db: Queryable,
  org: string,
  row: {
    approvalId: string
    userId: string
    displayName: string
    decision: 'approve' | 'reject' | 'expire'
    reason: string | null
    at: Date
  },
): Promise<boolean> {
  const rows = await db.query(sql`
    INSERT INTO approval_decisions (org, approval_id, user_id, display_name, decision, reason, decided_at)
    VALUES (${org}, ${row.approvalId}, ${row.userId}, ${row.displayName}, ${row.decision}, ${row.reason}, ${row.at})
    ON CONFLICT DO NOTHING RETURNING 1`)
  return rows.length === 1
}

/** One guarded step of an approval's life; false when it is no longer in `from`. Secrets go with the last step. */
export async function moveApproval(
  db: Queryable,
  org: string,
  id: string,
  step: {
    from: ApprovalStatus
    to: ApprovalStatus
    at: Date
    executeBy?: Date
    by?: string
    reason?: string
  },
): Promise<boolean> {
  const rows = await db.query(sql`
    UPDATE session_approvals
       SET status = ${step.to},
           sealed_secrets = CASE WHEN ${step.to} = 'approved' THEN sealed_secrets END,
           execute_by = coalesce(${step.executeBy ?? null}, execute_by),
           resolved_by = coalesce(resolved_by, ${step.by ?? null}),
           resolved_at = coalesce(resolved_at, ${step.at}),
           resolution_reason = coalesce(${step.reason ?? null}, resolution_reason),
           consumed_at = CASE WHEN ${step.to} = 'consumed' THEN ${step.at}::timestamptz END
     WHERE org = ${org} AND id = ${id} AND status = ${step.from}
    RETURNING 1`)
  return rows.length === 1
}

/** Approvals whose decision or execution time is over, over all organisations: the expiry job's work list. */
export async function listOverdueApprovals(
  db: Queryable,
  now: Date,
  limit: number,
): Promise<{ org: string; id: string; sessionId: string }[]> {
  return db.query(sql`/* every organisation */
    (SELECT org, id, session_id AS "sessionId" FROM session_approvals WHERE status = 'pending' AND expires_at <= ${now} LIMIT ${limit})
    UNION ALL
    (SELECT org, id, session_id AS "sessionId" FROM session_approvals WHERE status = 'approved' AND execute_by <= ${now} LIMIT ${limit})`)
}

/** Sessions that ended before `before` and still have events. */
export async function listExpiredLogs(
  db: Queryable,
  before: Date,
  limit: number,
): Promise<{ org: string; id: string }[]> {
  return db.query(sql`/* every organisation */
    SELECT org, id FROM agent_sessions WHERE ended_at < ${before} AND floor_sequence < last_sequence LIMIT ${limit}`)
}

/** Removes a session's events and raises its retention floor with them. */
export async function dropEvents(db: Queryable, org: string, sessionId: string): Promise<void> {
  await db.query(sql`
    WITH gone AS (DELETE FROM session_events WHERE org = ${org} AND session_id = ${sessionId})
    UPDATE agent_sessions SET floor_sequence = last_sequence WHERE org = ${org} AND id = ${sessionId}`)
}

/** Heads of sessions, for the periodic check of followed logs. */
export async function listHeads(
  db: Queryable,
  keys: readonly { org: string; id: string }[],
): Promise<{ org: string; id: string; lastSequence: number }[]> {
  return db.query(sql`
    SELECT s.org, s.id, s.last_sequence AS "lastSequence"
      FROM unnest(${keys.map((k) => k.org)}::text[], ${keys.map((k) => k.id)}::text[]) AS k (org, id)
      JOIN agent_sessions s ON s.org = k.org AND s.id = k.id`)
}
