import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { raw } from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestOf } from '../src/operation/cli.ts'
import { openapi } from '../src/operation/openapi.ts'
import { OPERATIONS } from '../src/operations.ts'
import { type Caller, type TestApp, testApp } from './harness/app.ts'
import { openSession } from './harness/loop.ts'
import {
  ROUTE_OPERATIONS,
  ROUTE_TABLE,
  thingPut,
  thingRemove,
  thingsTold,
  thingTold,
  thingVersionTold,
} from './route-operations.ts'
import { dump } from './security/world.ts'

/** What a route may declare beside method and path: bodies, answers and headers that are one input or output, lines. */

let app: TestApp
let owner: Caller
let agent: Caller & { bearer: string }

beforeAll(async () => {
  app = await testApp({ operations: [...OPERATIONS, ...ROUTE_OPERATIONS] as never })
  await app.deps.db.query(raw(ROUTE_TABLE) as never)
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  agent = await app.key({ org: 'laurel', role: 'agent', scopes: ['creator:laurel:things:write'] })
})
afterAll(() => app.close())

const lines = (body: string): unknown[] =>
  body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

const importLines = (caller: Caller, body: string, headers: Record<string, string> = {}) =>
  caller.call('POST', '/v1/things:import', body, { 'content-type': 'application/x-ndjson', ...headers })

describe('a resource as body and answer', () => {
  test('[K-33] is sent and answered with nothing added; its version and time travel in headers', async () => {
    const document = { name: 'One', nested: { list: [1, 2] } }
    const put = await owner.call('PUT', '/v1/things/one', document)
    expect([put.status, put.body]).toEqual([200, { version: 1 }])
    const got = await owner.call('GET', '/v1/things/one')
    expect(got.body).toEqual(document)
    expect(got.headers.get('etag')).toBe('"1"')
    expect(got.headers.get('last-modified')).toBe('Thu, 21 May 2026 02:00:00 GMT')
    expect(got.headers.get('content-type')).toMatch(/^application\/json/)
  })

  test('[K-33] If-Match and If-None-Match are inputs, with quotes, weak or as *', async () => {
    await owner.call('PUT', '/v1/things/two', { name: 'Two' })
    const stale = await owner.call('PUT', '/v1/things/two', { name: 'x' }, { 'if-match': '"7"' })
    expect([stale.status, stale.body.code]).toEqual([412, 'stale'])
    const good = await owner.call('PUT', '/v1/things/two', { name: 'y' }, { 'if-match': 'W/"1"' })
    expect(good.body).toEqual({ version: 2 })
    const there = await owner.call('PUT', '/v1/things/two', { name: 'z' }, { 'if-none-match': '*' })
    expect(there.body.code).toBe('conflict')
    const wrong = await owner.call('PUT', '/v1/things/two', { name: 'z' }, { 'if-match': '"soon"' })
    expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([400, '/expectedVersion'])
  })

  test('[K-33] other inputs travel in the query, and a dry run answers its plan as a whole', async () => {
    const reply = await owner.call('PUT', '/v1/things/three?dryRun=true', { name: 'Three' })
    expect(reply.body).toMatchObject({ ok: true, mode: 'preview', plan: { operationId: 'things.put' } })
    expect((await owner.call('GET', '/v1/things/three')).status).toBe(404)
  })

  test('[K-33] a body that is no object is refused by the field, and other media types as such', async () => {
    const array = await owner.call('PUT', '/v1/things/three', [1])
    expect([array.status, array.body.errors[0].pointer]).toEqual([400, '/document'])
    const none = await owner.call('PUT', '/v1/things/three')
    expect([none.status, none.body.errors[0].pointer]).toEqual([400, '/document'])
    const merge = { 'content-type': 'application/merge-patch+json' }
    expect((await owner.call('PUT', '/v1/things/three', { name: 'Three' }, merge)).status).toBe(200)
    const text = await owner.call('PUT', '/v1/things/three', '{}', { 'content-type': 'text/plain' })
    expect([text.status, text.body.code]).toEqual([415, 'unsupported-media-type'])
  })

  test('[K-33] a DELETE takes its inputs from query and headers', async () => {
    await owner.call('PUT', '/v1/things/gone', { name: 'Gone' })
    const stale = await owner.call('DELETE', '/v1/things?id=gone', undefined, { 'if-match': '"9"' })
    expect(stale.status).toBe(412)
    expect((await owner.call('DELETE', '/v1/things?id=gone')).body).toEqual({ deleted: true })
  })

  test('[K-33] the command line and the document derive the same request', () => {
    const input = { id: 'a/b', document: { x: 1 }, expectedVersion: 3, absent: true, dryRun: true }
    expect(requestOf(thingPut as never, input)).toEqual({
      method: 'PUT',
      path: '/v1/things/a%2Fb?dryRun=true',
      headers: { 'if-match': '"3"', 'if-none-match': '*' },
      body: '{"x":1}',
    })
    expect(requestOf(thingRemove as never, { id: 'gone' })).toEqual({
      method: 'DELETE',
      path: '/v1/things?id=gone',
      headers: {},
    })
    const { put } = (openapi([thingPut as never], '0') as any).paths['/v1/things/{id}']
    const places = put.parameters.map((each: any) => `${each.in} ${each.name}`)
    expect(places).toEqual(expect.arrayContaining(['path id', 'header if-match', 'query dryRun']))
    expect(Object.keys(put.requestBody.content)).toEqual(['application/json', 'application/merge-patch+json'])
    expect(put.requestBody.content['application/json'].schema.properties).toBeUndefined()
  })
})

