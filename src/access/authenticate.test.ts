import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accessApp, PASSWORD, signIn, type TestAccess, testAccess } from '../../test/harness/access.ts'
import { authenticate } from './authenticate.ts'
import { bearerHash } from './ids.ts'
import { createKey, listKeys, type NewKey, revokeKey } from './keys.ts'
import { createUser, removeMember, setMemberRole } from './users.ts'

let test: TestAccess
let app: FastifyInstance

beforeAll(async () => {
  test = await testAccess()
  app = await accessApp(test.access)
})
afterAll(async () => {
  await app.close()
  await test.drop()
})

const by = (authorization: string, artistId?: string) =>
  authenticate(test.access, { headers: { authorization }, artistId })
const bearer = (key: string, artistId?: string) => by(`Bearer ${key}`, artistId)
const byCookie = (cookie: string, headers = {}, artistId?: string) =>
  authenticate(test.access, { headers: { cookie, ...headers }, artistId })
const keyFor = (input: Partial<NewKey> & Pick<NewKey, 'role'>) =>
  createKey(test.access, { org: 'laurel', ...input })
const refused = (code: string) => expect.objectContaining({ code })

async function member(email: string, role: 'owner' | 'admin' | 'member', org = 'laurel') {
  return createUser(test.access, { email, password: PASSWORD, org, role })
}

describe('[X-3] a guest', () => {
  it('is in the default organisation or in the one named', async () => {
    expect(await authenticate(test.access, { headers: {} })).toMatchObject({
      kind: 'guest',
      org: 'laurel',
      scopes: [],
    })
    expect(await authenticate(test.access, { headers: {}, artistId: 'other' })).toMatchObject({
      kind: 'guest',
      org: 'other',
    })
  })

  it('finds no organisation that is not there', async () => {
    await expect(authenticate(test.access, { headers: {}, artistId: 'nobody' })).rejects.toEqual(
      refused('not-found'),
    )
    const access = { ...test.access, defaultOrg: undefined }
    await expect(authenticate(access, { headers: {} })).rejects.toEqual(refused('not-found'))
  })
})

