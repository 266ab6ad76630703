import pg from 'pg'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type TestDatabase, testDatabase } from '../../test/harness/database.ts'
import { appendBatchToFeed, appendToFeed } from './append.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())

type Row = { key: string | null; type: string; data: any; xid: string; size: number; updatedAt: Date }
const rows = (org: string): Promise<Row[]> =>
  database.db.query<Row>(sql`
    SELECT key, type, data, xid::text, size, updated_at AS "updatedAt" FROM feed_entries WHERE org = ${org}
     ORDER BY xid, seq`)

const at = new Date('2026-05-16T07:00:00.000Z')
const upsert = (key: string, n: number) => ({
  key,
  type: 'config.document.upsert',
  data: { type: 'price', id: key, version: n },
  at,
})

test('[FD-1] entries go with their transaction, in order, and what is rolled back was never there', async () => {
  const org = 'together'
  await database.db.transaction((tx) =>
    appendToFeed(tx, {
      org,
      feed: 'config-changes',
      entries: [upsert('b', 1), upsert('a', 1), upsert('b', 2)],
    }),
  )
  const rolledBack = database.db.transaction(async (tx) => {
    await appendToFeed(tx, { org, feed: 'config-changes', entries: [upsert('c', 1)] })
    throw new Error('no')
  })
  await expect(rolledBack).rejects.toThrow('no')
  await database.db.transaction((tx) =>
    appendToFeed(tx, {
      org,
      feed: 'config-changes',
      entries: [{ key: 'a', type: 'config.document.delete', data: null, at }],
    }),
  )
  const found = await rows(org)
  expect(found.map(({ key, data }) => [key, data?.version])).toEqual([
    ['a', 1],
    ['b', 2],
    ['a', undefined],
  ])
  // the clock stood still, and the time of a key rises all the same
  expect(found.map(({ updatedAt }) => updatedAt.getTime() - at.getTime())).toEqual([0, 0, 1])
})

test('[FD-2] a key has its last writer last, though an older transaction is the later writer', async () => {
  const org = 'older-writes-later'
  const older = new pg.Client(database.connection)
  await older.connect()
  try {
    const query = (statement: { text: string; values: unknown[] }) =>
      older.query(statement).then(({ rows }) => rows as any)
    await older.query('BEGIN')
    const [{ number }] = await query({ text: 'SELECT pg_current_xact_id()::text AS number', values: [] })
    await database.db.transaction((tx) =>
      appendToFeed(tx, { org, feed: 'config-changes', entries: [upsert('k', 1)] }),
    )
    await appendToFeed({ query }, { org, feed: 'config-changes', entries: [upsert('k', 2)] })
    await older.query('COMMIT')
    const found = await rows(org)
    expect(found.map(({ data }) => data.version)).toEqual([1, 2])
    expect(BigInt(found[1]!.xid)).toBeGreaterThan(BigInt(number))
  } finally {
    await older.end()
  }
})

test('[FD-2] two writers of a key at once: the second waits for the first', async () => {
  const org = 'two-at-once'
  const first = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  const one = database.db.transaction(async (tx) => {
    await appendToFeed(tx, { org, feed: 'config-changes', entries: [upsert('k', 1)] })
    held.resolve()
    await first.promise
  })
  await held.promise
  const two = database.db.transaction((tx) =>
    appendToFeed(tx, { org, feed: 'config-changes', entries: [upsert('k', 2)] }),
  )
  await vi.waitFor(async () => {
    const [row] = await database.db.query(
      sql`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`,
    )
    expect(row?.count).toBeGreaterThan(0)
  })
  expect(await rows(org)).toEqual([])
  first.resolve()
  await Promise.all([one, two])
  expect((await rows(org)).map(({ data }) => data.version)).toEqual([1, 2])
})

test('[FD-3] entries are later than what was claimed to be complete, whatever clock their writer has', async () => {
  const org = 'later-than-claims'
  const claimed = new Date('2026-06-01T00:00:00.000Z')
  await database.db.query(sql`UPDATE feed_clock SET claimed_at = ${claimed}`)
  await database.db.transaction(async (tx) => {
    await appendToFeed(tx, { org, feed: 'config-changes', entries: [upsert('k', 1)] })
    await appendBatchToFeed(tx, { org, feed: 'config-changes', entries: [upsert('k', 1)], at })
  })
  for (const { updatedAt } of await rows(org)) expect(updatedAt.getTime()).toBe(claimed.getTime() + 1)
})

test('[FD-4] many entries of a bulk write are one row for 500 of them', async () => {
  const org = 'batches'
  const entries = Array.from({ length: 1_001 }, (_, n) => upsert(`k${n}`, n))
  await database.db.transaction((tx) => appendBatchToFeed(tx, { org, feed: 'config-changes', entries, at }))
  const found = await rows(org)
  expect(found.map(({ key, size, data }) => [key, size, data.length])).toEqual([
    [null, 500, 500],
    [null, 500, 500],
    [null, 1, 1],
  ])
  expect(found[0]?.data[7]).toMatchObject({ key: 'k7', data: { version: 7 } })
})

test('[FD-5] nothing is written that the type of a record does not allow', async () => {
  const org = 'allowed'
  const append = (type: string, data: object | null) =>
    database.db.transaction((tx) =>
      appendToFeed(tx, { org, feed: 'config-changes', entries: [{ key: 'k', type, data, at }] }),
    )
  await append('config.document.upsert', { type: 'price', id: 'k', version: 1, document: { secret: 'x' } })
  expect((await rows(org))[0]?.data).toEqual({ type: 'price', id: 'k', version: 1 })
  await expect(append('work-log.entry.upsert', {})).rejects.toThrow('no records of type')
  await expect(append('config.document.upsert', null)).rejects.toThrow('have their data')
  await expect(append('config.document.delete', {})).rejects.toThrow('have no data')
  await expect(append('config.document.upsert', { type: 'price' })).rejects.toThrow('version')
  expect(await rows(org)).toHaveLength(1)
})
