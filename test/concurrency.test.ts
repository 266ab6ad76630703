import { setTimeout } from 'node:timers/promises'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LiveEvent } from '../src/live/rules.ts'
import { expireOverdue } from '../src/sessions/jobs.ts'
import { type Caller, type Reply, type TestApp, testApp } from './harness/app.ts'
import { openSession } from './harness/loop.ts'
import {
  type Approval,
  cancelSession,
  confirm,
  decide,
  laterBy,
  message,
  previewedMove,
  type RequestedMove,
  requestedMove,
  upTo,
  wholeLog,
} from './harness/moves.ts'
import { seeded, seedOf } from './harness/seeded.ts'

const CALLERS = 100
const ROUNDS = 30
const SEED = seedOf(process.env)
const UPDATE = 'live.events.schedule.confirmed-update'

let app: TestApp
let owner: Caller & { email: string }
let admins: Caller[]
let agent: Caller
let automation: Caller
let events = 0

const newEvent = (): Promise<LiveEvent> =>
  app.event('laurel', { id: `room-${(++events).toString(16).padStart(8, '0')}` })

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  admins = [await app.person('laurel', 'admin'), await app.person('laurel', 'admin')]
  agent = await app.key({ org: 'laurel', role: 'agent' })
  automation = await app.key({ org: 'laurel', role: 'automation' })
  console.info(`SEED=${SEED}`)
})
afterAll(() => app.close())

const times = <T>(n: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, index) => work(index)))

const counted = (replies: readonly Reply[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { status, body } of replies) {
    const name = `${status} ${body.code ?? ''}`.trim()
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

/** What the database holds of a move: the event's version, applied and refused audit rows, stored keys. */
async function effects(eventId: string, keys: readonly string[]) {
  const [row] = await app.deps.db.query<Record<string, number>>(sql`
    SELECT (SELECT version FROM live_events WHERE org = 'laurel' AND id = ${eventId}) AS version,
           (SELECT count(*) FROM audit_log WHERE org = 'laurel' AND operation_id = ${UPDATE} AND outcome = 'applied' AND target_id = ${eventId}) AS applied,
           (SELECT count(*) FROM idempotency_keys WHERE org = 'laurel' AND operation_id = ${UPDATE} AND key = ANY(${[...keys]})
               AND response IS NOT NULL) AS keys`)
  return row
}

async function approvalRow({ id }: Approval) {
  const [row] = await app.deps.db.query<{ status: string; resolved_by: string | null }>(
    sql`SELECT status, resolved_by FROM session_approvals WHERE org = 'laurel' AND id = ${id}`,
  )
  return row!
}

describe('one approval, many executions', () => {
  test('[A-10] 100 executions with 100 keys: one effect, one consumed approval, 99 refusals that say so', async () => {
    const { id } = await newEvent()
    const move = await requestedMove(agent, id)
    expect((await decide(owner, move, 'approve')).status).toBe(200)
    const keys = upTo(CALLERS).map((n) => `hundred-keys-${n}`)
    const replies = await Promise.all(keys.map((key) => confirm(agent, move.body(key))))
    expect(counted(replies)).toEqual({ '200': 1, '409 approval-consumed': CALLERS - 1 })
    expect(await effects(id, keys)).toEqual({ version: 2, applied: 1, keys: 1 })
    expect((await approvalRow(move.approval)).status).toBe('consumed')
    const uses = (await wholeLog(agent, move.sessionId)).filter(
      ({ approval }) => approval?.status === 'consumed',
    )
    expect(uses).toHaveLength(1)
    const [refused] = await app.deps.db.query(sql`
      SELECT count(*) AS n FROM audit_log WHERE org = 'laurel' AND outcome = 'refused' AND code = 'approval-consumed'`)
    expect(refused).toEqual({ n: CALLERS - 1 })
  })

  test('[K-10] 100 requests with one idempotency key: one effect, the same answer to all', async () => {
    const { id } = await newEvent()
    const body = (await previewedMove(automation, id)).body('one-key-for-all')
    const replies = await times(CALLERS, () => confirm(automation, body))
    expect(counted(replies)).toEqual({ '200': CALLERS })
    expect(new Set(replies.map((reply) => JSON.stringify(reply.body))).size).toBe(1)
    const firsts = replies.filter(({ headers }) => headers.get('idempotency-replayed') === null)
    expect(firsts).toHaveLength(1)
    expect(await effects(id, ['one-key-for-all'])).toEqual({ version: 2, applied: 1, keys: 1 })
  })

  test('[K-10] the same for one approval under one key, in and outside its session', async () => {
    const { id } = await newEvent()
    const move = await requestedMove(agent, id)
    await decide(owner, move, 'approve')
    const body = move.body('one-approved-key')
    const replies = await times(CALLERS, (n) =>
      confirm(agent, body, n % 2 === 0 ? { 'agent-session-id': move.sessionId } : {}),
    )
    expect(counted(replies)).toEqual({ '200': CALLERS })
    expect(new Set(replies.map((reply) => JSON.stringify(reply.body))).size).toBe(1)
    expect(await effects(id, ['one-approved-key'])).toEqual({ version: 2, applied: 1, keys: 1 })
  })

  test('[K-11] one key for two different requests at once: one is applied, the other is told apart', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id } = await newEvent()
      const key = `two-requests-${round}`
      const [one, two] = [
        await previewedMove(automation, id, laterBy(1)),
        await previewedMove(automation, id, laterBy(2)),
      ]
      const replies = await Promise.all([
        confirm(automation, one.body(key)),
        confirm(automation, two.body(key)),
      ])
      expect(counted(replies)).toEqual({ '200': 1, '422 idempotency-mismatch': 1 })
      expect(await effects(id, [key])).toEqual({ version: 2, applied: 1, keys: 1 })
    }
  })

  test('[K-12] 100 creations with one key open one session', async () => {
    const body = { workflow: 'race.create', client: { id: 'client-race', name: 'Race', kind: 'test' } }
    const replies = await times(CALLERS, () =>
      agent.call('POST', '/api/agent/sessions', body, { 'idempotency-key': 'one-session-key' }),
    )
    expect(counted(replies)).toEqual({ '201': CALLERS })
    expect(new Set(replies.map((reply) => reply.body.session.id)).size).toBe(1)
    const [row] = await app.deps.db.query(
      sql`SELECT count(*) AS n FROM agent_sessions WHERE org = 'laurel' AND workflow = 'race.create'`,
    )
    expect(row).toEqual({ n: 1 })
  })
})

