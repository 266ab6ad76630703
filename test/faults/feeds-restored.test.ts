import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { pino } from 'pino'
import sql from 'sql-template-tag'
import { afterEach, expect, test, vi } from 'vitest'
import { startEmbedded } from '../../src/db/embedded/start.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openDb } from '../../src/db/pool.ts'
import { appendToFeed } from '../../src/sync-feeds/append.ts'
import { cleanUp, postmaster, tempFolder } from '../embedded/processes.ts'
import { type TestApp, testApp } from '../harness/app.ts'
import { seeded, seedOf } from '../harness/seeded.ts'
import { makeTruth, readAll, truth, write } from './feeds.ts'

/** Servers of their own are started, killed and copied. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })
const silent = pino({ level: 'silent' })

type Placed = { app: TestApp; stop(): Promise<void> }

/** The application on an embedded PostgreSQL of its own. */
async function placed(dataDir: string): Promise<Placed> {
  const embedded = await startEmbedded(dataDir, silent)
  await migrate(embedded.connection)
  const db = openDb({ ...embedded.connection, max: 14 })
  const database = { connection: embedded.connection, url: '', db, drop: () => db.end() }
  const app = await testApp({ database })
  return {
    app,
    async stop() {
      await app.close()
      await embedded.stop()
    },
  }
}

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  await cleanUp()
})

const get = (app: TestApp) => (query: string) =>
  app.guest().call('GET', `/api/agent/sync-feeds/work-log?${query}`)
const append = (app: TestApp, key: string) => {
  const data = { id: key, title: key, summary: '', kind: 'release', url: null, occurredAt: '' }
  const entries = [{ key, type: 'work-log.entry.upsert', data, at: new Date() }]
  return app.deps.db.transaction((tx) => appendToFeed(tx, { org: 'laurel', feed: 'work-log', entries }))
}

test('[FD-19] PostgreSQL is killed amid the storm: nothing is missed, and nothing untrue is said', async () => {
  const seed = seedOf(process.env)
  console.log(`feeds, killed: SEED=${seed}`)
  const dataDir = path.join(tempFolder(), 'data')
  const { app, stop } = await placed(dataDir)
  stops.push(stop)
  await app.org('laurel')
  const { db } = app.deps
  await makeTruth(db)
  let isOver = false
  const readers = [1, 2].map((n) => readAll(get(app), seeded(seed + 100 + n), () => isOver))
  // they go on while the others are waited for, and may fail meanwhile
  for (const reader of readers) reader.catch(() => {})
  const storm = { db: () => db, transactions: 40, mayBreak: true }
  const writers = Array.from({ length: 8 }, (_, n) => write({ ...storm, random: seeded(seed + n) }, n))
  const random = seeded(seed + 200)
  for (let kills = 0; kills < 2; kills++) {
    await setTimeout(300 + random.below(500))
    const killed = postmaster(dataDir) as number
    process.kill(killed, 'SIGKILL')
    await vi.waitFor(() => expect([undefined, killed]).not.toContain(postmaster(dataDir)), {
      timeout: 20_000,
    })
    await vi.waitFor(() => db.query(sql`SELECT 1`), { timeout: 60_000 })
  }
  await Promise.all(writers)
  isOver = true
  const written = await db.query(sql`SELECT 1 FROM feed_entries WHERE org = 'laurel' AND feed = 'work-log'`)
  const last = await truth(db)
  expect(written.length).toBeGreaterThan(100)
  for (const { records, lies } of await Promise.all(readers)) {
    expect(records.size).toBe(written.length)
    expect(lies).toEqual([])
    const counted = new Map<string, number>()
    for (const { key } of records.values()) counted.set(key, (counted.get(key) ?? 0) + 1)
    expect(counted).toEqual(last)
  }
})

test('[FD-20] [FD-8] on an older copy, a cursor that read more than it has is refused, and one that did not goes on', async () => {
  const dataDir = path.join(tempFolder(), 'data')
  const kept = path.join(tempFolder(), 'kept')
  const first = await placed(dataDir)
  await first.app.org('laurel')
  await append(first.app, 'before-the-copy')
  const early = (await get(first.app)('')).body
  expect(early.records).toHaveLength(1)
  await first.stop()
  execFileSync('cp', ['-a', dataDir, kept])

  const second = await placed(dataDir)
  await append(second.app, 'lost')
  const late = (await get(second.app)(`cursor=${early.nextCursor}`)).body
  expect(late.records.map(({ key }: any) => key)).toEqual(['lost'])
  await second.stop()
  execFileSync('rm', ['-rf', dataDir])
  execFileSync('cp', ['-a', kept, dataDir])

  const restored = await placed(dataDir)
  stops.push(restored.stop)
  const { app } = restored
  const refusal = async () => {
    const { status, body } = await get(app)(`cursor=${late.nextCursor}`)
    return [status, body.code, body.restart?.reason]
  }
  expect(await refusal()).toEqual([410, 'cursor-expired', 'history-changed'])
  // also once the restored database has gone further than the lost one had
  for (let n = 0; n < 30; n++) await append(app, `new-${n}`)
  await get(app)('')
  expect(await refusal()).toEqual([410, 'cursor-expired', 'history-changed'])
  const on = (await get(app)(`cursor=${early.nextCursor}`)).body
  expect(on.records.map(({ key }: any) => key)).toEqual(Array.from({ length: 30 }, (_, n) => `new-${n}`))
})
