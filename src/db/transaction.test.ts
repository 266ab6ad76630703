import sql from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../../test/harness/database.ts'
import type { Transaction } from './pool.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
  await database.db.query(sql`CREATE TABLE notes (id int PRIMARY KEY)`)
})
beforeEach(async () => {
  await database.db.query(sql`TRUNCATE notes`)
})
afterAll(() => database.drop())

const insert = (id: number) => sql`INSERT INTO notes VALUES (${id})`
const ids = async () =>
  (await database.db.query<{ id: number }>(sql`SELECT id FROM notes ORDER BY id`)).map(({ id }) => id)

test('a sent statement is committed with the transaction, in the order of sending', async () => {
  const seen = await database.db.transaction(async (tx) => {
    tx.send(insert(1))
    const rows = await tx.query<{ id: number }>(sql`SELECT id FROM notes WHERE id > ${0}`)
    tx.send(insert(2))
    return rows
  })
  expect(seen).toEqual([{ id: 1 }])
  expect(await ids()).toEqual([1, 2])
})

test('a sent statement that PostgreSQL refuses fails the transaction with its own error', async () => {
  const failing = database.db.transaction(async (tx) => {
    await tx.query(insert(1))
    tx.send(insert(1))
  })
  await expect(failing).rejects.toMatchObject({ code: '23505' })
  expect(await ids()).toEqual([])
})

test('a sent statement that the driver cannot send fails the transaction too', async () => {
  const unsendable = {
    toPostgres: () => {
      throw new Error('unsendable')
    },
  }
  const failing = database.db.transaction(async (tx) => {
    await tx.query(insert(1))
    tx.send(sql`INSERT INTO notes VALUES (${unsendable})`)
  })
  await expect(failing).rejects.toThrow('unsendable')
  expect(await ids()).toEqual([])
  // the driver believes that it prepared the text; the next transaction must not find that out
  await database.db.transaction(async (tx) => tx.send(insert(3)))
  expect(await ids()).toEqual([3])
})

test('nothing is sent once the transaction has ended', async () => {
  let kept: Transaction | undefined
  await database.db.transaction(async (tx) => {
    kept = tx
    await tx.query(insert(1))
  })
  expect(() => kept?.send(insert(2))).toThrow('has ended')
  expect(await ids()).toEqual([1])
  expect(database.db.pool.totalCount).toBe(1)
})
