import pg from 'pg'
import sql, { raw } from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type TestDatabase, testDatabase } from '../../test/harness/database.ts'
import { openDb, type Queryable } from './pool.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
  await database.db.query(sql`CREATE TABLE notes (id int PRIMARY KEY, body text)`)
})
beforeEach(async () => {
  await database.db.query(sql`TRUNCATE notes`)
})
afterAll(() => database.drop())

const count = async (): Promise<number | undefined> =>
  (await database.db.query<{ n: number }>(sql`SELECT count(*) AS n FROM notes`))[0]?.n

const insert = (id: number) => sql`INSERT INTO notes VALUES (${id}, ${'text'})`

/** Ends a backend as an administrator or a database restart would. */
async function terminate(pid: number | undefined): Promise<void> {
  const other = new pg.Client(database.connection)
  await other.connect()
  await other.query('SELECT pg_terminate_backend($1, 5000)', [pid])
  await other.end()
}

const pidOf = async (on: Queryable): Promise<number | undefined> =>
  (await on.query<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`))[0]?.pid

test('[D-8] a transaction that throws leaves nothing, and its connection is used again', async () => {
  const { db } = database
  const failing = db.transaction(async (tx) => {
    await tx.query(insert(1))
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await count()).toBe(0)
  await db.transaction((tx) => tx.query(insert(2)))
  expect(await count()).toBe(1)
  expect(db.pool.totalCount).toBe(1)
})

test('[D-9] parameterised statements are prepared; int8 comes as a number, timestamptz as a Date', async () => {
  const { db } = database
  await db.transaction(async (tx) => {
    const rows = await tx.query(sql`SELECT ${5}::int8 AS n, ${'2026-05-21T02:00:00Z'}::timestamptz AS at`)
    expect(rows).toEqual([{ n: 5, at: new Date('2026-05-21T02:00:00Z') }])
    const prepared = await tx.query<{ statement: string }>(sql`SELECT statement FROM pg_prepared_statements`)
    expect(prepared.map(({ statement }) => statement)).toContain(
      'SELECT $1::int8 AS n, $2::timestamptz AS at',
    )
  })
  await expect(db.query(sql`SELECT ${'9007199254740993'}::int8 AS n`)).rejects.toThrow(/does not fit/)
})

test('[D-10] a terminated idle connection does not end the process; the next statement gets a new one', async () => {
  const { db } = database
  await terminate(await pidOf(db))
  expect(await vi.waitUntil(() => db.query(sql`SELECT 1 AS one`).catch(() => undefined))).toEqual([
    { one: 1 },
  ])
})

test('[D-19] a transaction whose failed statement was swallowed is an error, not a silent rollback', async () => {
  const swallowing = database.db.transaction(async (tx) => {
    await tx.query(insert(1))
    await tx.query(insert(1)).catch(() => {})
    return 'done'
  })
  await expect(swallowing).rejects.toThrow('nothing was written')
  expect(await count()).toBe(0)
})

test('[D-20] a statement sent after its transaction ended is refused', async () => {
  const { db } = database
  let kept: Queryable | undefined
  await db.transaction(async (tx) => {
    kept = tx
    await tx.query(insert(1))
  })
  await expect(kept?.query(insert(2))).rejects.toThrow('has ended')
  // the branch of a Promise.all that goes on after its sibling failed
  let late: Promise<unknown> | undefined
  const failing = db.transaction(async (tx) => {
    const released = Promise.withResolvers<void>()
    late = released.promise.then(() => tx.query(insert(3)))
    late.catch(() => {})
    setImmediate(() => setImmediate(released.resolve))
    await tx.query(sql`SELECT ${'x'}::int`)
  })
  await expect(failing).rejects.toThrow('invalid input syntax')
  await Promise.allSettled([late])
  expect(await count()).toBe(1)
})

test('[D-21] a connection that breaks within a transaction is destroyed, and the pool goes on', async () => {
  const { db } = database
  const broken = db.transaction(async (tx) => {
    await tx.query(insert(1))
    await terminate(await pidOf(tx))
    await tx.query(insert(2))
  })
  await expect(broken).rejects.toThrow()
  expect(db.pool.totalCount).toBe(0)
  await db.transaction((tx) => tx.query(insert(3)))
  expect(await count()).toBe(1)
})

test('[D-22] hot reads share one connection, survive its end, and fail alone', async () => {
  const { db } = database
  await db.query(insert(7))
  const read = (id: number) => db.read<{ id: number }>(sql`SELECT id FROM notes WHERE id = ${id}`)
  const pid = await pidOf({ query: db.read })
  const [found, missing, refused, after] = await Promise.allSettled([
    read(7),
    read(8),
    db.read(sql`SELECT ${'x'}::int`),
    pidOf({ query: db.read }),
  ])
  expect(found).toMatchObject({ value: [{ id: 7 }] })
  expect(missing).toMatchObject({ value: [] })
  expect(refused).toMatchObject({ reason: { code: '22P02' } })
  expect(after).toMatchObject({ value: pid })
  await terminate(pid)
  expect(await read(7)).toEqual([{ id: 7 }])
  // broken under a read that is on its way: repeated on a new connection
  const again = await pidOf({ query: db.read })
  const ends = Promise.all([read(7), db.read(sql`SELECT pg_sleep(${0.3})`), read(7)])
  await terminate(again)
  expect((await ends).map((rows) => rows.length)).toEqual([1, 1, 1])
})

test('[D-23] texts beyond the bound are run unnamed', async () => {
  const db = openDb({ ...database.connection, max: 1 })
  try {
    await Promise.all(
      Array.from({ length: 1_100 }, (_, n) => db.query(sql`SELECT ${1}::int AS ${raw(`c${n}`)}`)),
    )
    const [row] = await db.query<{ n: number }>(sql`SELECT count(*) AS n FROM pg_prepared_statements`)
    expect(row?.n).toBeGreaterThan(500)
    expect(row?.n).toBeLessThanOrEqual(1_000)
  } finally {
    await db.end()
  }
})
