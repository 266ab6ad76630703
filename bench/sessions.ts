import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres'
import pg from 'pg'
import sql from 'sql-template-tag'
import { context, inStatement } from '../src/operation/context.ts'
import { run } from '../src/operation/run.ts'
import { create } from '../src/sessions/create.ts'
import { eventsRead } from '../src/sessions/events-read.ts'
import { append } from '../src/sessions/log.ts'
import { CONCURRENCY, compare, report, type Side } from './measure.ts'
import { ORG, openWorld, type World } from './world.ts'

const APPEND = `sessions (append): one event appended to a session and committed, by the product's own path (redaction check, counter and insert in one statement, refused after the final event), against a plain single-row INSERT of the
same body into a table with the same key: one statement, committed by itself. ${CONCURRENCY} callers on ${CONCURRENCY} sessions,
alternating rounds. Besides: against the INSERT between BEGIN and COMMIT, and all callers on one hot session.`

const REPLAY = `sessions (replay): the operation sessions.events.read over a session of 50 events, against LangGraph's PostgreSQL
checkpointer listing a thread of 50 checkpoints that carry the same bodies. ${CONCURRENCY} callers, alternating rounds.`

const SUMMARY = 'Read live readiness and schedule state before proposing a write.'

async function newSession(world: World): Promise<string> {
  const client = { id: 'bench', name: 'Bench', kind: 'bench' }
  const { body } = await run(world.deps, create, { workflow: 'bench.append', client }, world.call())
  return (body.session as { id: string }).id
}

const appendOne = (world: World, sessionId: string): Promise<number> =>
  inStatement(context(world.deps, world.call(), new Date()), (ctx) =>
    append(ctx, sessionId, [{ type: 'message.appended', summary: SUMMARY }]),
  )

async function benchAppend(world: World): Promise<void> {
  const { db } = world.deps
  const sessions = await Promise.all(Array.from({ length: CONCURRENCY }, () => newSession(world)))
  const hot = await newSession(world)
  await appendOne(world, hot)
  const [stored] = await db.query<{ body: string }>(
    sql`SELECT body::text AS body FROM session_events WHERE org = ${ORG} AND session_id = ${hot} AND sequence = 2`,
  )
  await db.query(sql`CREATE TABLE bare_events (org text, session_id text, sequence bigint, type text NOT NULL, occurred_at timestamptz NOT NULL,
                       body jsonb NOT NULL, PRIMARY KEY (org, session_id, sequence))`)
  let sequence = 0
  const ours: Side = async (worker) => void (await appendOne(world, sessions[worker] as string))
  const insert = (worker: number) => {
    sequence += 1
    return sql`INSERT INTO bare_events VALUES (${ORG}, ${sessions[worker]}, ${sequence}, 'message.appended', ${new Date()}, ${stored?.body})`
  }
  const bare: Side = async (worker) => void (await db.query(insert(worker)))
  const bareTransaction: Side = async (worker) =>
    void (await db.transaction((tx) => tx.query(insert(worker))))
  const many = await compare(ours, bare)
  const inStatements = await compare(ours, bareTransaction)
  const oneHot = await compare(async () => void (await appendOne(world, hot)), bare)
  report({
    bench: 'sessions-append',
    goal: 0.6,
    ...many,
    againstTransaction: { ratio: inStatements.ratio, bare: inStatements.bare },
    hotSession: { ratio: oneHot.ratio, perSecond: oneHot.ours },
  })
}

const LENGTH = 50

async function benchReplay(world: World): Promise<void> {
  const sessionId = await newSession(world)
  for (let index = 1; index < LENGTH; index++) await appendOne(world, sessionId)
  const pool = new pg.Pool({ ...(world.storage.connection as pg.PoolConfig), max: 10 })
  const saver = new PostgresSaver(pool, undefined, { schema: 'langgraph' })
  await saver.setup()
  const configurable = { thread_id: sessionId, checkpoint_ns: '' }
  const { body } = await run(world.deps, eventsRead, { sessionId }, world.call())
  const events = body.events as Record<string, unknown>[]
  let parent: { configurable: Record<string, unknown> } = { configurable }
  for (const [step, event] of events.entries()) {
    const id = `1ef${String(step).padStart(5, '0')}-0000-6000-8000-000000000000`
    const version = step + 1
    const checkpoint = {
      v: 4,
      id,
      ts: new Date().toISOString(),
      channel_values: { event },
      channel_versions: { event: version },
      versions_seen: {},
    }
    parent = (await saver.put(parent, checkpoint as never, { source: 'loop', step, parents: {} } as never, {
      event: version,
    })) as typeof parent
  }
  const ours: Side = async () => {
    const reply = await run(world.deps, eventsRead, { sessionId }, world.call())
    if ((reply.body.events as unknown[]).length !== LENGTH)
      throw new Error('replayed another number of events')
  }
  const peer: Side = async () => {
    let seen = 0
    for await (const _ of saver.list({ configurable: { thread_id: sessionId } })) seen += 1
    if (seen !== LENGTH) throw new Error(`the checkpointer listed ${seen}`)
  }
  const compared = await compare(ours, peer)
  const http = await compare(async () => {
    const reply = await fetch(`${world.url}/api/agent/sessions/${sessionId}/events`, {
      headers: { authorization: `Bearer ${world.bearer}` },
    })
    await reply.json()
  }, peer)
  await pool.end()
  report({
    bench: 'sessions-replay',
    goal: 3,
    ...compared,
    http: { ratio: http.ratio, perSecond: http.ours },
  })
}

export async function sessions(): Promise<void> {
  const world = await openWorld()
  try {
    console.log(APPEND)
    await benchAppend(world)
    console.log(REPLAY)
    await benchReplay(world)
  } finally {
    await world.end()
  }
}
