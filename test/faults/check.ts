import assert from 'node:assert/strict'
import sql from 'sql-template-tag'
import type { Db } from '../../src/db/pool.ts'
import { confirm, message, upTo, wholeLog } from '../harness/moves.ts'
import type { Ledger, Sent } from './storm.ts'
import type { Callers } from './world.ts'

const UPDATE = 'live.events.schedule.confirmed-update'

/** Everything that must hold after a restart; throws at the first thing that does not. */
export async function check(
  db: Db,
  callers: Callers,
  ledger: Ledger,
  sessions: readonly string[],
): Promise<void> {
  await checkDatabase(db)
  await checkConfirms(db, ledger)
  await checkApprovals(db, ledger)
  for (const sessionId of sessions) await checkLog(callers, ledger, sessionId)
  await repeatAll(db, callers, ledger)
  for (const sessionId of sessions) await checkKeyedOnce(callers, ledger, sessionId)
  await checkDatabase(db)
}

/** Contiguous, and every acknowledged message where its answer said it is. */
async function checkLog(callers: Callers, ledger: Ledger, sessionId: string): Promise<void> {
  const log = await wholeLog(callers.agent, sessionId)
  assert.deepEqual(
    log.map(({ sequence }) => sequence),
    upTo(log.length),
    `${sessionId} has gaps`,
  )
  for (const { summary, acked } of ledger.messages.filter((sent) => sent.sessionId === sessionId)) {
    if (acked !== undefined)
      assert.equal(log[acked - 1]?.summary, summary, `${summary} was acknowledged and is not there`)
    const times = log.filter((event) => event.summary === summary).length
    assert.ok(times <= 1 && (acked === undefined || times === 1), `${summary} is there ${times} times`)
  }
}

async function checkKeyedOnce(callers: Callers, ledger: Ledger, sessionId: string): Promise<void> {
  const log = await wholeLog(callers.agent, sessionId)
  for (const { summary, key } of ledger.messages.filter((sent) => sent.sessionId === sessionId))
    if (key)
      assert.equal(
        log.filter((event) => event.summary === summary).length,
        1,
        `${summary} after its repetition`,
      )
}

/** Of the round's confirms: all that were acknowledged, none that was not sent, no half of one. */
async function checkConfirms(db: Db, ledger: Ledger): Promise<void> {
  for (const { key, acked, eventId } of ledger.confirms) {
    const [stored] = await db.query<{ status: number; updatedAt: string }>(sql`
      SELECT status, response->'event'->>'updatedAt' AS "updatedAt" FROM idempotency_keys
       WHERE org = 'laurel' AND operation_id = ${UPDATE} AND key = ${key}`)
    if (acked?.status === 200)
      assert.equal(stored?.updatedAt, acked.body.event.updatedAt, `${key} was acknowledged and is not there`)
    if (acked?.status === 412)
      assert.equal(stored, undefined, `${key} was refused and has a stored answer for ${eventId}`)
  }
}

async function checkApprovals(db: Db, ledger: Ledger): Promise<void> {
  for (const sent of ledger.approvals) {
    const [row] = await db.query<{ status: string }>(
      sql`SELECT status FROM session_approvals WHERE org = 'laurel' AND id = ${sent.id}`,
    )
    const possible = {
      consumed: ['consumed'],
      approved: ['approved', 'consumed'],
      asked: ['pending', 'approved'],
    }
    const known = sent.confirm?.acked?.status === 200 ? 'consumed' : sent.approved ? 'approved' : 'asked'
    assert.ok(row && possible[known].includes(row.status), `${sent.id} was ${known} and is ${row?.status}`)
  }
}

/** A client repeats what it got no answer to, and some that it did: the same answer, or the effect for the first time. */
async function repeatAll(db: Db, callers: Callers, ledger: Ledger): Promise<void> {
  const unanswered = ledger.confirms.filter(({ acked }) => acked === undefined)
  const answered = ledger.confirms.filter(({ acked }) => acked?.status === 200).slice(-3)
  for (const sent of [...answered, ...unanswered]) await repeat(db, callers, sent)
  for (const { sessionId, summary, key } of ledger.messages) {
    if (!key) continue
    const { status } = await message(callers.agent, sessionId, summary, { 'idempotency-key': key })
    assert.equal(status, 201)
  }
}