describe('two plans for one event', () => {
  test('[K-13] exactly one is applied, the other gets 412 with a fresh plan', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id } = await newEvent()
      const [one, two] = [
        await previewedMove(automation, id, laterBy(10)),
        await previewedMove(owner, id, laterBy(20)),
      ]
      const replies = await Promise.all([
        confirm(automation, one.body(`plan-one-${round}`)),
        confirm(owner, two.body(`plan-two-${round}`)),
      ])
      expect(counted(replies)).toEqual({ '200': 1, '412 stale': 1 })
      const stale = replies.find(({ status }) => status === 412)!
      const applied = replies.find(({ status }) => status === 200)!
      expect(stale.body.plan.observed[0]).toMatchObject({
        id,
        version: 2,
        updatedAt: applied.body.event.updatedAt,
      })
      expect(stale.body.plan.changes[0].before).toBe(applied.body.event.startsAt)
      expect(stale.body.plan.planDigest).not.toBe(
        stale === replies[0] ? one.preview.body.planDigest : two.preview.body.planDigest,
      )
      const keys = [`plan-one-${round}`, `plan-two-${round}`]
      expect(await effects(id, keys)).toEqual({ version: 2, applied: 1, keys: 1 })
    }
  })

  test('[A-11] two approved plans for one event: one is consumed, the other stays approved and unused', async () => {
    for (let round = 0; round < 10; round++) {
      const { id } = await newEvent()
      const moves = [
        await requestedMove(agent, id, { startsAt: laterBy(10) }),
        await requestedMove(agent, id, { startsAt: laterBy(20) }),
      ]
      for (const move of moves) await decide(owner, move, 'approve')
      const replies = await Promise.all(
        moves.map((move, index) => confirm(agent, move.body(`approved-${round}-${index}`))),
      )
      expect(counted(replies)).toEqual({ '200': 1, '412 stale': 1 })
      const statuses = await Promise.all(
        moves.map(async ({ approval }) => (await approvalRow(approval)).status),
      )
      expect(statuses.sort()).toEqual(['approved', 'consumed'])
    }
  })
})

