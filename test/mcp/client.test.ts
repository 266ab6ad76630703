import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { INTERNAL } from './operations.ts'
import { KEY, startTestServer } from './test-server.ts'

let server: Awaited<ReturnType<typeof startTestServer>>
const open: Client[] = []

beforeEach(async () => {
  server = await startTestServer({ recheckMs: 20 })
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()))
  await server.stop()
})

type Era = 'modern' | 'legacy'

async function connect(era: Era, key?: string): Promise<Client> {
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' } },
  )
  const headers = key === undefined ? {} : { Authorization: `Bearer ${key}` }
  await client.connect(new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers } }))
  open.push(client)
  return client
}

describe.each<Era>(['modern', 'legacy'])('[M-11] a client of the %s revision', (era) => {
  test('sees the tools that it may call', async () => {
    const names = async (key?: string) =>
      (await (await connect(era, key)).listTools()).tools.map((tool) => tool.name)
    expect(await names()).toEqual(['note_read', 'note_defect_read', 'note_context_read'])
    expect(await names(KEY)).toEqual([
      'note_read',
      'note_private_read',
      'note_defect_read',
      'note_context_read',
    ])
  })

  test('gets schemas and hints that follow from the operation', async () => {
    const { tools } = await (await connect(era)).listTools()
    expect(tools.find((tool) => tool.name === 'note_read')).toMatchObject({
      title: 'Notes read',
      description: 'Read a note.\n- Only for tests.',
      inputSchema: { type: 'object', required: ['noteId'], additionalProperties: false },
      outputSchema: { type: 'object', required: ['ok', 'noteId', 'text'] },
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    })
  })

  test('calls a read and gets structured content with the same as text', async () => {
    const answer = await (await connect(era)).callTool({ name: 'note_read', arguments: { noteId: 'n1' } })
    expect(answer.isError).toBeFalsy()
    expect(answer.structuredContent).toEqual({ ok: true, noteId: 'n1', text: 'first' })
    expect(answer.content).toEqual([{ type: 'text', text: JSON.stringify(answer.structuredContent) }])
  })

  test('gets a refusal as the problem that HTTP gives', async () => {
    const client = await connect(era)
    await client.listTools()
    const answer = await client.callTool({ name: 'note_read', arguments: { noteId: 'nope' } })
    expect(answer.isError).toBe(true)
    expect(answer.structuredContent).toMatchObject({
      ok: false,
      status: 404,
      code: 'not-found',
      detail: 'There is no note nope.',
      error: 'There is no note nope.',
      retryable: false,
      nextAction: expect.any(String),
    })
    expect(answer.content).toEqual([{ type: 'text', text: JSON.stringify(answer.structuredContent) }])
  })

  test('is told which field is wrong', async () => {
    const answer = await (await connect(era)).callTool({
      name: 'note_read',
      arguments: { noteId: 7, extra: 1 },
    })
    expect(answer.isError).toBe(true)
    const { code, errors } = answer.structuredContent as { code: string; errors: { pointer: string }[] }
    expect(code).toBe('validation-failed')
    expect(errors.map((error) => error.pointer).sort()).toEqual(['/extra', '/noteId'])
  })

  test('sees nothing of a defect', async () => {
    const answer = await (await connect(era)).callTool({ name: 'note_defect_read', arguments: {} })
    expect(answer).toMatchObject({ isError: true, structuredContent: { code: 'internal', status: 500 } })
    expect(JSON.stringify(answer)).not.toContain(INTERNAL)
    expect(JSON.stringify(answer)).not.toContain('hunter2')
  })

  test('is refused a tool that is not for it', async () => {
    // HTTP 401 rather than an error result: it is what makes clients start OAuth
    const guest = (await connect(era)).callTool({ name: 'note_private_read', arguments: {} })
    await expect(guest).rejects.toThrow(/unauthenticated/)
    await expect((await connect(era)).callTool({ name: '__proto__', arguments: {} })).rejects.toMatchObject({
      code: -32602,
    })
  })

  test('brings its session and key beside the arguments', async () => {
    const client = await connect(era, KEY)
    const context = async (args: Record<string, unknown>, _meta: Record<string, unknown>) =>
      (await client.callTool({ name: 'note_context_read', arguments: args, _meta })).structuredContent
    const session = { 'dev.countersign/session': 'agent-session-1' }
    expect(await context({}, session)).toEqual({
      ok: true,
      principal: 'grant:1',
      org: 'laurel',
      sessionId: 'agent-session-1',
      idempotencyKey: null,
    })
    const inMeta = { 'dev.countersign/idempotency-key': 'key-in-meta' }
    expect(await context({}, inMeta)).toMatchObject({ idempotencyKey: 'key-in-meta' })
    const envelope = { idempotencyKey: 'key-in-envelope' }
    expect(await context({ envelope }, {})).toMatchObject({ idempotencyKey: 'key-in-envelope' })
    expect(await context({}, { 'dev.countersign/session': 7 })).toMatchObject({
      code: 'validation-failed',
      errors: [{ pointer: '/_meta/dev.countersign~1session' }],
    })
  })

  test('reads manifests and what operations offer as resources', async () => {
    const client = await connect(era, KEY)
    const { resources } = await client.listResources()
    expect(resources.map((resource) => resource.uri)).toEqual([
      'fanful://agent/notes/manifest',
      'fanful://agent/private',
    ])
    const { resourceTemplates } = await client.listResourceTemplates()
    expect(resourceTemplates.map((each) => each.uriTemplate)).toEqual([
      'fanful://agent/notes/{noteId}{?limit}',
    ])

    const read = async (uri: string) => {
      const { contents } = await client.readResource({ uri })
      const [content] = contents as [{ uri: string; mimeType: string; text: string }]
      expect(content).toMatchObject({ uri, mimeType: 'application/json' })
      return JSON.parse(content.text)
    }
    expect(await read('fanful://agent/notes/manifest')).toEqual({
      ok: true,
      surface: 'notes',
      for: 'scoped-agent-grant',
    })
    expect(await read('fanful://agent/notes/n1')).toEqual({ ok: true, noteId: 'n1', text: 'first' })
    expect(await read('fanful://agent/notes/n1?limit=2')).toMatchObject({ text: 'fi' })
  })

  test('gets an error for a resource that is not there or not for it', async () => {
    const client = await connect(era)
    const missing = { code: -32602, data: { uri: 'fanful://agent/notes/nope' } }
    await expect(client.readResource({ uri: 'fanful://agent/notes/nope' })).rejects.toMatchObject(missing)
    await expect(client.readResource({ uri: 'file:///etc/passwd' })).rejects.toMatchObject({ code: -32602 })
    await expect(client.readResource({ uri: 'fanful://agent/private' })).rejects.toMatchObject({
      code: -32000,
      data: { code: 'unauthenticated' },
    })
    const wrong = { code: -32602, data: { code: 'validation-failed', errors: [{ pointer: '/limit' }] } }
    await expect(client.readResource({ uri: 'fanful://agent/notes/n1?limit=0' })).rejects.toMatchObject(wrong)
  })
})

