import sql, { type Sql } from 'sql-template-tag'
import type { Queryable, Transaction } from '../db/pool.ts'
import { type PolicySet, policyColumns } from './policy.ts'

export type ClaimKey = { org: string; principalId: string; operationId: string; key: string }

export type Claim =
  | { state: 'claimed'; policies: PolicySet }
  | { state: 'stored'; fingerprint: string; status: number; response: Record<string, unknown> }

/**
 * Claims an idempotency key in the open transaction, and brings the organisation's policies along. A concurrent claim
 * of the same key waits here (on the primary key) until the first transaction ends: then it finds the stored answer,
 * or claims the key itself if that one failed.
 */
export async function claimKey(tx: Queryable, at: ClaimKey, fingerprint: string, now: Date): Promise<Claim> {
  const [row] = await tx.query<PolicySet & { claimed: boolean }>(sql`
    WITH claimed AS (
      INSERT INTO idempotency_keys (org, principal_id, operation_id, key, fingerprint, created_at)
      VALUES (${at.org}, ${at.principalId}, ${at.operationId}, ${at.key}, ${fingerprint}, ${now})
      ON CONFLICT DO NOTHING RETURNING 1)
    SELECT EXISTS (SELECT FROM claimed) AS claimed, ${policyColumns(at.org)}`)
  if (row?.claimed) return { state: 'claimed', policies: { rows: row.rows, version: row.version } }
  const [stored] = await tx.query<{
    fingerprint: string
    status: number
    response: Record<string, unknown>
  }>(sql`
    SELECT fingerprint, status, response FROM idempotency_keys
     WHERE org = ${at.org} AND principal_id = ${at.principalId} AND operation_id = ${at.operationId} AND key = ${at.key}`)
  // the one that held the key was rolled back between the two statements
  if (!stored) return claimKey(tx, at, fingerprint, now)
  return { state: 'stored', ...stored }
}

const responseUpdate = (at: ClaimKey, status: number, response: Record<string, unknown>): Sql => sql`
  UPDATE idempotency_keys SET status = ${status}, response = ${JSON.stringify(response)}
   WHERE org = ${at.org} AND principal_id = ${at.principalId} AND operation_id = ${at.operationId} AND key = ${at.key}`

export function storeResponse(
  tx: Transaction,
  at: ClaimKey,
  status: number,
  response: Record<string, unknown>,
): void {
  tx.send(responseUpdate(at, status, response))
}

/** The tail of a keyed write in one statement: its audit row and its stored answer. It travels with COMMIT. */
export function recordWrite(
  tx: Transaction,
  audit: AuditRow,
  at: ClaimKey,
  status: number,
  response: Record<string, unknown>,
): void {
  tx.send(sql`WITH audited AS (${auditInsert(audit)}) ${responseUpdate(at, status, response)}`)
}

/** Removes idempotency records older than `before`, over all organisations; answers how many. */
export async function dropOldKeys(db: Queryable, before: Date): Promise<number> {
  const rows = await db.query(sql`/* every organisation */
    DELETE FROM idempotency_keys WHERE created_at < ${before} RETURNING 1`)
  return rows.length
}

export type AuditRow = {
  org: string
  occurredAt: Date
  outcome: 'applied' | 'refused'
  code?: string
  event: string
  /** What the same write was besides. */
  also?: readonly string[]
  operationId: string
  tool: string
  principal: { source: string; role: string; displayName: string }
  client?: unknown
  target?: { kind: string; id: string | null }
  previous?: unknown
  next?: unknown
  planDigest?: string
  sessionId?: string
  approvalId?: string
  idempotencyKey?: string
  correlationId?: string
  requestId: string
  reason?: string
}

const json = (value: unknown): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value)

