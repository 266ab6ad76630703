import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accessApp, PASSWORD, signIn, type TestAccess, testAccess } from '../../test/harness/access.ts'
import { safeNext } from '../pages/sign-in.ts'
import { createAccess } from './auth.ts'
import { authenticate } from './authenticate.ts'
import { bearerHash } from './ids.ts'
import { createKey } from './keys.ts'

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

const ORIGIN = 'http://127.0.0.1:4000'
const form = (url: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: ORIGIN, ...headers },
    payload: new URLSearchParams(fields).toString(),
  })

describe('[X-15] the sign-in page', () => {
  it('is plain, may not be framed, and runs no script', async () => {
    const page = await app.inject('/sign-in?next=/approvals/1/2%3Fa=%22%3E')
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-security-policy']).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
    expect(page.body).not.toMatch(/<script|javascript:|<link|<img/)
    expect(page.body).toContain('name="viewport"')
    expect(page.body).toContain('value="/approvals/1/2?a=&quot;&gt;"')
  })

  it('signs in, goes on to where one came from, and signs out', async () => {
    const email = 'owner@laurel.test'
    const signedIn = await form('/sign-in', { email, password: PASSWORD, next: '/approvals/1/2?x=1' })
    expect(signedIn.statusCode).toBe(303)
    expect(signedIn.headers.location).toBe('/approvals/1/2?x=1')
    const cookie = String(signedIn.headers['set-cookie']).split(';')[0] as string
    expect(String(signedIn.headers['set-cookie'])).toMatch(/HttpOnly; SameSite=Lax/)
    expect(await authenticate(test.access, { headers: { cookie } })).toMatchObject({ kind: 'person', email })
    const out = await form('/sign-out', {}, { cookie })
    expect(out.headers.location).toBe('/sign-in')
    expect(await authenticate(test.access, { headers: { cookie } })).toMatchObject({ kind: 'guest' })
  })

  it('says the same of a wrong password and an unknown address', async () => {
    const wrong = await form('/sign-in', { email: 'owner@laurel.test', password: 'not this one', next: '/' })
    const unknown = await form('/sign-in', {
      email: 'nobody@laurel.test',
      password: 'not this one',
      next: '/',
    })
    expect([wrong.statusCode, unknown.statusCode]).toEqual([401, 401])
    expect(wrong.body.replace('owner@', '')).toBe(unknown.body.replace('nobody@', ''))
    expect(wrong.body).not.toContain('not this one')
  })

  it('takes no form of another site', async () => {
    const fields = { email: 'owner@laurel.test', password: PASSWORD }
    const foreign = await form('/sign-in', fields, { origin: 'https://evil.example', host: '127.0.0.1:4000' })
    expect(foreign.statusCode).toBe(403)
    expect(foreign.headers['set-cookie']).toBeUndefined()
  })

  it.each([
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '',
    undefined,
    '/a b',
    '/\n/x',
  ])('never leads to %s', (next) => expect(safeNext(next)).toBe('/signed-in'))
})

describe('[X-16] endpoints of better-auth', () => {
  it('keeps all closed but the listed ones', async () => {
    const cookie = await signIn(app, 'owner@laurel.test')
    const headers = { cookie, origin: ORIGIN }
    const closed = [
      '/sign-up/email',
      '/api-key/create',
      '/api-key/list',
      '/organization/create',
      '/organization/update',
      '/organization/update-member-role',
      '/oauth2/consent',
      '/oauth2/create-client',
      '/admin/oauth2/create-client',
      '/oauth2/introspect',
      '/update-user',
      '/delete-user',
      '/../auth/sign-up/email',
      '/sign-up/email/',
      '/SIGN-UP/email',
      '/sign-in%2Femail/../../sign-up/email',
      '/constructor',
    ]
    for (const path of closed) {
      const answer = await app.inject({ method: 'POST', url: `/api/auth${path}`, headers, payload: {} })
      expect([path, answer.statusCode]).toEqual([path, 404])
    }
    const wrongMethod = await app.inject({ method: 'DELETE', url: '/api/auth/get-session', headers })
    expect([wrongMethod.statusCode, wrongMethod.headers.allow]).toEqual([405, 'GET'])
  })

  it('signs scripts in without the page', async () => {
    const cookie = await signIn(app, 'owner@laurel.test')
    const session = await app.inject({ url: '/api/auth/get-session', headers: { cookie } })
    expect(session.json()).toMatchObject({ user: { email: 'owner@laurel.test' } })
  })

  it('makes no key a session', async () => {
    const { key } = await createKey(test.access, { org: 'laurel', role: 'artist-admin' })
    for (const headers of [{ 'x-api-key': key }, { authorization: `Bearer ${key}` }]) {
      const session = await app.inject({ url: '/api/auth/get-session', headers })
      expect(session.json()).toBeNull()
    }
  })

  it.each([
    ['no body', undefined],
    ['broken JSON', '{'],
    ['an array', '[]'],
    ['wrong types', '{"email":1,"password":{}}'],
    ['no address', '{"email":"x","password":"y"}'],
    ['bad UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['deep nesting', '['.repeat(20_000)],
    ['a huge password', JSON.stringify({ email: 'owner@laurel.test', password: 'x'.repeat(50_000) })],
    ['a body too large', JSON.stringify({ email: 'x'.repeat(10_000_000) })],
  ])('answer a sign-in with %s with a 4xx', async (_, payload) => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/auth/sign-in/email',
      headers: { 'content-type': 'application/json' },
      payload,
    })
    expect(answer.statusCode).toBeGreaterThanOrEqual(400)
    expect(answer.statusCode).toBeLessThan(500)
  })

  it('answer an origin that is not ours with a refusal', async () => {
    const cookie = await signIn(app, 'owner@laurel.test')
    const headers = { cookie, origin: 'https://evil.example', host: '127.0.0.1:4000' }
    const answer = await app.inject({ method: 'POST', url: '/api/auth/sign-out', headers, payload: {} })
    expect(answer.statusCode).toBe(403)
    expect(await authenticate(test.access, { headers: { cookie } })).toMatchObject({ kind: 'person' })
  })
})

