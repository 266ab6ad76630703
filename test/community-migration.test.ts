import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import sql from 'sql-template-tag'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrate } from '../src/db/migrate.ts'
import { type TestDatabase, testDatabase } from './harness/database.ts'

const FOLDER = path.join(import.meta.dirname, '..', 'migrations')
const COMMUNITY = '000011_community.sql'

let database: TestDatabase
let before: string

/** A database as the release before communities left it. */
beforeEach(async () => {
  database = await testDatabase()
  await database.db.query(sql`DROP SCHEMA public CASCADE`)
  await database.db.query(sql`CREATE SCHEMA public`)
  before = mkdtempSync(path.join(os.tmpdir(), 'cs-migrations-'))
  for (const file of readdirSync(FOLDER).filter((name) => name < COMMUNITY))
    copyFileSync(path.join(FOLDER, file), path.join(before, file))
  await migrate(database.connection, before)
})
afterEach(async () => {
  rmSync(before, { recursive: true, force: true })
  await database.drop()
})

test('[CM-17] organisations and channels from before get general, places 1 to 4 by age, and the rest archived', async () => {
  const { db } = database
  await db.query(sql`
    INSERT INTO auth_organization (id, name, slug, created_at)
    VALUES ('laurel', 'Laurel', 'laurel', now()), ('juniper', 'Juniper', 'juniper', now())`)
  await db.query(sql`
    INSERT INTO community_channels (org, id, title, active, created_at)
    SELECT 'laurel', 'c' || n, 'Channel ' || n, n <> 2, '2026-01-01'::timestamptz + n * interval '1 day'
      FROM generate_series(1, 6) n`)
  await db.query(sql`
    INSERT INTO community_channels (org, id, title, active, created_at) VALUES ('juniper', 'general', 'Talk', false, now())`)
  copyFileSync(path.join(FOLDER, COMMUNITY), path.join(before, COMMUNITY))
  expect(await migrate(database.connection, before)).toEqual({ applied: [COMMUNITY] })
  const rows = await db.query<{ org: string; id: string; title: string; position: number | null }>(sql`
    SELECT org, id, title, position FROM community_channels ORDER BY org, position NULLS LAST, id`)
  expect(rows.map(({ org, id, title, position }) => [org, id, title, position])).toEqual([
    ['juniper', 'general', 'Talk', 1],
    ['laurel', 'general', 'General', 1],
    ['laurel', 'c1', 'Channel 1', 2],
    ['laurel', 'c3', 'Channel 3', 3],
    ['laurel', 'c4', 'Channel 4', 4],
    ['laurel', 'c2', 'Channel 2', null],
    ['laurel', 'c5', 'Channel 5', null],
    ['laurel', 'c6', 'Channel 6', null],
  ])
})
