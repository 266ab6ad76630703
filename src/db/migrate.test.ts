import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import sql from 'sql-template-tag'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../../test/harness/database.ts'
import { knownMigrations, migrate, migrationState } from './migrate.ts'

const FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url))
let database: TestDatabase
let folder: string

beforeEach(async () => {
  database = await testDatabase()
  folder = mkdtempSync(path.join(os.tmpdir(), 'cs-migrations-'))
  for (const file of readdirSync(FOLDER)) copyFileSync(path.join(FOLDER, file), path.join(folder, file))
})
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true })
  await database.drop()
})

test('[D-4] a migrated database has nothing left to apply and is ready', async () => {
  expect(await migrate(database.connection)).toEqual({ applied: [] })
  expect(await migrationState(database.db)).toMatchObject({ ok: true, known: knownMigrations().length })
})

test('[D-5] several processes migrating at once apply each file once', async () => {
  writeFileSync(path.join(folder, '999998_more.sql'), 'CREATE TABLE more (id int); SELECT pg_sleep(0.1);')
  const results = await Promise.all([1, 2, 3, 4].map(() => migrate(database.connection, folder)))
  expect(results.flatMap(({ applied }) => applied)).toEqual(['999998_more.sql'])
})

test('[D-6] a database from the future and a changed applied file are refused with advice', async () => {
  await database.db.query(sql`INSERT INTO migrations (name, checksum) VALUES ('999999_future.sql', 'x')`)
  await expect(migrate(database.connection, folder)).rejects.toThrow(
    /newer release \(it has 999999_future\.sql\)/,
  )
  await database.db.query(sql`DELETE FROM migrations WHERE name = '999999_future.sql'`)
  writeFileSync(path.join(folder, '000002_operation.sql'), '-- changed')
  await expect(migrate(database.connection, folder)).rejects.toThrow(/000002_operation\.sql was changed/)
})

test('[D-7] a failing migration leaves nothing of itself behind', async () => {
  writeFileSync(path.join(folder, '999998_broken.sql'), 'CREATE TABLE half (id int); SELECT nonsense;')
  await expect(migrate(database.connection, folder)).rejects.toThrow(/999998_broken\.sql failed/)
  const [row] = await database.db.query<{ there: boolean }>(
    sql`SELECT to_regclass('half') IS NOT NULL AS there`,
  )
  expect(row?.there).toBe(false)
  writeFileSync(path.join(folder, '999998_broken.sql'), 'CREATE TABLE half (id int);')
  expect((await migrate(database.connection, folder)).applied).toEqual(['999998_broken.sql'])
})

test('[D-24] a file without a place in the order is refused', async () => {
  writeFileSync(path.join(folder, '000003_again.sql'), '')
  await expect(migrate(database.connection, folder)).rejects.toThrow(
    /000003_again\.sql and 000003_sessions\.sql have one number/,
  )
  rmSync(path.join(folder, '000003_again.sql'))
  writeFileSync(path.join(folder, '5-more.sql'), '')
  await expect(migrate(database.connection, folder)).rejects.toThrow(/5-more\.sql is not named/)
  rmSync(path.join(folder, '5-more.sql'))
  writeFileSync(path.join(folder, '000000_late.sql'), '')
  await expect(migrate(database.connection, folder)).rejects.toThrow(/000000_late\.sql comes before/)
})

test('[D-25] a database that differs from the release is not ready', async () => {
  const { db } = database
  await db.query(sql`UPDATE migrations SET checksum = 'other' WHERE name = '000002_operation.sql'`)
  expect((await migrationState(db)).ok).toBe(false)
})
