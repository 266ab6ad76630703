import http from 'node:http'
import net from 'node:net'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { requestOf } from '../../src/operation/cli.ts'
import { actionLiteral, type Operation } from '../../src/operation/define.ts'
import { ERRORS } from '../../src/operation/errors.ts'
import { OPERATIONS } from '../../src/operations.ts'
import { type Caller, type TestApp, testApp } from '../harness/app.ts'
import { INPUTS, type World } from './inputs.ts'
import { changedTables, dump, fingerprints, worldOf } from './world.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
console.log(`malformed input: SEED=${seed}`)

type Answer = { status: number; type: string; text: string; body: any }

let app: TestApp
let owner: Caller
let world: World

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  world = await worldOf(app, 'laurel', owner)
})
afterAll(() => app.close())

/** A request byte for byte: nothing of path, headers or body is put right on the way. */
function raw(
  method: string,
  path: string,
  body?: string | Buffer,
  headers: Record<string, string | string[]> = { 'content-type': 'application/json' },
): Promise<Answer> {
  const { hostname, port } = new URL(app.url)
  return new Promise((resolve, reject) => {
    const request = http.request(
      { hostname, port, method, path, headers: { ...owner.headers, ...(body === undefined ? {} : headers) } },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          const type = response.headers['content-type'] ?? ''
          resolve({
            status: response.statusCode!,
            type,
            text,
            body: type.includes('json') ? JSON.parse(text) : {},
          })
        })
      },
    )
    // the server may answer and hang up before a large body is through
    request.on('error', reject)
    request.end(body)
  })
}

/** A refusal as every caller may expect it; `field` must be among the fields that it names. */
function expectProblem(answer: Answer, field?: string): void {
  const { status, type, body, text } = answer
  expect(status, text.slice(0, 500)).toBeGreaterThanOrEqual(400)
  expect(status, text.slice(0, 500)).toBeLessThan(500)
  expect(type).toBe('application/problem+json; charset=utf-8')
  expect(body).toMatchObject({
    ok: false,
    status,
    code: expect.toBeOneOf(Object.keys(ERRORS)),
    nextAction: expect.stringMatching(/./),
    detail: expect.stringMatching(/./),
    error: body.detail,
  })
  if (field === undefined) return
  const pointers = (body.errors ?? []).map(({ pointer }: { pointer: string }) => pointer)
  const named = pointers.some((pointer: string) => pointer === field || pointer.startsWith(`${field}/`))
  expect(named, `${field} in ${text.slice(0, 500)}`).toBe(true)
}

/** Refusals are audited; apart from that nothing at all is written. */
async function writesNothing(work: () => Promise<void>): Promise<void> {
  const before = await fingerprints(app)
  await work()
  expect(
    changedTables(before, await fingerprints(app)).filter((table) => table !== 'public.audit_log'),
  ).toEqual([])
}

const named = (operations: readonly Operation[]) => operations.map((each) => [each.id, each] as const)
const hasBody = ({ http: { method } }: Operation) => method !== 'GET' && method !== 'DELETE'
const sample = (operation: Operation): Record<string, unknown> => {
  const action = actionLiteral(operation)
  return { ...(action ? { action } : {}), ...INPUTS[operation.id]!(world) }
}
/** Path and method of an operation with the sample's ids in place, and the rest of the sample. */
function target(operation: Operation) {
  const { method, path, body } = requestOf(operation, sample(operation))
  return { method, path: path.split('?')[0]!, body: body === undefined ? undefined : JSON.parse(body) }
}
const inPath = ({ http: { path } }: Operation, field: string) => path.includes(`{${field}}`)
const inPathOnly = (operation: Operation) =>
  Object.fromEntries(Object.entries(sample(operation)).filter(([field]) => inPath(operation, field)))
const outsidePath = (operation: Operation): string[] =>
  Object.keys(operation.input.shape).filter((field) => !inPath(operation, field))
/** Where one input is the whole body, the others travel in the query. */
const fieldsOfBody = (operation: Operation): string[] => {
  if (!hasBody(operation)) return []
  return operation.http.body === undefined ? outsidePath(operation) : [operation.http.body]
}
const fieldsOfQuery = (operation: Operation): string[] => {
  const inBody = fieldsOfBody(operation)
  return hasBody(operation) && operation.http.body === undefined
    ? []
    : outsidePath(operation).filter((field) => !inBody.includes(field))
}
const open = ({ input }: Operation): boolean =>
  input.def.catchall !== undefined && !(input.def.catchall instanceof z.ZodNever)

