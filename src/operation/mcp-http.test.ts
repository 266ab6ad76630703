import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KEY, startTestServer } from '../../test/mcp/test-server.ts'

let server: Awaited<ReturnType<typeof startTestServer>>
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

type Answer = {
  status: number
  headers: Record<string, unknown>
  json: { error: { code: number; data?: { code: string } } }
}

const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

/** One request with exactly these headers and bytes; fetch would set a Host and an encoding of its own. */
function send(
  body: string | Buffer,
  headers: Record<string, string> = {},
  method = 'POST',
  query = '',
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const call = request(
    `${server.url}${query}`,
    { method, headers: { ...JSON_HEADERS, ...headers } },
    (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => {
        const data = text.match(/^data: (.+)$/m)?.[1] ?? text
        const json = data.startsWith('{') || data.startsWith('[') ? JSON.parse(data) : {}
        resolve({ status: response.statusCode ?? 0, headers: response.headers, json })
      })
    },
  )
  call.on('error', reject)
  call.end(body)
  return promise
}

const rpc = (method: string, params: Record<string, unknown> = {}) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })

const LIST = rpc('tools/list')

const nested = (depth: number) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${'['.repeat(depth)}${']'.repeat(depth)}}`

describe('[M-2] what is not a request is refused with a 4xx', () => {
  test.each<[string, string | Buffer, number, number]>([
    ['nothing', '', 400, -32700],
    ['no JSON', '{"jsonrpc":', 400, -32700],
    ['bad UTF-8', Buffer.from([0x22, 0xff, 0x22]), 400, -32700],
    ['a nesting of 65 levels', nested(65), 400, -32700],
    ['a nesting of 100,000 levels', nested(100_000), 400, -32700],
    ['a batch of 17', `[${Array(17).fill(LIST).join()}]`, 400, -32700],
    ['more than a megabyte', JSON.stringify('x'.repeat(1_100_000)), 413, -32000],
    ['no JSON-RPC', '{"hello":"world"}', 400, -32600],
    ['a number', '7', 400, -32600],
    ['null', 'null', 400, -32600],
  ])('%s', async (_what, body, status, code) => {
    const answer = await send(body)
    expect(answer).toMatchObject({ status, json: { jsonrpc: '2.0', error: { code } } })
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'nonsense',
  ])('content type %s', async (type) => {
    expect(await send(LIST, { 'content-type': type })).toMatchObject({
      status: 415,
      json: { error: { code: -32000 } },
    })
  })

  test('a method other than POST', async () => {
    for (const method of ['GET', 'DELETE', 'PUT', 'PATCH']) {
      expect(await send('', {}, method), method).toMatchObject({ status: 405, headers: { allow: 'POST' } })
    }
  })

  test('hostile parameters', async () => {
    const bad = [
      null,
      7,
      'x',
      [],
      { name: 7 },
      { name: 'note_read', arguments: 'x' },
      { name: '__proto__' },
      { uri: 7 },
    ]
    for (const method of ['tools/call', 'resources/read', 'subscriptions/listen', 'constructor', ''])
      for (const params of bad) {
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
        const { status } = await send(body)
        expect(status, body).toBeLessThan(500)
      }
  })
})

describe('[M-3] credentials', () => {
  test('a bad bearer is told where to get a good one', async () => {
    const { status, headers, json } = await send(LIST, { authorization: 'Bearer wrong' })
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toBe(
      'Bearer error="invalid_token", error_description="The bearer credential is not valid.", ' +
        `resource_metadata="${new URL('/.well-known/oauth-protected-resource/mcp', server.url)}"`,
    )
    expect(json.error.data?.code).toBe('unauthenticated')
  })

  const toolCount = async (headers: Record<string, string>, query = '') =>
    ((await send(LIST, headers, 'POST', query)).json as unknown as { result: { tools: unknown[] } }).result
      .tools.length

  test('count only in the Authorization header', async () => {
    expect(await toolCount({ authorization: `Bearer ${KEY}` })).toBe(4)
    const asGuest = await toolCount({})
    expect(asGuest).toBe(3)
    expect(await toolCount({ cookie: `session=${KEY}` })).toBe(asGuest)
    expect(await toolCount({}, `?access_token=${KEY}&key=${KEY}`)).toBe(asGuest)
  })

  test('a guest of an unknown artist finds nothing', async () => {
    expect(await send(LIST, {}, 'POST', '?artistId=nobody')).toMatchObject({ status: 404 })
    expect(await send(LIST, {}, 'POST', '?artistId=laurel')).toMatchObject({ status: 200 })
    expect(await send(LIST, {}, 'POST', '?artistId=laurel&artistId=laurel')).toMatchObject({ status: 400 })
  })
})

describe('[M-4] a page of another site', () => {
  test.each([
    [{ host: 'evil.example.com' }, 403],
    [{ origin: 'http://evil.example.com' }, 403],
    [{ origin: 'null' }, 403],
    [{ host: 'localhost.evil.example.com' }, 403],
    [{ origin: 'http://localhost:3000' }, 200],
    [{ host: 'localhost:4000' }, 200],
  ])('%j gets %i', async (headers, status) => {
    expect((await send(LIST, headers as Record<string, string>)).status).toBe(status)
  })
})