describe('decisions racing each other', () => {
  type Racer = { name: string; run(move: RequestedMove, key: string): Promise<Reply | undefined> }
  const RACERS: Racer[] = [
    { name: 'approve', run: (move) => decide(owner, move, 'approve') },
    { name: 'reject', run: (move) => decide(admins[0]!, move, 'reject') },
    { name: 'expire', run: (move) => decide(admins[1]!, move, 'expire') },
    { name: 'cancel', run: (move) => cancelSession(agent, move.sessionId) },
    { name: 'cancel-too', run: (move) => cancelSession(owner, move.sessionId) },
    { name: 'execute', run: (move, key) => confirm(agent, move.body(key)) },
    { name: 'job', run: () => expireOverdue(app.deps).then(() => undefined) },
  ]
  const ALLOWED: Record<string, string[]> = {
    pending: ['approved', 'rejected', 'expired', 'voided'],
    approved: ['consumed', 'expired', 'voided'],
    rejected: [],
    expired: [],
    voided: [],
    consumed: [],
  }
  const RESOLVED: Record<string, string> = { approve: 'approved', reject: 'rejected', expire: 'expired' }
  const REFUSALS = [
    'approval-resolved',
    'session-ended',
    'approval-not-approved',
    'approval-consumed',
    'conflict',
  ]

  /** Lets both deadlines of an approval fall into the race, before it or after it. */
  const dueIn = ({ approval }: RequestedMove, ms: number) =>
    app.deps.db.query(sql`
      UPDATE session_approvals SET expires_at = clock_timestamp() + ${`${ms} ms`}::interval,
             execute_by = clock_timestamp() + ${`${ms} ms`}::interval
       WHERE org = 'laurel' AND id = ${approval.id}`)

  /** Every racer starts at its own seeded moment. */
  async function race(
    move: RequestedMove,
    racers: readonly Racer[],
    random: ReturnType<typeof seeded>,
    key: string,
  ) {
    const started = random.shuffled(racers).map(async (racer) => {
      await setTimeout(random.below(12))
      return { name: racer.name, reply: await racer.run(move, key) }
    })
    return Object.fromEntries((await Promise.all(started)).map(({ name, reply }) => [name, reply]))
  }

  /** The statuses that the log tells of an approval, in order. */
  const pathOf = (log: Awaited<ReturnType<typeof wholeLog>>, { id }: Approval): string[] =>
    log.filter(({ approval }) => approval?.id === id).map(({ approval }) => approval.status)

  async function checkOutcome(
    move: RequestedMove,
    eventId: string,
    replies: Record<string, Reply | undefined>,
    key: string,
  ) {
    const log = await wholeLog(owner, move.sessionId)
    expect(log.map(({ sequence }) => sequence)).toEqual(upTo(log.length))
    const path = pathOf(log, move.approval)
    expect(path[0]).toBe('pending')
    path.slice(1).forEach((status, index) => {
      expect(ALLOWED[path[index]!]).toContain(status)
    })
    const { status } = await approvalRow(move.approval)
    expect(status).toBe(path.at(-1))
    for (const reply of Object.values(replies))
      if (reply && reply.status !== 200) expect(REFUSALS).toContain(reply.body.code)
    const decided = ['approve', 'reject', 'expire'].filter((name) => replies[name]?.status === 200)
    expect(decided.length).toBeLessThanOrEqual(1)
    if (decided[0]) expect(path[1]).toBe(RESOLVED[decided[0]])
    const cancels = ['cancel', 'cancel-too'].filter((name) => replies[name]?.status === 200)
    const asked = ['cancel', 'cancel-too'].filter((name) => replies[name])
    expect(cancels).toHaveLength(asked.length > 0 ? 1 : 0)
    if (cancels.length > 0) expect(log.at(-1)?.type).toBe('session.cancelled')
    const applied = status === 'consumed' ? 1 : 0
    expect(replies.execute?.status === 200).toBe(applied === 1)
    expect(await effects(eventId, [key])).toEqual({ version: 1 + applied, applied, keys: applied })
    return path.slice(1).join(' ')
  }

  test('[A-12] approve, reject, expire, cancel and execute at once end in exactly one outcome', async () => {
    const random = seeded(SEED)
    const outcomes = new Set<string>()
    for (let round = 0; round < ROUNDS; round++) {
      const { id } = await newEvent()
      const move = await requestedMove(agent, id)
      const racers = random.shuffled(RACERS).slice(0, 2 + random.below(RACERS.length - 1))
      if (random.below(4) === 0) await dueIn(move, random.below(3) * 5)
      const replies = await race(move, racers, random, `race-${SEED}-${round}`)
      outcomes.add(await checkOutcome(move, id, replies, `race-${SEED}-${round}`))
    }
    expect(outcomes.size).toBeGreaterThan(2)
  })

  test('[A-13] an approved plan that is executed, cancelled and expiring at once is used at most once', async () => {
    const random = seeded(SEED + 1)
    const racers = RACERS.filter(({ name }) => ['execute', 'cancel', 'job'].includes(name))
    const outcomes = new Set<string>()
    for (let round = 0; round < ROUNDS; round++) {
      const { id } = await newEvent()
      const move = await requestedMove(agent, id)
      await decide(owner, move, 'approve')
      await dueIn(move, random.below(3) * 5)
      const field = random.shuffled(racers).slice(0, 2 + random.below(2))
      const replies = await race(move, field, random, `late-${SEED}-${round}`)
      outcomes.add(await checkOutcome(move, id, replies, `late-${SEED}-${round}`))
    }
    expect(outcomes.size).toBeGreaterThan(1)
  })

  test('[A-14] two of three needed people approving while another rejects: all or nothing', async () => {
    const random = seeded(SEED + 2)
    await owner.call('PUT', '/api/admin/policies', {
      operationId: UPDATE,
      principalKind: 'agent',
      mode: 'approve',
      approvers: 2,
    })
    try {
      for (let round = 0; round < ROUNDS / 3; round++) {
        const { id } = await newEvent()
        const people = random.shuffled(admins)
        const grant = await app.key({ org: 'laurel', role: 'agent', for: owner.email })
        const move = await requestedMove(grant, id)
        const replies = await Promise.all([
          decide(people[0]!, move, 'approve'),
          decide(people[0]!, move, 'approve'),
          decide(people[1]!, move, random.below(2) === 0 ? 'approve' : 'reject'),
        ])
        const { status } = await approvalRow(move.approval)
        expect(replies[2]?.status === 200 || status !== 'pending').toBe(true)
        const resolved = (await wholeLog(owner, move.sessionId)).filter(
          ({ type }) => type === 'approval.resolved',
        )
        expect(resolved.map(({ approval }) => approval.status)).toEqual([status])
        const decisions = await app.deps.db.query<{ decision: string }>(
          sql`SELECT decision FROM approval_decisions WHERE org = 'laurel' AND approval_id = ${move.approval.id}`,
        )
        const ayes = decisions.filter(({ decision }) => decision === 'approve').length
        expect(status).toBe(ayes === 2 ? 'approved' : 'rejected')
      }
    } finally {
      await owner.call('PUT', '/api/admin/policies', {
        operationId: UPDATE,
        principalKind: 'agent',
        mode: 'default',
      })
    }
  })
})

