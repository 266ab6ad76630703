import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { bucket } from '../../outgoing/bucket.ts'
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
    bucket: bucket({ concurrency: 8 }),
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

/** The kind, and whether the request may have happened. */
const outcome = ({ kind, unknown }: ConnectorError) => (unknown ? 'unknown' : kind)

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

test('[CN-3] nothing outside of the base is asked, whatever an id or a link says', async () => {
  const { place, asked, url } = await placeOf(status(200))
  for (const path of [
    '/../things',
    '/a/%2e%2e/b',
    '/a/.',
    `${url}/elsewhere`,
    `${url}/basement`,
    'http://[',
  ]) {
    const error = await failure(send(place, { ...READ, path }))
    expect([path, error.kind]).toEqual([path, 'invalid'])
  }
  expect(asked()).toBe(0)
  expect((await send(place, { ...READ, path: `${url}/base/things?page=2` })).status).toBe(200)
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
  expect(Math.abs(Number(error.retryAt) - Date.parse(later))).toBeLessThan(1_000)
  // and nobody else asks meanwhile
  expect((await failure(send(place, READ))).kind).toBe('limited')
  expect(asked()).toBe(1)
})

test('[CN-4] a pause without a time, or with one that is none, has a growing pause of our own', async () => {
  for (const headers of [{}, { 'retry-after': 'soon' }] as Record<string, string>[]) {
    const { place, asked } = await placeOf((_request, response, nth) =>
      nth < 3 ? response.writeHead(429, headers).end() : response.writeHead(200).end('{}'),
    )
    expect([(await send(place, CREATE)).status, asked()]).toEqual([200, 3])
  }
})

const lost: Handler = (_request, response) => response.socket?.destroy()

test('[CN-4] what may have happened is not sent twice, and is told as unknown', async () => {
  for (const handler of [lost, status(500), status(502), status(303, { location: '/base/things/1' })]) {
    const { place, asked } = await placeOf(handler)
    expect([outcome(await failure(send(place, CREATE))), asked()]).toEqual(['unknown', 1])
  }
  for (const handler of [lost, status(500)]) {
    const { place, asked } = await placeOf(handler)
    expect([(await failure(send(place, READ))).kind, asked()]).toEqual([
      'unavailable',
      PLACE_DEFAULTS.attempts,
    ])
  }
})

test('[CN-4] what is repeatable is sent again; once an answer was lost, nothing makes it certain but a key', async () => {
  const REPEATABLE = { ...CREATE, method: 'PUT', repeatable: true }
  const after = (handler: Handler) =>
    placeOf((request, response, nth) =>
      nth === 1 ? lost(request, response, nth) : handler(request, response, nth),
    )
  const done = await after(status(200))
  expect(await send(done.place, REPEATABLE)).toMatchObject({ status: 200, uncertain: true })
  expect(await send((await after(status(200))).place, { ...REPEATABLE, keyed: true })).toMatchObject({
    uncertain: false,
  })
  for (const handler of [status(401), status(418), status(503, { 'retry-after': '9999' })])
    expect(outcome(await failure(send((await after(handler)).place, REPEATABLE)))).toBe('unknown')
})

test('[CN-4] where nobody listens nothing happened, and it is tried again', async () => {
  const { place } = await placeOf(status(200))
  const [server] = servers.splice(0)
  server?.close()
  server?.closeAllConnections()
  expect((await failure(send(place, CREATE))).kind).toBe('unavailable')
})

test('[CN-4] a write that is told to stop once it was sent may have happened', async () => {
  const stop = new AbortController()
  const { place } = await placeOf(() => stop.abort(new Error('stopped')))
  expect(outcome(await failure(send(place, { ...CREATE, signal: stop.signal })))).toBe('unknown')
  const reading = new AbortController()
  const silent = await placeOf(() => reading.abort(new Error('stopped')))
  await expect(send(silent.place, { ...READ, signal: reading.signal })).rejects.toThrow('stopped')
})

test('[CN-5] a place that answers nothing, too much, or not JSON does not hold anybody up', async () => {
  const silent = await placeOf(() => {})
  const impatient = { ...silent.place, timeoutMs: 100, attempts: 1 }
  expect((await failure(send(impatient, READ))).kind).toBe('unavailable')
  expect(outcome(await failure(send(impatient, CREATE)))).toBe('unknown')
  // an answer that never ends is no answer either
  const trickle = await placeOf((_request, response) => {
    response.writeHead(200)
    const drop = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(drop))
  })
  expect((await failure(send({ ...trickle.place, timeoutMs: 200, attempts: 1 }, READ))).kind).toBe(
    'unavailable',
  )
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
  expect(outcome(await failure(send({ ...endless.place, maxBytes: 100_000 }, CREATE)))).toBe('unknown')
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

test('[CN-5] a credential that no header can carry is refused before anybody is asked', async () => {
  const { place, asked } = await placeOf(status(200))
  const headers = { authorization: 'Bearer canary\ntoken' }
  const error = await failure(send({ ...place, headers }, READ))
  expect([error.kind, asked()]).toEqual(['unauthorized', 0])
  expect(JSON.stringify([error.message, { ...error }])).not.toContain('canary')
})