const nested = (depth: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { in: value }
  return value
}

/** Values that no field means: other types, sizes, depths and texts that cannot be stored. */
const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e308, -0, [], {}, [null], [[[]]], '', ' '),
  fc.double(),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('x'.repeat(100_000), '\u0000', 'a\u0000b', '\ud800', '\udfff tail', '💥'.repeat(5000)),
  fc.constantFrom(
    '2026-13-45T99:99:99Z',
    'http://',
    'javascript:alert(1)',
    '../../etc/passwd',
    "'; DROP TABLE live_events; --",
  ),
  fc.integer({ min: 33, max: 60 }).map(nested),
  fc.dictionary(
    fc.string({ maxLength: 5 }),
    fc.anything({ maxDepth: 2 }).map((value) => value ?? null),
    { maxKeys: 3 },
  ),
  fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 4 }),
)

/** As it arrives: what JSON cannot say is not part of the test. */
const onTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? 'null')

const storable = (value: unknown): boolean =>
  !JSON.stringify(value, (_, each) =>
    typeof each === 'string' && !each.isWellFormed() ? '\u0000' : each,
  ).includes('\\u0000')

describe('[I-1] a field with a value that is not its own is named', () => {
  const fields = OPERATIONS.flatMap((operation) =>
    fieldsOfBody(operation).map((field) => [operation.id, field, operation] as const),
  )

  test.each(fields)('%s /%s', async (_, field, operation) => {
    const { method, path, body } = target(operation)
    const schema = operation.input.shape[field] as z.ZodType
    const wrong = hostile
      .map(onTheWire)
      .filter((value) => !storable(value) || !schema.safeParse(value).success)
    await writesNothing(() =>
      fc.assert(
        fc.asyncProperty(wrong, async (value) => {
          const sent = field === operation.http.body ? value : { ...body, [field]: value }
          expectProblem(await raw(method, path, JSON.stringify(sent)), `/${field}`)
        }),
        { seed, numRuns: 12, endOnFailure: true },
      ),
    )
  })

  const queries = OPERATIONS.flatMap((operation) =>
    fieldsOfQuery(operation).map((field) => [operation.id, field, operation] as const),
  )

  test.each(queries)('%s ?%s', async (_, field, operation) => {
    const { method, path, body } = target(operation)
    const text = body && JSON.stringify(body)
    const ask = (query: string) => raw(method, `${path}?${query}`, text)
    const schema = operation.input.shape[field] as z.ZodType
    const texts = fc
      .oneof(
        fc.string({ unit: 'grapheme', maxLength: 30 }),
        fc.constantFrom(
          '',
          '\u0000',
          'x'.repeat(2000),
          '-1',
          '1e3',
          '0x10',
          'NaN',
          'null',
          '[]',
          '999999999999999999999',
        ),
      )
      .filter((text) => text.includes('\u0000') || !understood(schema, text))
    await writesNothing(() =>
      fc.assert(
        fc.asyncProperty(texts, async (value) => {
          expectProblem(await ask(`${field}=${encodeURIComponent(value)}`), `/${field}`)
        }),
        { seed, numRuns: 10, endOnFailure: true },
      ),
    )
    expectProblem(await ask(`${field}=1&${field}=2`), `/${field}`)
  })

  /** Whether a query value could be meant: as the text, the number or the truth value that it spells. */
  function understood(schema: z.ZodType, text: string): boolean {
    const spelt = [
      text,
      ...(/^-?\d+(\.\d+)?$/.test(text) ? [Number(text)] : []),
      ...(text === 'true' || text === 'false' ? [text === 'true'] : []),
    ]
    return spelt.some((value) => schema.safeParse(value).success)
  }
})

const bodies = OPERATIONS.filter(hasBody)