describe('reads of one path', () => {
  const PATH = '/v1/things-told'
  const told = async (caller: Caller, query: string) => {
    const { status, body } = await caller.call('GET', `${PATH}${query}`)
    return [status, status === 200 ? body.told : body.code]
  }

  test('[K-36] are told apart by what the query names, each with its own access', async () => {
    expect(await told(owner, '')).toEqual([200, 'all'])
    expect(await told(owner, '?id=one')).toEqual([200, 'one'])
    expect(await told(owner, '?version=latest&id=one')).toEqual([200, 'one, latest'])
    const guest = app.guest()
    expect(await told(guest, '?artistId=laurel')).toEqual([200, 'all'])
    expect(await told(guest, '?id=one')).toEqual([401, 'unauthenticated'])
    expect(await told(guest, '?id=one&version=latest')).toEqual([401, 'unauthenticated'])
  })

  test('[K-36] another value, a name alone, and one given twice are refused', async () => {
    expect(await told(owner, '?id=one&version=first')).toEqual([400, 'validation-failed'])
    expect(await told(owner, '?version=latest')).toEqual([400, 'validation-failed'])
    expect(await told(owner, '?id=one&id=two')).toEqual([400, 'validation-failed'])
    expect(await told(owner, '?id=one&version=latest&version=latest')).toEqual([400, 'validation-failed'])
  })

  test('[K-36] the command line and the document derive the same requests', async () => {
    const input = { id: 'a&b' }
    expect(requestOf(thingVersionTold as never, input).path).toBe(`${PATH}?version=latest&id=a%26b`)
    expect(requestOf(thingTold as never, input).path).toBe(`${PATH}?id=a%26b`)
    const { get } = (openapi([thingsTold, thingTold, thingVersionTold] as never, '0') as any).paths[PATH]
    const query = get.parameters.filter((each: any) => each.in === 'query')
    expect(query.map(({ name, required }: any) => [name, required])).toEqual([
      ['id', false],
      ['version', false],
    ])
  })
})

describe('lines', () => {
  test('[K-34] a body of lines runs in batches, each a transaction, and answers a line for each', async () => {
    const body = ['a1', 'a2', 'a3', 'a4'].map((id) => JSON.stringify({ id, name: id })).join('\n')
    const reply = await importLines(owner, body)
    expect(reply.headers.get('content-type')).toBe('application/x-ndjson')
    expect(lines(reply.body.text)).toEqual([
      { first_line: 1, last_line: 3, imported: 3 },
      { first_line: 4, last_line: 4, imported: 1 },
    ])
  })

  test('[K-34] a wrong line refuses its batch alone and is named by its number', async () => {
    const good = (id: string) => JSON.stringify({ id, name: id })
    const body = [good('b1'), '{"id":', good('b3'), '', good('b4'), '{"id":"b5","name":7}', ''].join('\n')
    const answers = lines((await importLines(owner, body)).body.text) as any[]
    expect(answers[0]).toMatchObject({ first_line: 1, last_line: 3, ok: false, errors: [{ line: 2 }] })
    expect(answers[1]).toMatchObject({
      first_line: 5,
      ok: false,
      errors: [{ line: 6, pointer: '/things/1/name' }],
    })
    const exported = await owner.call('GET', '/v1/things:export?prefix=b')
    expect(exported.body).toEqual({ things: [] })
  })

  test('[K-34] the same lines under the same key are answered again and not run again', async () => {
    const body = ['c1', 'c2', 'c3', 'c4'].map((id) => JSON.stringify({ id, name: id })).join('\r\n')
    const key = { 'idempotency-key': 'lines-once-0001' }
    const first = await importLines(owner, body, key)
    expect((await importLines(owner, body, key)).body.text).toBe(first.body.text)
  })

  test('[K-34] who may not is refused before the first line is answered', async () => {
    const refused = await importLines(app.guest(), '{"id":"d","name":"d"}')
    expect([refused.status, refused.body.code]).toEqual([401, 'unauthenticated'])
    const grant = await importLines(agent, '{"id":"d","name":"d"}')
    expect([grant.status, grant.body.code]).toEqual([403, 'approval-required'])
    const empty = await importLines(owner, '\n\n')
    expect([empty.status, empty.body.code]).toEqual([400, 'malformed-request'])
    const elsewhere = await owner.call('PUT', '/v1/things/d', '{}', {
      'content-type': 'application/x-ndjson',
    })
    expect([elsewhere.status, elsewhere.body.code]).toEqual([415, 'unsupported-media-type'])
  })

  test('[K-34] a reading is answered as lines where they are asked for', async () => {
    const reply = await owner.call('GET', '/v1/things:export?prefix=a', undefined, {
      accept: 'application/x-ndjson',
    })
    expect(lines(reply.body.text)).toHaveLength(4)
    const wrong = await owner.call('GET', '/v1/things:export?nothing=1', undefined, {
      accept: 'application/x-ndjson',
    })
    expect(wrong.status).toBe(400)
  })
})

