import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDb } from '../../src/db/pool.ts'
import { type TestApp, testApp } from '../harness/app.ts'
import { seeded, seedOf } from '../harness/seeded.ts'
import { makeTruth, readAll, readByTime, truth, write } from './feeds.ts'

const WRITERS = 8
const READERS = 3

let app: TestApp
beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
})
afterAll(() => app.close())

describe('[FD-14] under eight writers with long, rolled back and crossing transactions', () => {
  const seed = seedOf(process.env)
  console.log(`feeds: SEED=${seed}`)

  test('readers miss nothing, have the last entry of each key last, and are told no untruth', async () => {
    const db = openDb({ ...app.database.connection, max: WRITERS + 4 })
    try {
      await makeTruth(db)
      let isOver = false
      const get = (query: string) => app.guest().call('GET', `/api/agent/sync-feeds/work-log?${query}`)
      const readers = Array.from({ length: READERS }, (_, n) =>
        readAll(get, seeded(seed + 100 + n), () => isOver),
      )
      const byTime = readByTime(db, () => isOver)
      const storm = { db: () => db, transactions: 40 }
      await Promise.all(
        Array.from({ length: WRITERS }, (_, n) => write({ ...storm, random: seeded(seed + n) }, n)),
      )
      isOver = true
      const written = await db.query<{ id: string; key: string }>(sql`
        SELECT xid || '/' || seq AS id, key FROM feed_entries WHERE org = 'laurel' AND feed = 'work-log'`)
      const last = await truth(db)
      expect(written.length).toBeGreaterThan(200)
      for (const { records, lies, pages, resumed } of await Promise.all(readers)) {
        expect(records.size).toBe(written.length)
        expect(lies).toEqual([])
        expect(pages).toBeGreaterThan(20)
        expect(resumed).toBeGreaterThan(0)
        const counted = new Map<string, number>()
        for (const { key, title } of records.values()) {
          const n = (counted.get(key) ?? 0) + 1
          // each key's entries in the order in which they were committed, which their titles count
          expect(title ?? (n % 7 === 0 ? String(n) : 'not a tombstone'), `${key} ${n}`).toBe(String(n))
          counted.set(key, n)
        }
        expect(counted).toEqual(last)
      }
      // the same storm, read by time: the proof that there was something to miss
      expect((await byTime).size).toBeLessThan(written.length)
    } finally {
      await db.end()
    }
  })
})
