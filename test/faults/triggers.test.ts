import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { resumeTriggers } from '../../src/workflow-triggers/clock-jobs.ts'
import { emitTrigger } from '../../src/workflow-triggers/emit.ts'
import type { FamilyId } from '../../src/workflow-triggers/families.ts'
import { type TestApp, testApp } from '../harness/app.ts'
import { type Receiver, receiver } from '../harness/trigger-receivers.ts'

const WORKER = fileURLToPath(new URL('./triggers-worker.ts', import.meta.url))
const DAY_MS = 86_400_000
const KILLS = 3

let app: TestApp
let folder: string
let skew = 0
const started: ChildProcess[] = []
const receivers: Receiver[] = []
const skewFile = () => path.join(folder, 'skew')

beforeAll(async () => {
  app = await testApp({ config: { allowPrivateTriggers: true } })
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-triggers-'))
  app.deps.clock = () => new Date(Date.now() + skew)
  advance(0)
  await app.org('laurel')
})
afterAll(async () => {
  for (const each of started) each.kill('SIGKILL')
  for (const each of receivers) await each.stop()
  rmSync(folder, { recursive: true, force: true })
  await app.close()
})

/** In one step, since workers read the file at any time. */
function advance(ms: number): void {
  skew += ms
  writeFileSync(`${skewFile()}.new`, String(skew))
  renameSync(`${skewFile()}.new`, skewFile())
}

async function worker(): Promise<ChildProcess> {
  const config = { ...app.deps.config, databaseUrl: app.database.url, logLevel: 'fatal' }
  const data = { config, connection: app.database.connection, skewFile: skewFile() }
  const child = spawn(process.execPath, [WORKER], {
    env: { PATH: process.env.PATH, TRIGGERS: JSON.stringify(data) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  started.push(child)
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  return child
}

type Handler = Parameters<typeof receiver>[0]
const open = async (handler?: Handler) => {
  const made = await receiver(handler)
  receivers.push(made)
  return made
}

const endless: Handler = (response) => {
  response.writeHead(200)
  const more = () => response.destroyed || void response.write('x'.repeat(65_536), more)
  more()
}

const emit = (family: FamilyId, count: number, data: object) =>
  app.deps.db.transaction(async (tx) => {
    for (let n = 0; n < count; n++) {
      const subject = { kind: 'thing', id: `${n}`, title: `Thing ${n}` }
      await emitTrigger(tx, { org: 'laurel', family, subject, data, at: app.deps.clock() })
    }
  })

type Row = { id: string; kind: string; status: string; attempts: number; outcome: string }
const rows = () =>
  app.deps.db.query<Row>(sql`
    SELECT d.id, s.description AS kind, d.status, d.attempts, d.outcome FROM trigger_deliveries d
      JOIN trigger_subscriptions s ON s.org = d.org AND s.id = d.subscription_id WHERE d.org = 'laurel'`)

const waiting = async () => {
  const soon = new Date(app.deps.clock().getTime() + 31_000)
  const [row] = await app.deps.db.query<{ pending: number; due: number; events: number }>(sql`
    SELECT (SELECT count(*)::int FROM trigger_events WHERE org = 'laurel' AND fanned_out_at IS NULL) AS events,
           count(*) FILTER (WHERE status = 'pending')::int AS pending,
           count(*) FILTER (WHERE status = 'pending' AND next_at <= ${soon})::int AS due
      FROM trigger_deliveries WHERE org = 'laurel'`)
  return row as { pending: number; due: number; events: number }
}

test('[TR-22] 1,000 triggers to receivers of every kind, their workers killed: each ends, under one id', async () => {
  const forbidden = await open()
  const kinds: Record<string, [FamilyId, Handler]> = {
    fast: ['live.readiness.changed', (response) => void response.end()],
    slow: ['live.readiness.changed', (response) => void setTimeout(() => response.end(), 100)],
    endless: ['live.readiness.changed', endless],
    gone: ['live.readiness.changed', (response) => void response.writeHead(410).end()],
    failing: ['config.sync.finished', (response) => void response.writeHead(500).end()],
    redirecting: [
      'config.sync.finished',
      (response) => void response.writeHead(302, { location: forbidden.url }).end(),
    ],
    closing: ['config.sync.finished', (response) => void response.destroy()],
    silent: ['config.sync.finished', () => {}],
  }
  const owner = await app.person('laurel', 'owner')
  const at: Record<string, Receiver> = {}
  for (const [kind, [family, handler]] of Object.entries(kinds)) {
    const made = await open(handler)
    at[kind] = made
    const reply = await owner.call('POST', '/api/agent/workflow-triggers/subscriptions', {
      ...{ url: made.url, families: [family], description: kind },
    })
    made.secrets.push(reply.body.secret)
  }
  await emit('live.readiness.changed', 300, { eventId: 'e', before: 'blocked', after: 'ready' })
  await emit('config.sync.finished', 25, { jobId: 'j', kind: 'sync', status: 'succeeded' })

  let working = await worker()
  let kills = 0
  let last = ''
  for (const deadline = Date.now() + 400_000; Date.now() < deadline; await sleep(700)) {
    const { pending, due, events } = await waiting()
    if (pending === 0 && events === 0) break
    const state = `${pending} ${due} ${events}`
    if (kills < KILLS && due > 0) {
      working.kill('SIGKILL')
      await once(working, 'exit')
      kills++
      working = await worker()
    }
    // nothing is due before the next pause is over; what does not move was claimed by a worker that is gone
    if (due === 0 && events === 0) advance(DAY_MS + 3_600_000)
    else if (state === last) advance(61_000)
    last = state
    await resumeTriggers(app.deps)
  }

  const ended = await rows()
  expect(kills).toBe(KILLS)
  // 410 ends a subscription, and events that come later are not for it
  expect(ended.length).toBeGreaterThan(1_000)
  expect(ended.filter(({ status }) => status === 'pending')).toEqual([])
  for (const { kind, status, attempts } of ended) {
    const good = ['fast', 'slow', 'endless'].includes(kind)
    expect(status, kind).toBe(good ? 'delivered' : 'dead')
    if (!good && kind !== 'gone') expect(attempts, kind).toBe(10)
  }
  expect(forbidden.hits).toHaveLength(0)
  for (const [kind, { hits }] of Object.entries(at)) {
    expect(
      hits.every(({ verified }) => verified),
      kind,
    ).toBe(true)
    const ids = new Set(ended.filter((row) => row.kind === kind).map(({ id }) => id))
    expect(
      hits.filter(({ id }) => !ids.has(id)),
      kind,
    ).toEqual([])
    // one event has one webhook-id at a receiver, and who answers well has had all of them
    const byEvent = new Map(hits.map(({ id, body }) => [body.id, id]))
    expect(
      hits.filter(({ id, body }) => byEvent.get(body.id) !== id),
      kind,
    ).toEqual([])
    if (['fast', 'slow', 'endless'].includes(kind)) expect(byEvent.size, kind).toBe(300)
  }
}, 480_000)