async function repeat(db: Db, callers: Callers, sent: Sent['confirm']): Promise<void> {
  const [stored] = await db.query(
    sql`SELECT 1 FROM idempotency_keys WHERE org = 'laurel' AND operation_id = ${UPDATE} AND key = ${sent.key}`,
  )
  const reply = await confirm(callers[sent.by], sent.body)
  const replayed = reply.headers.get('idempotency-replayed') === 'true'
  assert.equal(
    replayed,
    stored !== undefined,
    `${sent.key} stored: ${stored !== undefined}, replayed: ${replayed}`,
  )
  if (sent.acked) assert.deepEqual(reply.body, sent.acked.body)
  if (!stored) assert.ok([200, 412].includes(reply.status), `${sent.key}: ${JSON.stringify(reply.body)}`)
}

/** Each finds rows that contradict one another: halves of something that commits as a whole. */
const CONTRADICTIONS = {
  'an event’s version and its applied writes': sql`
    SELECT e.id, e.version, count(a.seq) FROM live_events e
      LEFT JOIN audit_log a ON a.org = e.org AND a.target_id = e.id AND a.outcome = 'applied' AND a.operation_id = ${UPDATE}
     WHERE e.org = 'laurel' GROUP BY e.id, e.version HAVING e.version <> 1 + count(a.seq)`,
  'applied writes and used keys': sql`
    SELECT a.seq, a.idempotency_key, k.key, k.status
      FROM (SELECT * FROM audit_log WHERE org = 'laurel' AND outcome = 'applied' AND operation_id = ${UPDATE}) a
      FULL JOIN (SELECT * FROM idempotency_keys WHERE org = 'laurel' AND operation_id = ${UPDATE}) k ON k.key = a.idempotency_key
     WHERE a.seq IS NULL OR k.key IS NULL OR k.status IS DISTINCT FROM 200 OR k.response IS NULL`,
  'stored answers without an answer': sql`
    SELECT key FROM idempotency_keys WHERE org = 'laurel' AND (response IS NULL OR status IS NULL)`,
  'consumed approvals, their audit rows and their events': sql`
    SELECT p.id, p.status FROM session_approvals p
     WHERE p.org = 'laurel'
       AND ((SELECT count(*) FROM audit_log a WHERE a.org = p.org AND a.approval_id = p.id AND a.outcome = 'applied')
              <> (p.status = 'consumed')::int
         OR (SELECT count(*) FROM session_events e WHERE e.org = p.org AND e.session_id = p.session_id
               AND e.body->'approval'->>'id' = p.id AND e.body->'approval'->>'status' = 'consumed') <> (p.status = 'consumed')::int)`,
  'approved approvals, their decisions and their events': sql`
    SELECT p.id, p.status FROM session_approvals p
     WHERE p.org = 'laurel'
       AND ((SELECT count(*) FROM approval_decisions d WHERE d.org = p.org AND d.approval_id = p.id)
              <> (p.status IN ('approved', 'consumed'))::int
         OR (SELECT count(*) FROM session_events e WHERE e.org = p.org AND e.session_id = p.session_id
               AND e.type = 'approval.resolved' AND e.body->'approval'->>'id' = p.id) <> (p.status IN ('approved', 'consumed'))::int)`,
  'requested approvals and their events': sql`
    SELECT p.id FROM session_approvals p
     WHERE p.org = 'laurel'
       AND (SELECT count(*) FROM session_events e WHERE e.org = p.org AND e.session_id = p.session_id
               AND e.type = 'approval.requested' AND e.body->'approval'->>'id' = p.id) <> 1`,
  'sessions and their counters': sql`
    SELECT s.id, s.last_sequence, count(e.sequence) FROM agent_sessions s
      LEFT JOIN session_events e ON e.org = s.org AND e.session_id = s.id
     WHERE s.org = 'laurel' GROUP BY s.id, s.last_sequence
    HAVING s.last_sequence <> count(e.sequence) OR s.last_sequence <> coalesce(max(e.sequence), -1)`,
  'sessions and the audit of their creation': sql`
    SELECT s.id, a.seq FROM (SELECT id FROM agent_sessions WHERE org = 'laurel') s
      FULL JOIN (SELECT * FROM audit_log WHERE org = 'laurel' AND event = 'session_create' AND outcome = 'applied') a ON a.target_id = s.id
     WHERE s.id IS NULL OR a.seq IS NULL`,
  'started and completed tool calls': sql`
    SELECT session_id, body->'toolCall'->>'id' AS id FROM session_events
     WHERE org = 'laurel' AND type LIKE 'tool.call.%' GROUP BY 1, 2 HAVING count(*) <> 2`,
}

async function checkDatabase(db: Db): Promise<void> {
  for (const [what, statement] of Object.entries(CONTRADICTIONS)) {
    const rows = await db.query(statement)
    assert.deepEqual(rows.slice(0, 5), [], `${what} contradict each other`)
  }
}