describe('[M-12] following a resource', () => {
  const NOTE = 'fanful://agent/notes/n1'

  test('tells of each change while the stream is open, and of no other', async () => {
    const client = await connect('modern')
    const heard: string[] = []
    client.setNotificationHandler(
      'notifications/resources/updated',
      ({ params }) => void heard.push(params.uri),
    )
    const subscription = await client.listen({ resourceSubscriptions: [NOTE] })
    expect(subscription.honoredFilter.resourceSubscriptions).toEqual([NOTE])

    server.notes.write('n2', 'not followed')
    server.notes.write('n1', 'second')
    await vi.waitFor(() => expect(heard).toEqual([NOTE]))
    await subscription.close()
    await vi.waitFor(() => expect(server.notes.followers()).toBe(0))
  })

  test('is not offered for what the caller may not read', async () => {
    const uris = [
      'fanful://agent/private',
      'fanful://agent/notes/nope',
      'fanful://agent/notes/manifest',
      NOTE,
    ]
    const subscription = await (await connect('modern')).listen({ resourceSubscriptions: uris })
    expect(subscription.honoredFilter).toEqual({ resourceSubscriptions: [NOTE] })
  })

  test('ends with the credential that opened it', async () => {
    const subscription = await (await connect('modern', KEY)).listen({ resourceSubscriptions: [NOTE] })
    server.bearers.revoke()
    expect(await subscription.closed).toBe('remote')
    await vi.waitFor(() => expect(server.notes.followers()).toBe(0))
  })

  test('is ended by the server before it stops', async () => {
    const subscription = await (await connect('modern')).listen({ resourceSubscriptions: [NOTE] })
    await server.stop()
    expect(await subscription.closed).toBe('graceful')
  })

  test('is not offered to revisions that would need a session', async () => {
    const client = await connect('legacy')
    expect(client.getServerCapabilities()?.resources).toEqual({})
  })
})
