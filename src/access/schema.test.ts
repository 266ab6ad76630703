import { getMigrations } from 'better-auth/db/migration'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestAccess, testAccess } from '../../test/harness/access.ts'
import { authOptions, authPlugins } from './better-auth.ts'

let test: TestAccess

beforeAll(async () => {
  test = await testAccess()
})
afterAll(() => test.drop())

async function pending(pool: pg.Pool) {
  const access = { ...test.access, db: { ...test.access.db, pool } }
  const migrations = await getMigrations({ ...authOptions(access), plugins: authPlugins(access) })
  const { toBeCreated, toBeAdded, compileMigrations } = migrations
  return { toBeCreated, toBeAdded, statements: await compileMigrations() }
}

describe('[X-20] the access migration', () => {
  it('has every table and column that better-auth asks for', async () => {
    const { toBeCreated, toBeAdded, statements } = await pending(test.database.db.pool)
    expect({ toBeCreated, toBeAdded }).toEqual({ toBeCreated: [], toBeAdded: [] })
    expect(statements.replaceAll(/[\s;]/g, '')).toBe('')
  })

  it('has every index that better-auth would make in an empty database', async () => {
    const { pool } = test.database.db
    await pool.query('CREATE SCHEMA empty')
    const empty = new pg.Pool({ ...test.database.connection, options: '-c search_path=empty' })
    const { statements } = await pending(empty)
    await empty.end()
    const wanted = [...statements.matchAll(/create (?:unique )?index "(\w+)"/g)].map((match) => match[1])
    expect(wanted.length).toBeGreaterThan(20)
    const { rows } = await pool.query<{ name: string }>(
      `SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public'`,
    )
    const have = rows.map(({ name }) => name)
    expect(wanted.filter((name) => !have.includes(name as string))).toEqual([])
  })

  it('would be found short', async () => {
    await test.database.db.pool.query(
      'ALTER TABLE auth_organization DROP COLUMN logo; DROP TABLE auth_oauth_consent',
    )
    const { toBeCreated, toBeAdded } = await pending(test.database.db.pool)
    expect(toBeCreated.map(({ table }) => table)).toEqual(['auth_oauth_consent'])
    expect(toBeAdded.map(({ table }) => table)).toEqual(['auth_organization'])
  })
})
