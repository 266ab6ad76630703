import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { openBucket } from './bucket.ts'
import type { ConnectorError } from './connector.ts'
import { type Asked, PLACE_DEFAULTS, type Place, send } from './request.ts'

type Handler = (request: http.IncomingMessage, response: http.ServerResponse, nth: number) => void

const servers: http.Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})

/** A place that answers as told, and how often it was asked. */
async function placeOf(handler: Handler): Promise<{ place: Place; asked: () => number; url: string }> {
  let nth = 0
  const server = http.createServer((request, response) => {
    request.resume()
    request.on('end', () => handler(request, response, ++nth))
  })
  servers.push(server.listen(0, '127.0.0.1'))
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const place: Place = {
    ...PLACE_DEFAULTS,
    baseUrl: `${url}/base`,
    headers: { authorization: 'Bearer canary-token' },
    bucket: openBucket(),
    allowPrivate: true,
    // no pause between attempts
    random: () => 0,
  }
  return { place, asked: () => nth, url }
}

const READ: Asked = { method: 'GET', path: '/things', repeatable: true }
const CREATE: Asked = { method: 'POST', path: '/things', body: { a: 1 }, repeatable: false }
const failure = async (work: Promise<unknown>): Promise<ConnectorError> =>
  work.then(
    () => expect.unreachable(),
    (error) => error,
  )

const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_request, response) =>
    response.writeHead(code, headers).end('{"secret":"canary-answer"}')

test('[CN-3] a request goes below the base, with the credential and a body of JSON', async () => {
  const seen: unknown[] = []
  const { place } = await placeOf((request, response) => {
    seen.push([request.method, request.url, request.headers.authorization, request.headers['content-type']])
    response.writeHead(201, { 'content-type': 'application/json', etag: '"7"' }).end('{"id":"x"}')
  })
  const reply = await send(place, CREATE)
  expect([reply.status, reply.body, reply.headers.etag]).toEqual([201, { id: 'x' }, '"7"'])
  expect(seen).toEqual([['POST', '/base/things', 'Bearer canary-token', 'application/json']])
})

test('[CN-3] another origin is not asked, and no redirect is followed', async () => {
  const other = await placeOf(status(200))
  const { place, asked } = await placeOf(status(302, { location: `${other.url}/elsewhere` }))
  expect((await failure(send(place, READ))).kind).toBe('invalid')
  expect((await failure(send(place, { ...READ, path: `${other.url}/things` }))).message).toContain('origin')
  expect([asked(), other.asked()]).toEqual([1, 0])
})

test.each([429, 503])(
  '[CN-4] after %i it waits as long as it is asked to, and asks again, writes too',
  async (code) => {
    const { place, asked } = await placeOf((_request, response, nth) =>
      nth < 3 ? response.writeHead(code, { 'retry-after': '0' }).end() : response.writeHead(200).end('{}'),
    )
    const pauses: number[] = []
    const { pause } = place.bucket
    place.bucket.pause = (ms) => {
      pauses.push(ms)
      pause(ms)
    }
    expect((await send(place, CREATE)).status).toBe(200)
    expect([asked(), pauses]).toEqual([3, [0, 0]])
  },
)

test('[CN-4] a pause may be given as a date, and one of hours is the caller’s to decide on', async () => {
  const later = new Date(Date.now() + 3 * 3_600_000).toUTCString()
  const { place, asked } = await placeOf(status(429, { 'retry-after': later }))
  const error = await failure(send(place, READ))
  expect([error.kind, asked()]).toEqual(['limited', 1])
  expect(error.retryAfterMs).toBeGreaterThan(2.9 * 3_600_000)
})

test('[CN-4] what may have happened is not sent twice, and is told as unknown', async () => {
  const lost: Handler = (_request, response) => response.socket?.destroy()
  for (const handler of [lost, status(500), status(502)]) {
    const { place, asked } = await placeOf(handler)
    const error = await failure(send(place, CREATE))
    expect([error.kind, error.unknown, asked()]).toEqual(['unavailable', true, 1])
    const read = await failure(send(place, READ))
    expect([read.kind, asked()]).toEqual(['unavailable', 1 + PLACE_DEFAULTS.attempts])
  }
})

test('[CN-4] where nobody listens nothing happened, and it is tried again', async () => {
  const { place } = await placeOf(status(200))
  const [server] = servers.splice(0)
  server?.close()
  server?.closeAllConnections()
  const error = await failure(send(place, CREATE))
  expect([error.kind, error.unknown]).toEqual(['unavailable', false])
})

test('[CN-5] a place that answers nothing, too much, or not JSON does not hold anybody up', async () => {
  const silent = await placeOf(() => {})
  const error = await failure(send({ ...silent.place, timeoutMs: 100, attempts: 1 }, READ))
  expect([error.kind, error.unknown]).toEqual(['unavailable', true])
  const endless = await placeOf((_request, response) => {
    response.writeHead(200)
    const more = () => {
      while (response.write('x'.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  })
  const large = await failure(send({ ...endless.place, maxBytes: 100_000 }, READ))
  expect([large.kind, large.message]).toEqual(['invalid', expect.stringContaining('100000 bytes')])
  const page = await placeOf((_request, response) => response.end('<html>'))
  expect((await send(page.place, READ)).body).toBeUndefined()
  const stopped = AbortSignal.abort(new Error('stopped'))
  await expect(send(page.place, { ...READ, signal: stopped })).rejects.toThrow('stopped')
})

test('[CN-5] an error says nothing of the credential or of what the place answered', async () => {
  for (const code of [401, 403, 418, 451, 500]) {
    const { place } = await placeOf(status(code))
    const error = await failure(send({ ...place, attempts: 1 }, READ))
    expect([code, error.kind]).toEqual([
      code,
      code < 404 ? 'unauthorized' : code < 500 ? 'invalid' : 'unavailable',
    ])
    expect(JSON.stringify([error.message, error.stack, { ...error }])).not.toContain('canary')
  }
})

test('[CN-2] a private address is not asked unless the deployment allows it', async () => {
  const { place, asked } = await placeOf(status(200))
  const error = await failure(send({ ...place, allowPrivate: false }, READ))
  expect([error.kind, error.message, asked()]).toEqual(['invalid', expect.stringContaining('private'), 0])
  const named = { ...place, baseUrl: place.baseUrl.replace('127.0.0.1', 'localhost'), allowPrivate: false }
  expect((await failure(send(named, READ))).message).toContain('private')
  expect(asked()).toBe(0)
})