describe('[X-17] signing in too often', () => {
  it('is refused per address of the connection, whatever the client says of itself', async () => {
    const access = createAccess({
      ...test.access,
      config: { secret: 'x'.repeat(40), port: 4000, host: '127.0.0.1', defaultOrg: 'laurel' },
      limits: { ...test.access.limits, signIn: { window: 600, max: 3 } },
    })
    const limited = await accessApp(access)
    const attempt = (index: number) =>
      limited.inject({
        method: 'POST',
        url: '/api/auth/sign-in/email',
        remoteAddress: '192.0.2.77',
        headers: {
          'x-forwarded-for': `198.51.100.${index}`,
          'x-countersign-client-address': `198.51.100.${index}`,
        },
        payload: { email: 'owner@laurel.test', password: `wrong ${index}` },
      })
    const statuses: number[] = []
    for (let index = 0; index < 5; index++) statuses.push((await attempt(index)).statusCode)
    expect(statuses).toEqual([401, 401, 401, 429, 429])
    expect(Number((await attempt(9)).headers['retry-after'])).toBeGreaterThan(0)
    await limited.close()
  })
})

describe('[X-18] secrets', () => {
  it('are in the cookie of a sign-in and in no answer', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/auth/sign-in/email',
      payload: { email: 'owner@laurel.test', password: PASSWORD },
    })
    const cookie = answer.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    const session = await app.inject({ url: '/api/auth/get-session', headers: { cookie } })
    expect(answer.json()).toMatchObject({ user: { email: 'owner@laurel.test' } })
    expect(session.json()).toMatchObject({ session: { userId: expect.any(String) } })
    const token = decodeURIComponent(answer.cookies[0]!.value).split('.')[0]!
    expect(token.length).toBeGreaterThan(20)
    for (const { body } of [answer, session]) expect(body).not.toContain(token)
  })

  it('appear in no log line, and in the database only as hashes', async () => {
    const canary = 'canary-password-5f0c'
    const { key } = await createKey(test.access, { org: 'laurel', role: 'agent' })
    await signIn(app, 'owner@laurel.test')
    await form('/sign-in', { email: 'owner@laurel.test', password: canary })
    await form('/sign-in', { email: `${canary}@laurel.test`, password: canary })
    await app.inject({ url: `/api/auth/get-session`, headers: { authorization: `Bearer ${key}` } })
    await authenticate(test.access, { headers: { authorization: `Bearer ${key}` } })
    await authenticate(test.access, { headers: { authorization: `Bearer ${key}x` } }).catch(() => undefined)
    const { pool } = test.database.db
    const { rows: accounts } = await pool.query<{ password: string }>('SELECT password FROM auth_account')
    const secrets = [
      key,
      key.slice(4),
      bearerHash(key),
      canary,
      PASSWORD,
      ...accounts.map(({ password }) => password),
    ]
    const logged = test.logged()
    expect(logged).not.toBe('')
    expect(secrets.filter((secret) => logged.includes(secret))).toEqual([])

    const { rows: tables } = await pool.query<{ name: string }>(
      `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`,
    )
    let stored = ''
    for (const { name } of tables) {
      const { rows } = await pool.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)
      stored += rows.map(({ row }) => row).join('\n')
    }
    expect(stored).toContain(bearerHash(key))
    expect([key, key.slice(4), canary, PASSWORD].filter((secret) => stored.includes(secret))).toEqual([])
  })
})

describe('[X-19] a start without a database', () => {
  it('is tried again when the next request comes', async () => {
    let down = true
    const pool = new Proxy(test.database.db.pool, {
      get(target, name) {
        if (down && name === 'connect')
          return () => Promise.reject(Object.assign(new Error('down'), { code: 'ECONNREFUSED' }))
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const access = createAccess({
      ...test.access,
      db: { ...test.database.db, pool },
      config: { secret: 'x'.repeat(40), port: 4000, host: '127.0.0.1', defaultOrg: 'laurel' },
    })
    await expect(access.auth()).rejects.toThrow()
    down = false
    expect(await access.auth()).toHaveProperty('handler')
  })
})
