import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createApns } from './apns.ts'
import { type Connections, createConnections } from './connections.ts'
import { createFcm } from './fcm.ts'
import { waitBefore } from './result.ts'

type Seen = { path: string; headers: IncomingHttpHeaders; body: string }
type Reply = { status: number; headers?: Record<string, string>; body?: unknown }

const pem = { type: 'pkcs8', format: 'pem' } as const
const spki = { type: 'spki', format: 'pem' } as const
const apple = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: pem,
  publicKeyEncoding: spki,
})
const google = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: pem,
  publicKeyEncoding: spki,
})
const MESSAGE = { title: 'Listening night', body: 'Starts at 7:30 PM.', collapseId: 'campaign-1' }
const START = new Date('2026-03-01T12:00:00Z')

let clock: Date
let seen: Seen[]
let reply: (seen: Seen) => Reply
let server: ReturnType<typeof createServer>
let endpoint: string
let connections: Connections
const now = () => clock

beforeEach(async () => {
  clock = START
  seen = []
  reply = () => ({ status: 200, body: {} })
  server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const one = { path: request.url, headers: request.headers, body }
    seen.push(one)
    const answer = reply(one)
    response.writeHead(answer.status, answer.headers ?? {})
    response.end(JSON.stringify(answer.body ?? {}))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  connections = createConnections()
})
afterEach(() => {
  connections.close()
  server.close()
})

const apns = () =>
  createApns(
    { endpoint, keyId: 'KEY1', teamId: 'TEAM1', topic: 'app.example', privateKey: apple.privateKey },
    connections,
    now,
  )
const fcm = () =>
  createFcm(
    {
      endpoint,
      tokenEndpoint: `${endpoint}/token`,
      projectId: 'p1',
      clientEmail: 'push@example.test',
      privateKey: google.privateKey,
    },
    connections,
    now,
  )
/** Google's answers: a token first, then what the test says. */
const afterToken = (send: Reply) => (one: Seen) =>
  one.path === '/token' ? { status: 200, body: { access_token: 'granted', expires_in: 3600 } } : send

describe('APNs', () => {
  test('[PU-1] a send carries a verifiable ES256 token, the topic and the collapse id', async () => {
    expect(await apns()('device', MESSAGE, 0)).toEqual({ status: 'sent' })
    const { path, headers, body } = seen[0] as Seen
    expect(path).toBe('/3/device/device')
    expect(headers).toMatchObject({ 'apns-topic': 'app.example', 'apns-collapse-id': 'campaign-1' })
    const jwt = String(headers.authorization).replace('bearer ', '')
    const options = { algorithms: ['ES256'], issuer: 'TEAM1', currentDate: START }
    const { payload, protectedHeader } = await jwtVerify(jwt, createPublicKey(apple.publicKey), options)
    expect(protectedHeader.kid).toBe('KEY1')
    expect(payload.iat).toBe(START.getTime() / 1000)
    expect(JSON.parse(body).aps.alert).toEqual({ title: MESSAGE.title, body: MESSAGE.body })
  })

  test('[PU-1] the token is kept for 50 minutes and then made anew', async () => {
    const send = apns()
    for (const minutes of [0, 49, 50]) {
      clock = new Date(START.getTime() + minutes * 60_000)
      await send('device', MESSAGE, 0)
    }
    const [first, second, third] = seen.map(({ headers }) => headers.authorization)
    expect(second).toBe(first)
    expect(third).not.toBe(first)
  })

  test('[PU-3] 410 drops the token', async () => {
    reply = () => ({ status: 410, body: { reason: 'Unregistered' } })
    expect(await apns()('device', MESSAGE, 0)).toEqual({ status: 'drop-token', reason: 'Unregistered' })
  })

  test.each([429, 503])('[PU-4] %d waits as long as it is asked to', async (status) => {
    reply = () => ({ status, headers: { 'retry-after': '17' }, body: { reason: 'Busy' } })
    expect(await apns()('device', MESSAGE, 0)).toEqual({ status: 'retry', reason: 'Busy', afterMs: 17_000 })
  })

  test('a provider that cannot be reached is tried again; a bad request is not', async () => {
    reply = () => ({ status: 400, body: { reason: 'BadTopic' } })
    const send = apns()
    expect(await send('device', MESSAGE, 0)).toEqual({ status: 'refused', reason: 'BadTopic' })
    connections.close()
    await new Promise((resolve) => server.close(resolve))
    expect(await send('device', MESSAGE, 2)).toEqual({
      status: 'retry',
      reason: 'unreachable',
      afterMs: 4000,
    })
  })
})