describe('[I-2] fields that an operation does not have are refused by name', () => {
  test.each(named(bodies.filter((each) => !open(each) && !each.http.body)))('%s', async (_, operation) => {
    const { method, path, body } = target(operation)
    const extended = (text: string) =>
      `${JSON.stringify(body).slice(0, -1)}${Object.keys(body).length > 0 ? ',' : ''}${text}}`
    await writesNothing(async () => {
      for (const name of ['unknown', '__proto__', 'constructor', 'toString', 'a/b~c', '']) {
        const pointer = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
        expectProblem(await raw(method, path, extended(`${JSON.stringify(name)}:{"admin":true}`)), pointer)
      }
    })
    expect(({} as Record<string, unknown>).admin).toBeUndefined()
  })

  const asked = OPERATIONS.filter((each) => !hasBody(each) || each.http.body)
  test.each(named(asked))('%s in its query', async (_, operation) => {
    const { method, path, body } = target(operation)
    const ask = (query: string) => raw(method, `${path}?${query}`, body && JSON.stringify(body))
    expectProblem(await ask('unknown=1'), '/unknown')
    expectProblem(await ask('__proto__=1'), '/__proto__')
    expectProblem(await ask('artistId=laurel&artistId=laurel'), '/artistId')
  })

  test.each(named(bodies.filter((each) => 'envelope' in each.input.shape && !open(each))))(
    '%s in its envelope',
    async (_, operation) => {
      const { method, path, body } = target(operation)
      const send = (envelope: unknown) => raw(method, path, JSON.stringify({ ...body, envelope }))
      await writesNothing(async () => {
        expectProblem(await send({ ...body.envelope, role: 'owner' }), '/envelope/role')
        for (const field of Object.keys(body.envelope)) {
          const { [field]: _, ...rest } = body.envelope
          expectProblem(await send(rest), `/envelope/${field}`)
          expectProblem(await send({ ...rest, [field]: 7 }), `/envelope/${field}`)
        }
      })
    },
  )
})

