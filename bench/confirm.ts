import sql from 'sql-template-tag'
import { eventsScheduleConfirmedUpdate as operation } from '../src/live/events-schedule-confirmed-update.ts'
import { DEFAULTS, type LiveEvent } from '../src/live/rules.ts'
import { insertEvent } from '../src/live/store.ts'
import { run } from '../src/operation/run.ts'
import { CONCURRENCY, compare, report, type Side } from './measure.ts'
import { ORG, openWorld, type World } from './world.ts'

const SEVEN = '2026-05-21T02:00:00.000Z'
const HALF_PAST = '2026-05-21T02:30:00.000Z'

const METHOD = `confirm: a confirmed schedule change (plan, exact text, stale guard, idempotency key, audit, stored answer; policy
confirm, automation key) through the executor, against a bare transaction of SELECT FOR UPDATE, UPDATE of the event,
INSERT of an audit row and INSERT of a key row with the same payloads and nothing else. ${CONCURRENCY} callers, each on an event of its own, one
embedded PostgreSQL, alternating rounds, median of the rounds' ratios.`

const room = (id: string): LiveEvent => ({
  ...DEFAULTS,
  id,
  title: 'Laurel Studio Room',
  status: 'scheduled',
  startsAt: new Date(SEVEN),
  timeZone: 'America/Los_Angeles',
  version: 1,
  createdAt: new Date(SEVEN),
  updatedAt: new Date(SEVEN),
})

type Observed = { startsAt: string; updatedAt: string }

function bodyOf(eventId: string, { startsAt, updatedAt }: Observed, key: string) {
  const later = startsAt === SEVEN
  return {
    action: 'confirm_live_event_schedule_change',
    eventId,
    observedUpdatedAt: updatedAt,
    title: 'Laurel Studio Room',
    startsAt: later ? HALF_PAST : SEVEN,
    envelope: {
      contract: 'agent-write-envelope.v1',
      contractId: 'creator.live.schedule-and-status',
      actionMode: 'execute',
      dryRun: false,
      actor: 'bench',
      client: 'bench',
      action: 'creator.live.schedule.update',
      target: eventId,
      confirmation: {
        text: `I confirm updating Laurel Studio Room to ${later ? '7:30' : '7:00'} PM.`,
        acknowledgedRisk: true,
      },
      idempotencyKey: key,
      reason: 'bench',
      auditCorrelationId: 'bench',
    },
  }
}

/** Our side: each worker moves its room to and fro, observing what the last answer said. */
function confirms(
  world: World,
  prefix: string,
  send: (body: ReturnType<typeof bodyOf>) => Promise<Record<string, unknown>>,
): Side {
  const state = Array.from({ length: CONCURRENCY }, (): Observed => ({ startsAt: SEVEN, updatedAt: SEVEN }))
  let keys = 0
  return async (worker) => {
    keys += 1
    const body = await send(bodyOf(`${prefix}-${worker}`, state[worker] as Observed, `${prefix}-key-${keys}`))
    const event = body.event as Observed | undefined
    if (!event) throw new Error(`refused: ${JSON.stringify(body)} on ${world.url}`)
    state[worker] = event
  }
}

/** The bare side: the same rows and payload sizes, nothing decided. */
function bareTransactions(world: World, audit: string, response: string): Side {
  let keys = 0
  return async (worker) => {
    keys += 1
    const key = `bare-key-${keys}`
    const id = `bare-${worker}`
    const now = new Date()
    await world.deps.db.transaction(async (tx) => {
      const [event] = await tx.query<{ version: number; starts_at: Date }>(
        sql`SELECT * FROM live_events WHERE org = ${ORG} AND id = ${id} FOR UPDATE`,
      )
      if (!event) throw new Error(`there is no ${id}`)
      // to and fro like ours: the index on starts_at moves with it on both sides
      const startsAt = new Date(event.starts_at.toISOString() === SEVEN ? HALF_PAST : SEVEN)
      await tx.query(sql`UPDATE live_events SET starts_at = ${startsAt}, version = version + 1, updated_at = ${now}
                          WHERE org = ${ORG} AND id = ${id} AND version = ${event.version}`)
      await tx.query(sql`INSERT INTO audit_log (org, occurred_at, outcome, event, operation_id, tool, principal, previous, next, request_id)
                         VALUES (${ORG}, ${now}, 'applied', 'event_update', 'bare', 'bare', '{}', ${audit}, ${audit}, 'bench')`)
      await tx.query(sql`INSERT INTO idempotency_keys (org, principal_id, operation_id, key, fingerprint, status, response, created_at)
                         VALUES (${ORG}, 'bare', 'bare', ${key}, 'x', 200, ${response}, ${now})`)
    })
  }
}

async function payloads(world: World): Promise<{ audit: string; response: string }> {
  const [row] = await world.deps.db.query<{ audit: string; response: string }>(sql`
    SELECT a.next::text AS audit, k.response::text AS response FROM audit_log a, idempotency_keys k WHERE a.org = ${ORG} AND k.org = ${ORG} LIMIT 1`)
  return row as { audit: string; response: string }
}

export async function confirm(): Promise<void> {
  console.log(METHOD)
  const world = await openWorld()
  try {
    for (const prefix of ['run', 'http', 'bare'])
      for (let worker = 0; worker < CONCURRENCY; worker++)
        await insertEvent(world.deps.db, ORG, room(`${prefix}-${worker}`))
    const viaRun = confirms(
      world,
      'run',
      async (body) => (await run(world.deps, operation, body, world.call())).body,
    )
    const viaHttp = confirms(world, 'http', async (body) => {
      const reply = await fetch(`${world.url}/api/agent/live-controls`, {
        method: 'POST',
        headers: { authorization: `Bearer ${world.bearer}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      return (await reply.json()) as Record<string, unknown>
    })
    await viaRun(0)
    const { audit, response } = await payloads(world)
    const bare = bareTransactions(world, audit, response)
    const compared = await compare(viaRun, bare)
    const http = await compare(viaHttp, bare)
    report({ bench: 'confirm', goal: 0.5, ...compared, http: { ratio: http.ratio, perSecond: http.ours } })
  } finally {
    await world.end()
  }
}
