import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createNotes, type Notes } from '../../test/mcp/operations.ts'
import { createBearers, KEY, notesCatalog } from '../../test/mcp/test-server.ts'
import { mcpStdio } from './mcp-stdio.ts'

type Message = {
  id?: number
  method?: string
  params?: Record<string, unknown>
  result?: Record<string, unknown>
  error?: { code: number }
}

let notes: Notes
let bearers: ReturnType<typeof createBearers>
let input: PassThrough
let heard: Message[]
let ended: Promise<void>

beforeEach(() => {
  notes = createNotes()
  bearers = createBearers()
  input = new PassThrough()
  heard = []
  const output = new PassThrough()
  let rest = ''
  output.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() as string
    heard.push(...lines.filter(Boolean).map((line) => JSON.parse(line) as Message))
  })
  const who = async () => ({
    principal: await bearers.authenticate({ authorization: `Bearer ${KEY}` }),
    requestId: 'stdio',
    origin: 'http://127.0.0.1:4000',
  })
  ended = mcpStdio({ catalog: notesCatalog(notes), who, input, output })
})
afterEach(async () => {
  input.end()
  await ended
})

const send = (message: Record<string, unknown>) =>
  input.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)

const answerTo = (id: number) =>
  vi.waitFor(() => {
    const answer = heard.find((message) => message.id === id)
    if (!answer) throw new Error(`no answer to ${id} in ${JSON.stringify(heard)}`)
    return answer
  })

let ids = 0
async function ask(method: string, params: Record<string, unknown>): Promise<Message> {
  const id = ++ids
  send({ id, method, params })
  return answerTo(id)
}

const _meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}
const initialize = () =>
  ask('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  })

const NOTE = 'fanful://agent/notes/n1'
const updates = () => heard.filter((message) => message.method === 'notifications/resources/updated')

test('[M-6] serves revision 2026-07-28 and tells of changes', async () => {
  const discovered = await ask('server/discover', { _meta })
  expect(discovered.result).toMatchObject({ supportedVersions: ['2026-07-28'] })
  const called = await ask('tools/call', { name: 'note_private_read', arguments: {}, _meta })
  expect(called.result).toMatchObject({ structuredContent: { text: 'private' } })

  const uris = [NOTE, 'fanful://agent/notes/nope']
  send({
    id: 900,
    method: 'subscriptions/listen',
    params: { notifications: { resourceSubscriptions: uris }, _meta },
  })
  await vi.waitFor(() =>
    expect(
      heard.find((each) => each.method === 'notifications/subscriptions/acknowledged')?.params,
    ).toMatchObject({
      notifications: { resourceSubscriptions: [NOTE] },
    }),
  )
  notes.write('n1', 'second')
  await vi.waitFor(() => expect(updates().map((each) => each.params?.uri)).toEqual([NOTE]))

  send({ method: 'notifications/cancelled', params: { requestId: 900, _meta } })
  await vi.waitFor(() => expect(notes.followers()).toBe(0))
})

test('[M-6] serves revision 2025-11-25 and its subscriptions', async () => {
  expect((await initialize()).result).toMatchObject({
    protocolVersion: '2025-11-25',
    capabilities: { resources: { subscribe: true } },
  })
  send({ method: 'notifications/initialized' })
  expect((await ask('resources/subscribe', { uri: 'fanful://agent/notes/nope' })).error).toMatchObject({
    code: -32602,
  })
  expect((await ask('resources/subscribe', { uri: NOTE })).result).toEqual({})
  notes.write('n1', 'second')
  await vi.waitFor(() => expect(updates()).toHaveLength(1))
  await ask('resources/unsubscribe', { uri: NOTE })
  expect(notes.followers()).toBe(0)
})

test('[M-7] a key that was revoked meanwhile is refused, and hears nothing more', async () => {
  await initialize()
  await ask('resources/subscribe', { uri: NOTE })
  bearers.revoke()
  notes.write('n1', 'second')
  const called = await ask('tools/call', { name: 'note_read', arguments: { noteId: 'n1' } })
  expect(called.result).toMatchObject({ isError: true, structuredContent: { code: 'unauthenticated' } })
  expect((await ask('tools/list', {})).error).toMatchObject({ data: { code: 'unauthenticated' } })
  expect(updates()).toEqual([])
})

test('[M-8] nonsense does not end it', async () => {
  await initialize()
  input.write('this is no JSON\n{"jsonrpc":"2.0"}\n[]\n')
  expect((await ask('tools/list', {})).result).toBeDefined()
})

test('[M-8] ends with its input and lets go of what it followed', async () => {
  await initialize()
  await ask('resources/subscribe', { uri: NOTE })
  input.end()
  await ended
  expect(notes.followers()).toBe(0)
})