/** Bodies that are no JSON object at all. */
const BROKEN: Record<string, string | Buffer> = {
  'an empty body': '',
  'an array': '[]',
  'a number': '1',
  'a string': '"action"',
  'a truth value': 'true',
  'half an object': '{"title": "x',
  'a trailing comma': '{"title": "x",}',
  'two objects': '{}{}',
  'a byte-order mark': Buffer.from([0xef, 0xbb, 0xbf, 0x7b]),
  'invalid UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  'a cut UTF-8 sequence': Buffer.concat([Buffer.from('{"title":"'), Buffer.from([0xe2, 0x82])]),
  'UTF-16': Buffer.from('{"title":"x"}', 'utf16le'),
  'gzip magic': Buffer.from([0x1f, 0x8b, 0x08, 0x00]),
  'arrays a hundred thousand deep': '['.repeat(100_000),
  'objects twenty thousand deep': `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
}

describe('[I-3] a body that is no JSON object is refused', () => {
  test.each(named(bodies))('%s', async (_, operation) => {
    const { method, path } = target(operation)
    await writesNothing(async () => {
      for (const [name, body] of Object.entries(BROKEN)) {
        // where nothing has to be said, nothing is a good body
        if (body === '' && operation.input.safeParse(inPathOnly(operation)).success) continue
        const answer = await raw(method, path, body)
        expectProblem(answer)
        expect(answer.status, name).toBe(400)
      }
    })
  })

  test.each(named(bodies))('%s and so is another media type', async (_, operation) => {
    const { method, path, body } = target(operation)
    const text = JSON.stringify(body)
    await writesNothing(async () => {
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'image/png',
        'nonsense',
      ]) {
        const answer = await raw(method, path, text, { 'content-type': type })
        expectProblem(answer)
        expect(answer.body.code, type).toBe('unsupported-media-type')
      }
      const untyped = await raw(method, path, text, {})
      expectProblem(untyped)
      expect(untyped.body.code).toBe('unsupported-media-type')
    })
  })

  test.each(named(bodies))('%s and so are ten megabytes', async (_, operation) => {
    const { method, path } = target(operation)
    await writesNothing(async () => {
      const answer = await oversized(method, path, 10_000_000)
      expect(answer).toMatch(/^HTTP\/1\.1 413 /)
      expect(answer).toContain('content-type: application/problem+json')
      expect(answer).toContain('"code":"too-large"')
    })
  })

  /** Declares a body of that many bytes and sends it until the server answers. */
  function oversized(method: string, path: string, bytes: number): Promise<string> {
    const { hostname, port } = new URL(app.url)
    return new Promise((resolve, reject) => {
      const socket = net.connect(Number(port), hostname)
      let answer = ''
      const headers = {
        ...owner.headers,
        host: 'localhost',
        'content-type': 'application/json',
        'content-length': bytes,
      }
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
      socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
      socket.write(Buffer.alloc(bytes, 0x20))
      socket.on('data', (chunk) => {
        answer += chunk
        if (answer.includes('\r\n\r\n{') && answer.endsWith('}')) socket.destroy()
      })
      socket.on('error', (error) => (answer ? resolve(answer) : reject(error)))
      socket.on('close', () => resolve(answer))
    })
  }
})

describe('[I-4] odd paths and headers', () => {
  const IDS = [
    '%00',
    'a%00b',
    '%ff',
    '%c3%28',
    '%zz',
    '%',
    '%E0%A4%A',
    '%ed%a0%80',
    '%2e%2e',
    '%2f%2f',
    '..%2f..%2fetc',
    "'%20OR%201=1--",
    'x'.repeat(499),
    'x'.repeat(5000),
    '%F0%9F%92%A5',
    '{sessionId}',
    '__proto__',
    ' '.repeat(3).replaceAll(' ', '%20'),
  ]

  test.each(named(OPERATIONS.filter(({ http: { path } }) => path.includes('{'))))(
    '%s with odd ids',
    async (_, operation) => {
      const { method, body } = target(operation)
      const text = body === undefined ? undefined : JSON.stringify(body)
      await writesNothing(async () => {
        for (const id of IDS)
          expectProblem(await raw(method, operation.http.path.replaceAll(/\{\w+\}/g, id), text))
      })
    },
  )

  test.each(named(OPERATIONS))('%s with odd headers', async (_, operation) => {
    const { method, path, body } = target(operation)
    const send = (headers: Record<string, string | string[]>) =>
      raw(method, path, body === undefined ? '' : JSON.stringify(body), {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      })
    await writesNothing(async () => {
      for (const key of ['short', 'x'.repeat(201), 'with space', 'ümlaut-key'])
        expectProblem(await send({ 'idempotency-key': key }), '/headers/Idempotency-Key')
      expectProblem(await send({ authorization: 'Bearer' }))
      expectProblem(await send({ authorization: `Bearer ${'x'.repeat(5000)}` }))
      expectProblem(await send({ authorization: 'Bearer \u00ff\u00fe' }))
      if (!operation.ownEvents)
        for (const id of ['x'.repeat(3000), 'é', '../..', '%00'])
          expectProblem(await send({ 'agent-session-id': id }))
      const overflowing = await send({ 'x-long': 'x'.repeat(20_000) })
      expectProblem(overflowing)
      expect(overflowing.status).toBe(431)
    })
  })

  test('cursors that were never issued, or elsewhere', async () => {
    const events = `/api/agent/sessions/${world.sessionId}/events`
    const other = await worldOf(app, 'laurel', owner)
    const listed = await raw('GET', '/api/sessions?limit=1')
    const issued = listed.body.nextCursor as string
    const audited = (await raw('GET', '/api/admin/audit?limit=1')).body.nextCursor as string
    const forged = (payload: unknown) =>
      `${Buffer.from(JSON.stringify(payload)).toString('base64url')}.AAAAAAAAAAAAAAAAAAAAAA`
    const cases: [string, string, string][] = [
      [events, `${other.sessionId}:1`, 'cursor-invalid'],
      [events, `${world.sessionId}:999`, 'cursor-ahead'],
      [events, `${world.sessionId}:-1`, 'cursor-invalid'],
      [events, `${world.sessionId}:1e9`, 'cursor-invalid'],
      [events, `${world.sessionId}:${'9'.repeat(30)}`, 'cursor-invalid'],
      [events, world.sessionId, 'cursor-invalid'],
      [events, issued, 'cursor-invalid'],
      ['/api/sessions', audited, 'cursor-invalid'],
      ['/api/admin/audit', issued, 'cursor-invalid'],
      ...['/api/sessions', '/api/admin/audit'].flatMap((path): [string, string, string][] => [
        [path, 'nonsense', 'cursor-invalid'],
        [path, '.', 'cursor-invalid'],
        [path, 'e30.e30', 'cursor-invalid'],
        [path, `${issued.slice(0, -2)}AA`, 'cursor-invalid'],
        [path, forged(['laurel', 1]), 'cursor-invalid'],
        [path, forged(['laurel', '2026-01-01T00:00:00.000Z', 'x']), 'cursor-invalid'],
      ]),
    ]
    for (const [path, cursor, code] of cases) {
      const answer = await raw('GET', `${path}?cursor=${encodeURIComponent(cursor)}`)
      expectProblem(answer, code === 'cursor-invalid' ? '/cursor' : undefined)
      expect(answer.body.code, `${path} ${cursor}`).toBe(code)
    }
  })

  test('methods that a path does not have', async () => {
    for (const path of new Set(OPERATIONS.map(({ http: { path } }) => path.replaceAll(/\{\w+\}/g, 'x')))) {
      for (const method of ['PUT', 'DELETE', 'PATCH', 'POST', 'GET']) {
        const served = OPERATIONS.some(
          (each) => each.http.method === method && each.http.path.replaceAll(/\{\w+\}/g, 'x') === path,
        )
        if (served) continue
        const answer = await raw(method, path)
        expectProblem(answer)
        // /v1/configs/compare is also what GET /v1/configs/{type} reads: an unknown type, which is invalid input
        const asType = answer.body.errors?.[0]?.pointer === '/type'
        expect(asType ? [404, 405, answer.status] : [404, 405]).toContain(answer.status)
      }
    }
  })

  test.each([
    'GARBAGE',
    'GET / HTTP/9.9',
    'GET\u0000/ HTTP/1.1',
    'POST /api/agent/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: -5',
    'POST /api/agent/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz',
  ])('bytes that are no HTTP: %j', async (text) => {
    const { hostname, port } = new URL(app.url)
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = net.connect(Number(port), hostname)
      let got = ''
      socket.on('data', (chunk) => {
        got += chunk
      })
      socket.on('error', reject)
      socket.on('close', () => resolve(got))
      socket.end(`${text}\r\n\r\n`)
    })
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(answer.toLowerCase()).toContain('content-type: application/problem+json')
    expect(answer).toContain('"nextAction"')
  })
})

describe('[M-1] malformed tool calls are refused as over HTTP', () => {
  let client: Client

  beforeAll(async () => {
    const { bearer } = await app.key({ org: 'laurel', role: 'automation' })
    client = new Client({ name: 'malformed', version: '1.0.0' })
    const requestInit = { headers: { Authorization: `Bearer ${bearer}` } }
    await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', app.url), { requestInit }))
  })
  afterAll(() => client.close())

  type Arguments = Record<string, unknown>
  const refusalOf = async (operation: Operation, input: Arguments, _meta: Arguments = {}) => {
    const { isError, structuredContent } = await client.callTool({
      name: operation.tool,
      arguments: input,
      _meta,
    })
    expect(isError, JSON.stringify(structuredContent).slice(0, 300)).toBe(true)
    const body = structuredContent as any
    expect(body.status).toBeGreaterThanOrEqual(400)
    expect(body.status, JSON.stringify(body)).toBeLessThan(500)
    expect(Object.keys(ERRORS)).toContain(body.code)
    return body
  }
  const forPeople = ['first-party-session', 'signed-in-listener']
  const forAutomation = OPERATIONS.filter(({ access }) => !forPeople.includes(access.auth))

  test.each(named(forAutomation))('%s', async (_, operation) => {
    await writesNothing(() =>
      fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...Object.keys(operation.input.shape), ''),
          hostile.map(onTheWire),
          async (field, value) => {
            const input = { ...sample(operation), [field]: value }
            if (storable(value) && operation.input.safeParse(input).success) return
            const { errors } = await refusalOf(operation, input)
            // of two fields that must agree, the one that fails to is named
            const named = field === 'id' ? ['/id', '/eventId'] : [`/${field}`]
            expect(
              errors.some(({ pointer }: any) =>
                named.some((each) => pointer === each || pointer.startsWith(`${each}/`)),
              ),
            ).toBe(true)
          },
        ),
        { seed, numRuns: 15, endOnFailure: true },
      ),
    )
    expect(app.logged.filter((line) => line.includes('refusal not recorded'))).toEqual([])
  })

  test.each(named(forAutomation))('%s beside its arguments', async (_, operation) => {
    await writesNothing(async () => {
      const session = 'dev.countersign/session'
      for (const value of ['\u0000', '\ud800', '', 'x'.repeat(300), 7, {}, 'with space']) {
        const { errors } = await refusalOf(operation, sample(operation), { [session]: value })
        expect(errors).toMatchObject([{ pointer: '/_meta/dev.countersign~1session' }])
      }
      const key = 'dev.countersign/idempotency-key'
      for (const value of ['\u0000'.repeat(9), 'short', 9, []]) {
        const { errors } = await refusalOf(operation, sample(operation), { [key]: value })
        expect(errors).toMatchObject([{ pointer: '/_meta/dev.countersign~1idempotency-key' }])
      }
    })
  })

  test('a key in the envelope that is none does not hide the refusal from the audit', async () => {
    const operation = forAutomation.find(({ effect }) => effect === 'write')!
    const { envelope, ...rest } = sample(operation) as { envelope: Arguments }
    const rows = async () => (await dump(app))['public.audit_log']!.split('\n').length
    const before = await rows()
    for (const idempotencyKey of ['\u0000'.repeat(9), '\ud800'.repeat(9), 'x'.repeat(5000)])
      expect((await refusalOf(operation, { ...rest, envelope: { ...envelope, idempotencyKey } })).code).toBe(
        'validation-failed',
      )
    expect(await rows()).toBe(before + 3)
  })

  test('resources of odd names', async () => {
    for (const uri of [
      'fanful://agent/sessions/%00/events',
      'fanful://agent/sessions/%ff/events',
      `fanful://agent/sessions/${'x'.repeat(3000)}/events`,
      'fanful://%00',
      'file:///etc/passwd',
      'fanful://agent/sessions/x/events?cursor=%00',
    ]) {
      const error: any = await client.readResource({ uri }).then(
        () => undefined,
        (each: unknown) => each,
      )
      expect(error, uri).toBeDefined()
      expect(error.code, `${uri}: ${error.message}`).not.toBe(-32603)
    }
  })
})

