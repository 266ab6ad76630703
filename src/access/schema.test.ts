import { getMigrations } from 'better-auth/db/migration'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestAccess, testAccess } from '../../test/harness/access.ts'
import { authOptions, authPlugins } from './better-auth.ts'

let test: TestAccess

beforeAll(async () => {
  test = await testAccess()
})
afterAll(() => test.drop())

const pending = async () => {
  const migrations = await getMigrations({ ...authOptions(test.access), plugins: authPlugins(test.access) })
  const { toBeCreated, toBeAdded, compileMigrations } = migrations
  return { toBeCreated, toBeAdded, statements: (await compileMigrations()).replaceAll(/[\s;]/g, '') }
}

describe('the access migration', () => {
  it('is all that better-auth asks for', async () => {
    expect(await pending()).toEqual({ toBeCreated: [], toBeAdded: [], statements: '' })
  })

  it('would be found short', async () => {
    await test.database.db.pool.query(
      'ALTER TABLE auth_member DROP COLUMN created_at; DROP INDEX auth_apikey_key_idx; DROP TABLE auth_oauth_consent',
    )
    const { toBeCreated, toBeAdded, statements } = await pending()
    expect(toBeCreated.map(({ table }) => table)).toEqual(['auth_oauth_consent'])
    expect(toBeAdded.map(({ table }) => table)).toEqual(['auth_member'])
    expect(statements).toContain('auth_apikey_key_idx')
  })
})
