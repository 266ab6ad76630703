import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../../test/harness/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
  await database.db.query(sql`CREATE TABLE notes (id int PRIMARY KEY, body text)`)
})
afterAll(() => database.drop())

const count = async (): Promise<number | undefined> =>
  (await database.db.query<{ n: number }>(sql`SELECT count(*) AS n FROM notes`))[0]?.n

test('[D-8] a transaction that throws leaves nothing, and its connection is used again', async () => {
  const { db } = database
  const failing = db.transaction(async (tx) => {
    await tx.query(sql`INSERT INTO notes VALUES (${1}, ${'half'})`)
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await count()).toBe(0)
  await db.transaction((tx) => tx.query(sql`INSERT INTO notes VALUES (${2}, ${'whole'})`))
  expect(await count()).toBe(1)
})

test('[D-9] parameterised statements are prepared, and int8 comes as a number', async () => {
  const { db } = database
  await db.transaction(async (tx) => {
    const rows = await tx.query<{ n: number }>(sql`SELECT ${5}::int8 AS n`)
    expect(rows).toEqual([{ n: 5 }])
    const prepared = await tx.query<{ statement: string }>(sql`SELECT statement FROM pg_prepared_statements`)
    expect(prepared.map(({ statement }) => statement)).toContain('SELECT $1::int8 AS n')
  })
})

test('[D-10] a terminated idle connection does not end the process; the next statement gets a new one', async () => {
  const { db } = database
  const [own] = await db.query<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`)
  const { default: pg } = await import('pg')
  const other = new pg.Client(database.connection)
  await other.connect()
  await other.query('SELECT pg_terminate_backend($1)', [own?.pid])
  await other.end()
  const deadline = Date.now() + 5_000
  let answer: unknown
  while (answer === undefined && Date.now() < deadline)
    answer = await db.query(sql`SELECT 1 AS one`).catch(() => undefined)
  expect(answer).toEqual([{ one: 1 }])
})
