import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD, type TestAccess, testAccess } from '../../test/harness/access.ts'
import { authenticate } from './authenticate.ts'
import { createKey, type NewKey, revokeKey } from './keys.ts'
import type { Principal } from './principal.ts'
import { standing } from './standing.ts'
import { createUser, removeMember, setMemberRole } from './users.ts'

let test: TestAccess
beforeAll(async () => {
  test = await testAccess()
})
afterAll(() => test.drop())

const now = () => test.access.clock()
const kept = (id: string, scopes?: string[], org = 'laurel') =>
  standing(test.access.db, org, { id, scopes }, now())
const keyFor = (input: Partial<NewKey> & Pick<NewKey, 'role'>) =>
  createKey(test.access, { org: 'laurel', ...input })
const byKey = (key: string) => authenticate(test.access, { headers: { authorization: `Bearer ${key}` } })
const grantOf = (principal: Principal) => principal.id.replace('grant:', '')

describe('[X-26] a principal that was kept by name', () => {
  it.each([
    ['automation', {}],
    ['automation', { scopes: ['creator:laurel:live:read'] }],
    ['agent', {}],
    ['agent', { scopes: ['creator:laurel:config:write'] }],
    ['listener', {}],
    ['artist-admin', {}],
  ] as const)('is what its credential says now: %s %j', async (role, more) => {
    const user = role === 'listener' || role === 'artist-admin' ? { user: 'acts@laurel.example' } : {}
    await createUser(test.access, {
      ...{ org: 'laurel', email: 'acts@laurel.example', password: PASSWORD, role: 'admin', name: 'Acts' },
    }).catch(() => {})
    const { key, id } = await keyFor({ role, ...user, ...more } as never)
    const principal = await byKey(key)
    expect(await kept(principal.id)).toEqual(principal)
    expect(await kept(principal.id, undefined, 'other')).toBeUndefined()
    await revokeKey(test.access, { org: 'laurel', id })
    expect(await kept(principal.id)).toBeUndefined()
  })

  it('has at most the scopes that it is kept with', async () => {
    const { key } = await keyFor({ role: 'agent' })
    const { id } = await byKey(key)
    expect(await kept(id, ['creator:laurel:live:read'])).toMatchObject({
      scopes: ['creator:laurel:live:read'],
    })
    expect(await kept(id, ['creator:other:live:read'])).toMatchObject({ scopes: [] })
  })

  it('ends with its expiry, its grant, its key’s secret and its client', async () => {
    const { db } = test.access
    const { key } = await keyFor({ role: 'agent' })
    const principal = await byKey(key)
    const withdrawn = async (change: ReturnType<typeof sql>, back: ReturnType<typeof sql>) => {
      await db.query(change)
      expect(await kept(principal.id)).toBeUndefined()
      await db.query(back)
      expect(await kept(principal.id)).toEqual(principal)
    }
    const grant = grantOf(principal)
    await withdrawn(
      sql`UPDATE grants SET expires_at = now() - interval '1 second' WHERE id = ${grant}`,
      sql`UPDATE grants SET expires_at = NULL WHERE id = ${grant}`,
    )
    await withdrawn(
      sql`UPDATE grants SET revoked_at = now() WHERE id = ${grant}`,
      sql`UPDATE grants SET revoked_at = NULL WHERE id = ${grant}`,
    )
    const keyId = sql`(SELECT key_id FROM grants WHERE id = ${grant})`
    await withdrawn(
      sql`UPDATE access_keys SET expires_at = now() - interval '1 second' WHERE id = ${keyId}`,
      sql`UPDATE access_keys SET expires_at = NULL WHERE id = ${keyId}`,
    )
    const secret = sql`(SELECT secret_id FROM access_keys WHERE id = ${keyId})`
    await withdrawn(
      sql`UPDATE auth_apikey SET enabled = false WHERE id = ${secret}`,
      sql`UPDATE auth_apikey SET enabled = true WHERE id = ${secret}`,
    )
    // one that was given by consent, to a client
    await db.query(
      sql`INSERT INTO auth_oauth_client (id, client_id, redirect_uris) VALUES ('c', 'client', '[]')`,
    )
    await db.query(sql`UPDATE grants SET key_id = NULL, oauth_client_id = 'client' WHERE id = ${grant}`)
    await withdrawn(
      sql`UPDATE auth_oauth_client SET disabled = true WHERE id = 'c'`,
      sql`UPDATE auth_oauth_client SET disabled = NULL WHERE id = 'c'`,
    )
  })

  it('follows the membership of the person, and ends with it', async () => {
    await createUser(test.access, {
      ...{ org: 'laurel', email: 'leaves@laurel.example', password: PASSWORD, role: 'admin', name: 'Leaves' },
    })
    const [user] = await test.access.db.query<{ id: string }>(
      sql`SELECT id FROM auth_user WHERE email = 'leaves@laurel.example'`,
    )
    const person = `user:${user?.id}`
    const { key } = await keyFor({ role: 'agent', for: 'leaves@laurel.example' })
    const grant = (await byKey(key)).id
    expect(await kept(person)).toMatchObject({
      kind: 'person',
      adminRole: 'admin',
      scopes: ['creator:laurel:*'],
    })
    await setMemberRole(test.access, { org: 'laurel', email: 'leaves@laurel.example', role: 'member' })
    expect(await kept(person)).toMatchObject({ adminRole: null })
    expect((await kept(person))?.scopes).not.toContain('creator:laurel:*')
    expect(await kept(grant)).toMatchObject({ adminRole: null, scopes: [] })
    await removeMember(test.access, { org: 'laurel', email: 'leaves@laurel.example' })
    expect([await kept(person), await kept(grant)]).toEqual([undefined, undefined])
  })

  it.each(['', 'guest', 'system', 'user:', 'key:', 'grant:', 'user:nobody', 'key:x', 'grant:x'])(
    'is nobody for %j',
    async (id) => expect(await kept(id)).toBeUndefined(),
  )
})