describe('[I-5] pages and sign-in answer nonsense without a defect', () => {
  test('over every odd request', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const requests: [string, string, (string | Buffer)?, Record<string, string>?][] = [
      ['GET', '/approvals/%00/%00'],
      ['GET', `/approvals/${'x'.repeat(400)}/y`],
      ['GET', `/approvals/${world.sessionId}/nope`],
      ['POST', `/approvals/${world.sessionId}/${world.approvalId}`, 'decision=approve', form],
      ['POST', `/approvals/${world.sessionId}/${world.approvalId}`, 'decision=%00&planDigest=%ff', form],
      ['POST', `/approvals/${world.sessionId}/${world.approvalId}`, 'x'.repeat(100_000), form],
      ['POST', `/approvals/${world.sessionId}/${world.approvalId}`, '{}'],
      ['POST', `/approvals/${world.sessionId}/${world.approvalId}`],
      ['POST', `/approvals/${world.sessionId}/${world.approvalId}`, 'null'],
      ['POST', `/approvals/${world.sessionId}/${world.approvalId}`, '[]'],
      ['GET', `/approvals/${world.sessionId}/${world.approvalId}?artistId=laurel&artistId=laurel`],
      ['GET', `/approvals/${world.sessionId}/${world.approvalId}?artistId=%00`],
      ['GET', '/api/agent/surfaces?artistId=%00'],
      ['GET', '/api/agent/surfaces?artistId=%ff'],
      ['POST', '/sign-in', 'email=%00&password=%ff', form],
      ['POST', '/sign-in', Buffer.from([0xff, 0xfe]), form],
      ['POST', '/api/auth/sign-in/email', '{"email": 1, "password": []}'],
      ['POST', '/api/auth/sign-in/email', '{"email'],
      ['POST', '/api/auth/sign-in/email', '[]'],
      ['POST', '/api/auth/sign-in/email', '{"email":"a\\u0000@b.example","password":"x\\u0000"}'],
      ['POST', '/api/auth/sign-in/email', 'x'.repeat(200_000)],
      ['POST', '/oauth/consent', 'accept=%00', form],
      ['GET', '/oauth/consent?client_id=%00&sig=%00&exp=x'],
      ['POST', '/sign-out', Buffer.from([0xff]), form],
      ['GET', '/api/auth/%00'],
      ['GET', '/reference?x=%ff'],
      ['GET', '/%c0%ae%c0%ae/etc/passwd'],
    ]
    for (const request of requests) {
      const { status, text } = await raw(...request)
      expect(status, `${request.slice(0, 3).join(' ')} ${text.slice(0, 200)}`).toBeLessThan(500)
    }
    expect(app.logged.filter((line) => line.includes('"defect"'))).toEqual([])
  })
})
