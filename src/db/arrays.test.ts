import fc from 'fast-check'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../../test/harness/database.ts'
import { binaryArray } from './arrays.ts'
import { type Db, openDb } from './pool.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await testDatabase()
  db = openDb(database.connection)
})
afterAll(async () => {
  await db.end()
  await database.drop()
})

const stored = fc
  .string({ unit: 'grapheme' })
  .filter((text) => !text.includes('\u0000') && text.isWellFormed())

test('a list of texts arrives as it is: quotes, commas, emptiness, nulls', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(stored, { freq: 5 }), { maxLength: 20 }), async (values) => {
      const rows = await db.query<{ value: string | null }>(
        sql`SELECT value FROM unnest(${binaryArray('text', values)}::text[]) WITH ORDINALITY AS u(value, place) ORDER BY place`,
      )
      expect(rows.map(({ value }) => value)).toEqual(values)
    }),
    { numRuns: 60 },
  )
})

test('a list of documents arrives to the letter, and what is no JSON is refused', async () => {
  const values = ['{"b":1, "a":[null,"\\u00e9 ü \\"quoted\\""]}', null, '[]', '{"b":1,"b":2}']
  const read = (documents: (string | null)[]) =>
    db.query<{ text: string | null }>(
      sql`SELECT d::text AS text FROM unnest(${binaryArray('json', documents)}::json[]) AS d`,
    )
  expect((await read(values)).map(({ text }) => text)).toEqual(values)
  await expect(read(['{"a":'])).rejects.toThrow('json')
})