describe('appends at once', () => {
  test('[S-10] 16 writers, one session: contiguous sequences, every acknowledged event in its place', async () => {
    const sessionId = await openSession(agent)
    let writing = true
    const seen: number[] = []
    // a reader that follows by cursor meanwhile must miss nothing: commit order is sequence order
    const reading = (async () => {
      for (let cursor = `${sessionId}:0`, last = false; ; ) {
        last = !writing
        const { body } = await agent.call('GET', `/api/agent/sessions/${sessionId}/events?cursor=${cursor}`)
        seen.push(...body.events.map((event: { sequence: number }) => event.sequence))
        cursor = body.nextCursor
        if (last && body.events.length === 0) return
      }
    })()
    const acked = (
      await times(16, async (writer) => {
        const mine: { summary: string; sequence: number }[] = []
        for (let n = 0; n < 15; n++) {
          const summary = `writer ${writer} says ${n}`
          const { status, body } = await message(agent, sessionId, summary)
          expect(status).toBe(201)
          mine.push({ summary, sequence: body.event.sequence })
        }
        return mine
      })
    ).flat()
    writing = false
    await reading
    const log = await wholeLog(agent, sessionId, 50)
    expect(log.map(({ sequence }) => sequence)).toEqual(upTo(1 + 16 * 15))
    expect(seen).toEqual(upTo(1 + 16 * 15))
    for (const { summary, sequence } of acked) expect(log[sequence - 1]?.summary).toBe(summary)
  })

  test('[S-11] appends racing with the final event: nothing follows it', async () => {
    for (let round = 0; round < 10; round++) {
      const sessionId = await openSession(agent)
      const replies = await Promise.all([
        ...upTo(6).map((n) => message(agent, sessionId, `late ${n}`)),
        agent.call('POST', `/api/agent/sessions/${sessionId}/complete`, {
          outcome: 'completed',
          summary: 'Done.',
        }),
        ...upTo(6).map((n) => message(agent, sessionId, `later ${n}`)),
      ])
      const log = await wholeLog(agent, sessionId)
      const written = replies.filter(({ status }) => status === 201).length
      expect(log).toHaveLength(written + 2)
      expect(log.at(-1)?.type).toBe('session.completed')
      for (const { status, body } of replies)
        if (status !== 200 && status !== 201) expect(body.code).toBe('session-ended')
    }
  })
})