describe('FCM', () => {
  test('[PU-2] a send is authorised by a service account and carries the collapse id', async () => {
    reply = afterToken({ status: 200, body: { name: 'projects/p1/messages/1' } })
    const send = fcm()
    expect(await send('device', MESSAGE, 0)).toEqual({ status: 'sent' })
    expect(await send('device', MESSAGE, 0)).toEqual({ status: 'sent' })
    expect(seen.map(({ path }) => path)).toEqual([
      '/token',
      '/v1/projects/p1/messages:send',
      '/v1/projects/p1/messages:send',
    ])
    const assertion = new URLSearchParams(seen[0]?.body).get('assertion') ?? ''
    const { payload } = await jwtVerify(assertion, createPublicKey(google.publicKey), {
      algorithms: ['RS256'],
      issuer: 'push@example.test',
      audience: `${endpoint}/token`,
      currentDate: START,
    })
    expect(payload.scope).toBe('https://www.googleapis.com/auth/firebase.messaging')
    expect(seen[1]?.headers.authorization).toBe('Bearer granted')
    expect(JSON.parse(seen[1]?.body ?? '').message).toMatchObject({
      token: 'device',
      android: { collapse_key: 'campaign-1', notification: { tag: 'campaign-1' } },
    })
  })

  test('[PU-3] UNREGISTERED drops the token', async () => {
    const details = [{ '@type': 'type.googleapis.com/FcmError', errorCode: 'UNREGISTERED' }]
    reply = afterToken({ status: 404, body: { error: { status: 'NOT_FOUND', details } } })
    expect(await fcm()('device', MESSAGE, 0)).toEqual({ status: 'drop-token', reason: 'UNREGISTERED' })
  })

  test('[PU-4] 429 waits as long as it is asked to, also where the access token is refused', async () => {
    const busy = { status: 429, headers: { 'retry-after': '30' }, body: { error: { status: 'BUSY' } } }
    reply = afterToken(busy)
    expect(await fcm()('device', MESSAGE, 0)).toMatchObject({ status: 'retry', afterMs: 30_000 })
    reply = () => busy
    expect(await fcm()('device', MESSAGE, 0)).toMatchObject({ status: 'retry', afterMs: 30_000 })
  })

  test('an access token that is refused is asked for again', async () => {
    reply = afterToken({ status: 401 })
    const send = fcm()
    expect((await send('device', MESSAGE, 0)).status).toBe('retry')
    await send('device', MESSAGE, 1)
    expect(seen.filter(({ path }) => path === '/token')).toHaveLength(2)
  })
})

test('[PU-4] without Retry-After the wait doubles up to five minutes; dates are understood', () => {
  expect([0, 1, 5, 20].map((attempt) => waitBefore(attempt, undefined, START))).toEqual([
    1000, 2000, 32_000, 300_000,
  ])
  expect(waitBefore(0, 'Sun, 01 Mar 2026 12:02:00 GMT', START)).toBe(120_000)
})

test('[PU-5] without credentials nothing is sent and the result says so', async () => {
  for (const create of [createApns, createFcm])
    expect(await create(undefined, connections, now)('device', MESSAGE, 0)).toEqual({
      status: 'provider-not-configured',
    })
  expect(seen).toEqual([])
})