describe('[X-4] keys', () => {
  it('of automation belong to the organisation', async () => {
    const { key } = await keyFor({ role: 'automation', name: 'Nightly sync' })
    expect(await bearer(key)).toMatchObject({
      kind: 'automation',
      source: 'approved-automation',
      org: 'laurel',
      userId: null,
      displayName: 'Nightly sync',
      scopes: ['creator:laurel:*'],
    })
  })

  it('of agents are grants of an owner, or of the member named', async () => {
    const client = { id: 'client-codex', name: 'Codex', kind: 'codex' }
    const { key } = await keyFor({ role: 'agent', client })
    const principal = await bearer(key)
    expect(principal).toMatchObject({
      kind: 'grant',
      role: 'creator',
      displayName: 'laurel owner',
      email: null,
      client,
    })
    expect(principal.scopes).toEqual(
      [
        'live:read',
        'live:write',
        'config:read',
        'config:write',
        'sync:read',
        'sync:write',
        'catalog:read',
        'catalog:write',
      ].map((scope) => `creator:laurel:${scope}`),
    )
    expect(principal.id).toBe(`grant:${principal.grantId}`)

    await member('admin@laurel.test', 'admin')
    const other = await keyFor({ role: 'agent', for: 'Admin@laurel.test', scopes: ['creator:laurel:*'] })
    expect(await bearer(other.key)).toMatchObject({
      role: 'artist-admin',
      adminRole: 'admin',
      scopes: ['creator:laurel:*'],
    })
  })

  it('of listeners and artist admins act for a person, made for the key where none is named', async () => {
    await member('fan@laurel.test', 'member')
    const fan = await keyFor({ role: 'listener', user: 'fan@laurel.test' })
    expect(await bearer(fan.key)).toMatchObject({
      kind: 'key',
      source: 'listener-key',
      role: 'listener',
      email: 'fan@laurel.test',
    })
    const admin = await keyFor({ role: 'artist-admin' })
    expect(await bearer(admin.key)).toMatchObject({
      kind: 'key',
      source: 'artist-admin-key',
      role: 'artist-admin',
      adminRole: 'admin',
    })
  })

  it('fix the organisation: another one behaves as if it did not exist', async () => {
    const { key } = await keyFor({ role: 'automation' })
    expect(await bearer(key, 'laurel')).toMatchObject({ org: 'laurel' })
    const foreign = await bearer(key, 'other').catch((error: Error) => error)
    const absent = await bearer(key, 'nobody').catch((error: Error) => error)
    expect(foreign).toEqual(refused('not-found'))
    expect(foreign).toEqual(absent)
  })

  it('end when they are revoked, and at their expiry', async () => {
    const revoked = await keyFor({ role: 'agent' })
    await revokeKey(test.access, { org: 'laurel', id: revoked.id })
    await expect(bearer(revoked.key)).rejects.toEqual(refused('unauthenticated'))
    await expect(revokeKey(test.access, { org: 'laurel', id: revoked.id })).rejects.toEqual(
      refused('not-found'),
    )

    for (const role of ['agent', 'automation'] as const) {
      const { key } = await keyFor({ role, expiresAt: new Date(test.access.clock().getTime() + 60_000) })
      expect(await bearer(key)).toMatchObject({ org: 'laurel' })
      test.advance(60_001)
      await expect(bearer(key)).rejects.toEqual(refused('unauthenticated'))
    }
  })

  it('are not revoked from another organisation', async () => {
    const { id, key } = await keyFor({ role: 'automation' })
    await expect(revokeKey(test.access, { org: 'other', id })).rejects.toEqual(refused('not-found'))
    expect(await bearer(key)).toMatchObject({ kind: 'automation' })
    expect((await listKeys(test.access, 'other')).map((each) => each.id)).not.toContain(id)
  })

  it('go with the membership of the person behind them, at once', async () => {
    await member('leaver@laurel.test', 'admin')
    const agent = await keyFor({ role: 'agent', for: 'leaver@laurel.test' })
    const admin = await keyFor({ role: 'artist-admin', user: 'leaver@laurel.test' })
    await setMemberRole(test.access, { org: 'laurel', email: 'leaver@laurel.test', role: 'member' })
    expect(await bearer(agent.key)).toMatchObject({ role: 'listener', adminRole: null, scopes: [] })
    expect(await bearer(admin.key)).toMatchObject({ role: 'listener', adminRole: null, scopes: [] })
    await removeMember(test.access, { org: 'laurel', email: 'leaver@laurel.test' })
    await expect(bearer(agent.key)).rejects.toEqual(refused('unauthenticated'))
    await expect(bearer(admin.key)).rejects.toEqual(refused('unauthenticated'))
  })
})

describe('[X-5] a bearer that does not hold is refused and no guest', () => {
  it.each([
    ['an unknown key', `Bearer csk_${'x'.repeat(64)}`],
    ['an unknown OAuth token', `Bearer cso_${'x'.repeat(32)}`],
    ['an unknown prefix', 'Bearer sk_live_123'],
    ['nothing', ''],
    ['no token', 'Bearer '],
    ['another scheme', 'Basic bWF5YTpzZWNyZXQ='],
    ['two tokens', 'Bearer csk_a csk_b'],
    ['a control character', 'Bearer csk_a\u0000b'],
    ['SQL', "Bearer csk_' OR 1=1 --"],
    ['something huge', `Bearer csk_${'x'.repeat(1_000_000)}`],
  ])('%s', async (_, authorization) => {
    await expect(by(authorization)).rejects.toEqual(refused('unauthenticated'))
  })

  it('not even together with a good cookie', async () => {
    const cookie = await signIn(app, 'owner@laurel.test')
    const headers = { cookie, authorization: 'Bearer csk_gone' }
    await expect(authenticate(test.access, { headers })).rejects.toEqual(refused('unauthenticated'))
  })

  it('the hash of a key is no key', async () => {
    const { key } = await keyFor({ role: 'automation' })
    await expect(bearer(bearerHash(key))).rejects.toEqual(refused('unauthenticated'))
    await expect(bearer(`csk_${bearerHash(key)}`)).rejects.toEqual(refused('unauthenticated'))
  })
})