describe('an approval on a route without an envelope', () => {
  const SECRET = 'canary-route-secret'
  const document = { name: 'Guarded', 'pass/word': SECRET }

  async function approved(id: string): Promise<{ sessionId: string; reference: string; planDigest: string }> {
    const preview = await agent.call('PUT', `/v1/things/${id}?dryRun=true`, document)
    const { planDigest } = preview.body.plan
    const sessionId = await openSession(agent)
    const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
      operationId: 'things.put',
      input: { id, document },
      planDigest,
      reason: 'To prove it.',
    })
    expect(asked.status, JSON.stringify(asked.body)).toBe(201)
    const { id: approvalId } = asked.body.approval
    const decided = await owner.call('PATCH', `/api/agent/sessions/${sessionId}/approvals/${approvalId}`, {
      decision: 'approve',
      planDigest,
      confirmationText: asked.body.approval.plan.confirmationText,
    })
    expect(decided.status, JSON.stringify(decided.body)).toBe(200)
    return { sessionId, reference: `${approvalId} ${planDigest}`, planDigest }
  }

  test('[K-35] is executed by the header, once, as approved', async () => {
    const refused = await agent.call('PUT', '/v1/things/guarded', document)
    expect([refused.status, refused.body.code]).toEqual([403, 'approval-required'])
    expect(refused.body.nextAction).toContain('Countersign-Approval')
    const { reference } = await approved('guarded')
    const other = await agent.call(
      'PUT',
      '/v1/things/guarded',
      { name: 'Other' },
      { 'countersign-approval': reference },
    )
    expect([other.status, other.body.code]).toEqual([409, 'plan-mismatch'])
    const done = await agent.call('PUT', '/v1/things/guarded', document, {
      'countersign-approval': reference,
    })
    expect([done.status, done.body]).toEqual([200, { version: 1 }])
    const again = await agent.call('PUT', '/v1/things/guarded', document, {
      'countersign-approval': reference,
    })
    expect(again.body.code).toBe('approval-consumed')
  })

  test('[K-35] secrets whose place depends on the data wait sealed and are in no plan', async () => {
    const { reference } = await approved('sealed')
    for (const [table, rows] of Object.entries(await dump(app)))
      if (table !== 'public.next_things') expect(JSON.stringify(rows), table).not.toContain(SECRET)
    const done = await agent.call('PUT', '/v1/things/sealed', document, { 'countersign-approval': reference })
    expect(done.status).toBe(200)
    expect((await owner.call('GET', '/v1/things/sealed')).body).toEqual(document)
  })

  test('[K-35] is named in _meta over MCP, and a malformed one is refused by its field', async () => {
    const { sessionId, reference, planDigest } = await approved('over-mcp')
    const client = new Client({ name: 'routes', version: '1' })
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${app.url}/mcp`), {
        requestInit: { headers: { authorization: `Bearer ${agent.bearer}` } },
      }),
    )
    const done = await client.callTool({
      name: 'thing_put',
      arguments: { id: 'over-mcp', document },
      _meta: {
        'dev.countersign/session': sessionId,
        'dev.countersign/approval': { id: reference.split(' ')[0], planDigest },
      },
    })
    expect(done.structuredContent).toEqual({ version: 1 })
    await client.close()
    const wrong = await agent.call('PUT', '/v1/things/x', document, { 'countersign-approval': 'approval-1' })
    expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([400, '/headers/Countersign-Approval'])
  })
})