const auditInsert = (row: AuditRow): Sql => sql`
  INSERT INTO audit_log (org, occurred_at, outcome, code, event, also, operation_id, tool, principal, client,
    target_kind, target_id, previous, next, plan_digest, session_id, approval_id, idempotency_key, correlation_id, request_id, reason)
  VALUES (${row.org}, ${row.occurredAt}, ${row.outcome}, ${row.code ?? null}, ${row.event},
    ${row.also?.length ? [...row.also] : null}, ${row.operationId}, ${row.tool}, ${json(row.principal)}, ${json(row.client)}, ${row.target?.kind ?? null}, ${row.target?.id ?? null},
    ${json(row.previous)}, ${json(row.next)}, ${row.planDigest ?? null}, ${row.sessionId ?? null},
    ${row.approvalId ?? null}, ${row.idempotencyKey ?? null}, ${row.correlationId ?? null}, ${row.requestId},
    ${row.reason ?? null})`

export async function insertAudit(db: Queryable, row: AuditRow): Promise<void> {
  await db.query(auditInsert(row))
}

export type AuditFilter = {
  targetKind?: string
  targetId?: string
  sessionId?: string
  before?: number
  limit: number
}

const auditColumns = sql`seq, occurred_at AS "occurredAt", outcome, code, event, coalesce(also, '{}') AS also,
  operation_id AS "operationId", tool, principal, client, jsonb_build_object('kind', target_kind, 'id', target_id) AS target,
  previous, next, plan_digest AS "planDigest", session_id AS "sessionId", approval_id AS "approvalId",
  idempotency_key AS "idempotencyKey", correlation_id AS "correlationId", request_id AS "requestId", reason`

export type AuditEntry = Omit<AuditRow, 'org' | 'also' | 'previous' | 'next'> & {
  seq: number
  also: string[]
  previous: Record<string, unknown> | null
  next: Record<string, unknown> | null
}

export async function listAudit(db: Queryable, org: string, filter: AuditFilter): Promise<AuditEntry[]> {
  return db.query(sql`
    SELECT ${auditColumns} FROM audit_log
     WHERE org = ${org}
       AND (${filter.targetKind ?? null}::text IS NULL OR target_kind = ${filter.targetKind ?? null})
       AND (${filter.targetId ?? null}::text IS NULL OR target_id = ${filter.targetId ?? null})
       AND (${filter.sessionId ?? null}::text IS NULL OR session_id = ${filter.sessionId ?? null})
       AND (${filter.before ?? null}::bigint IS NULL OR seq < ${filter.before ?? null})
     ORDER BY seq DESC LIMIT ${filter.limit}`)
}

/** Actions on live events and their notes; a note's row names its event in `next.eventId`. */
export type LiveActionFilter = {
  eventId?: string
  messageId?: string
  communityChannelId?: string
  /** Only what was one of these. */
  actions: readonly string[]
  before?: number
  limit: number
}

/** Applied actions on live events and notes, newest first. A channel is found by what was linked or unlinked. */
export async function listLiveActions(
  db: Queryable,
  org: string,
  filter: LiveActionFilter,
): Promise<AuditEntry[]> {
  const { eventId = null, messageId = null, communityChannelId = null, before = null } = filter
  return db.query(sql`
    SELECT ${auditColumns} FROM audit_log
     WHERE org = ${org} AND outcome = 'applied' AND target_kind IN ('live-event', 'live-room', 'live-note')
       AND (${eventId}::text IS NULL OR (target_kind IN ('live-event', 'live-room') AND target_id = ${eventId})
            OR (target_kind = 'live-note' AND next->>'eventId' = ${eventId}))
       AND (${messageId}::text IS NULL OR (target_kind = 'live-note' AND target_id = ${messageId}))
       AND (${communityChannelId}::text IS NULL OR previous->>'communityChannelId' = ${communityChannelId}
            OR next->>'communityChannelId' = ${communityChannelId})
       AND (event = ANY(${[...filter.actions]}) OR also && ${[...filter.actions]}::text[])
       AND (${before}::bigint IS NULL OR seq < ${before})
     ORDER BY seq DESC LIMIT ${filter.limit}`)
}