describe('[X-6] a person', () => {
  it('comes from a session cookie only, and is in the only organisation', async () => {
    const cookie = await signIn(app, 'owner@laurel.test')
    expect(await byCookie(cookie)).toMatchObject({
      kind: 'person',
      org: 'laurel',
      adminRole: 'owner',
      email: 'owner@laurel.test',
    })
  })

  it('chooses among several organisations, by name or by making one active', async () => {
    await member('both@laurel.test', 'member')
    await createUser(test.access, { email: 'both@laurel.test', org: 'other', role: 'admin' })
    const cookie = await signIn(app, 'both@laurel.test')
    // laurel is the default organisation of this deployment
    expect(await byCookie(cookie)).toMatchObject({ org: 'laurel', role: 'listener' })
    expect(await byCookie(cookie, {}, 'other')).toMatchObject({ org: 'other', role: 'artist-admin' })
    const activated = await app.inject({
      method: 'POST',
      url: '/api/auth/organization/set-active',
      headers: { cookie, origin: 'http://127.0.0.1:4000' },
      payload: { organizationId: 'other' },
    })
    expect(activated.statusCode).toBe(200)
    expect(await byCookie(cookie)).toMatchObject({ org: 'other' })

    const elsewhere = { ...test.access, defaultOrg: undefined }
    const fresh = await signIn(app, 'both@laurel.test')
    await expect(authenticate(elsewhere, { headers: { cookie: fresh } })).rejects.toEqual(
      refused('validation-failed'),
    )
  })

  it('is not in an organisation of others, nor after leaving', async () => {
    const cookie = await signIn(app, 'owner@other.test')
    await expect(byCookie(cookie, {}, 'laurel')).rejects.toEqual(refused('not-found'))
    await member('guest@laurel.test', 'member')
    const leaving = await signIn(app, 'guest@laurel.test')
    await removeMember(test.access, { org: 'laurel', email: 'guest@laurel.test' })
    await expect(byCookie(leaving)).rejects.toEqual(refused('forbidden'))
  })

  it('is a guest again after signing out, after a week, or with a forged cookie', async () => {
    const cookie = await signIn(app, 'owner@laurel.test')
    const forged = cookie.replace(/=([\w-]{4})/, '=AAAA')
    expect(await byCookie(forged)).toMatchObject({ kind: 'guest' })
    await app.inject({
      method: 'POST',
      url: '/api/auth/sign-out',
      headers: { cookie, origin: 'http://127.0.0.1:4000' },
      payload: {},
    })
    expect(await byCookie(cookie)).toMatchObject({ kind: 'guest' })
    const another = await signIn(app, 'owner@laurel.test')
    test.advance(7 * 24 * 3600 * 1000 + 1000)
    expect(await byCookie(another)).toMatchObject({ kind: 'guest' })
    test.advance(-7 * 24 * 3600 * 1000 - 1000)
  })

  it('is not called upon by a page of another site', async () => {
    const cookie = await signIn(app, 'owner@laurel.test')
    const host = 'countersign.example'
    await expect(byCookie(cookie, { origin: 'https://evil.example', host })).rejects.toEqual(
      refused('forbidden'),
    )
    await expect(byCookie(cookie, { origin: 'null', host })).rejects.toEqual(refused('forbidden'))
    for (const origin of ['http://localhost:4000', 'http://127.0.0.1:4000', `https://${host}`])
      expect(await byCookie(cookie, { origin, host })).toMatchObject({ kind: 'person' })
  })
})

describe('[X-7] one lookup', () => {
  it('reads a bearer and a cookie in a single statement each', async () => {
    const { key } = await keyFor({ role: 'agent' })
    const cookie = await signIn(app, 'owner@laurel.test')
    let statements = 0
    const db = { ...test.access.db, query: counting(() => statements++) }
    const access = { ...test.access, db }
    await authenticate(access, { headers: { authorization: `Bearer ${key}` } })
    expect(statements).toBe(1)
    await authenticate(access, { headers: { cookie } })
    expect(statements).toBe(2)
  })

  it('finds a key by the index on its hash', async () => {
    const plan = await test.database.db.pool.query<{ 'QUERY PLAN': string }>(
      `SET enable_seqscan = off; EXPLAIN SELECT 1 FROM auth_apikey s JOIN access_keys k ON k.secret_id = s.id WHERE s.key = 'x'`,
    )
    const lines = (plan as unknown as { rows: { 'QUERY PLAN': string }[] }[])[1]?.rows
      .map((row) => row['QUERY PLAN'])
      .join('\n')
    expect(lines).toContain('auth_apikey_key_idx')
    expect(lines).toContain('access_keys_secret_id_key')
  })
})

function counting(count: () => void): typeof test.access.db.query {
  return (statement) => {
    count()
    return test.database.db.query(statement)
  }
}
