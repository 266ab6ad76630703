import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { OPERATIONS } from '../../src/operations.ts'
import { type Caller, type TestApp, testApp } from '../harness/app.ts'
import { approve, confirmBody, MOVE } from '../harness/loop.ts'
import { message } from '../harness/moves.ts'
import { runBin } from './command.ts'

type Era = 'modern' | 'legacy'
const ERAS: Era[] = ['modern', 'legacy']
const PREVIEW = 'live_events_schedule_preview'
const UPDATE = 'fanful_creator_live_schedule_update'

let app: TestApp
let owner: Caller
let agent: Caller & { bearer: string }
const open: Client[] = []
let events = 0
let eventId: string

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  agent = await app.key({ org: 'laurel', role: 'agent' })
})
beforeEach(async () => {
  eventId = (await app.event('laurel', { id: `studio-${++events}-5e0d17aa` })).id
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()))
})
afterAll(() => app.close())

async function connect(era: Era, bearer?: string): Promise<Client> {
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' } },
  )
  const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${app.url}/mcp`), { requestInit: { headers } }),
  )
  open.push(client)
  // output schemas are known, so that every answer is checked against the tool's own
  await client.listTools()
  return client
}

type Called = { refused: boolean; body: Record<string, any>; meta: Record<string, unknown> | undefined }

async function call(
  client: Client,
  name: string,
  input: object,
  meta: Record<string, string> = {},
): Promise<Called> {
  const _meta = Object.fromEntries(
    Object.entries(meta).map(([key, value]) => [`dev.countersign/${key}`, value]),
  )
  const answer = await client.callTool({ name, arguments: input as Record<string, unknown>, _meta })
  return {
    refused: answer.isError === true,
    body: answer.structuredContent as Record<string, any>,
    meta: answer._meta,
  }
}

const session = async (client: Client): Promise<string> => {
  const { body } = await call(client, 'agent_session_create', {
    workflow: 'creator.live.schedule-update',
    client: { id: 'client-test', name: 'Test client', kind: 'test' },
  })
  return body.session.id
}

/** The arguments of a confirmed move, as a tool takes them: without the literal that tells routes apart. */
function confirmation(preview: Record<string, any>, key: string, approval?: object) {
  const { action: _, ...input } = confirmBody(preview, key, {
    fields: { eventId },
    envelope: { target: { kind: 'live-event', id: eventId }, ...(approval ? { approval } : {}) },
  })
  return input
}

const read = async (client: Client, uri: string): Promise<Record<string, any>> => {
  const { contents } = await client.readResource({ uri })
  return JSON.parse((contents[0] as { text: string }).text)
}

async function requested(client: Client, sessionId: string) {
  const preview = await call(client, PREVIEW, { id: eventId, ...MOVE }, { session: sessionId })
  const asked = await call(client, 'agent_session_approval_request', {
    sessionId,
    operationId: 'live.events.schedule.preview',
    input: { id: eventId, ...MOVE },
    planDigest: preview.body.planDigest,
    reason: 'The guest arrives later.',
  })
  expect(asked.refused, JSON.stringify(asked.body)).toBe(false)
  return {
    preview: preview.body,
    approval: asked.body.approval as { id: string; planDigest: string; url: string },
  }
}

describe.each(ERAS)('a client of the %s revision', (era) => {
  test('[M-15] previews, is refused, asks, waits for a person, applies once and replays', async () => {
    const client = await connect(era, agent.bearer)
    const sessionId = await session(client)
    const manifest = await call(client, 'live_controls_read', { eventId }, { session: sessionId })
    expect(manifest.body.focusEventId).toBe(eventId)

    const { preview, approval } = await requested(client, sessionId)
    expect(preview.confirmationText).toBe('I confirm updating Laurel Studio Room to 7:30 PM.')
    expect(approval.url).toBe(`${app.url}/approvals/${sessionId}/${approval.id}?artistId=laurel`)
    const { id, planDigest } = approval
    const named = { id, planDigest }
    const confirm = (key: string, approved?: object) =>
      call(client, UPDATE, confirmation(preview, key, approved), { session: sessionId })

    const alone = await confirm(`${era}-alone-key`)
    expect(alone).toMatchObject({
      refused: true,
      body: { ok: false, status: 403, code: 'approval-required' },
    })
    const early = await confirm(`${era}-early-key`, named)
    expect(early).toMatchObject({ refused: true, body: { code: 'approval-not-approved' } })

    const decided = await approve(owner, sessionId, id, planDigest)
    expect(decided.body.approval.status).toBe('approved')

    const first = await confirm(`${era}-confirm-key`, named)
    expect(first).toMatchObject({
      refused: false,
      body: { ok: true, mode: 'applied', event: { startsAt: MOVE.startsAt } },
    })
    const again = await confirm(`${era}-confirm-key`, named)
    expect(again.body).toEqual(first.body)
    expect(first.meta?.['dev.countersign/idempotency-replayed']).toBeUndefined()
    expect(again.meta?.['dev.countersign/idempotency-replayed']).toBe(true)
    const other = await confirm(`${era}-other-key`, named)
    expect(other).toMatchObject({ refused: true, body: { code: 'approval-consumed' } })

    await call(client, 'agent_session_complete', { sessionId, outcome: 'completed', summary: 'Moved.' })
    const log = await read(client, `fanful://agent/sessions/${sessionId}/events`)
    expect(log.events.map(({ sequence }: { sequence: number }) => sequence)).toEqual(
      log.events.map((_: unknown, index: number) => index + 1),
    )
    const types = log.events.map(({ type }: { type: string }) => type)
    expect(types.at(0)).toBe('session.created')
    expect(types.at(-1)).toBe('session.completed')
    expect(types.indexOf('approval.requested')).toBeLessThan(types.indexOf('approval.resolved'))
    const overHttp = await agent.call('GET', `/api/agent/sessions/${sessionId}/events`)
    expect(log.events).toEqual(overHttp.body.events)
    const rest = await read(
      client,
      `fanful://agent/sessions/${sessionId}/events?limit=2&cursor=${sessionId}:3`,
    )
    expect(rest.events.map(({ sequence }: { sequence: number }) => sequence)).toEqual([4, 5])
  })

  test('[M-16] no tool call of a key decides on an approval', async () => {
    const client = await connect(era, agent.bearer)
    const sessionId = await session(client)
    const { approval } = await requested(client, sessionId)
    const keys = [
      agent,
      await app.key({ org: 'laurel', role: 'automation' }),
      await app.key({ org: 'laurel', role: 'listener' }),
      await app.key({ org: 'laurel', role: 'artist-admin' }),
    ]
    for (const { bearer } of keys) {
      const theirs = await connect(era, bearer)
      const { tools } = await theirs.listTools()
      expect(tools.map(({ name }) => name)).not.toContain('agent_session_approval_resolve')
      for (const decision of ['approve', 'reject', 'expire']) {
        const input = { sessionId, approvalId: approval.id, decision, planDigest: approval.planDigest }
        const answer = await call(theirs, 'agent_session_approval_resolve', input)
        expect(answer).toMatchObject({ refused: true, body: { code: 'forbidden', status: 403 } })
      }
    }
    const after = await call(client, 'agent_session_approval_read', { sessionId, approvalId: approval.id })
    expect(after.body).toMatchObject({
      approval: { status: 'pending' },
      youMayDecide: false,
      whyNot: 'not-person',
    })
  })

  test('[M-11] each caller lists what it may call, under the names of the list of operations', async () => {
    const callers = [
      undefined,
      agent.bearer,
      (await app.key({ org: 'laurel', role: 'agent', scopes: ['creator:laurel:live:read'] })).bearer,
      (await app.key({ org: 'laurel', role: 'automation' })).bearer,
      (await app.key({ org: 'laurel', role: 'listener' })).bearer,
    ]
    const lists = []
    for (const bearer of callers) {
      const { tools } = await (await connect(era, bearer)).listTools()
      lists.push(tools.map(({ name }) => name).sort())
      for (const { name, outputSchema } of tools) expect(outputSchema?.type, name).toBe('object')
    }
    const [guest, grant, reader, automation, listener] = lists as string[][]
    const toolsFor = (...auth: string[]) =>
      OPERATIONS.filter(({ access }) => auth.includes(access.auth)).map(({ tool }) => tool)
    expect(guest).toEqual(toolsFor('guest', 'optional-session').sort())
    const writes = [UPDATE, 'fanful_creator_live_schedule_create', 'fanful_creator_live_status_update']
    expect(grant).toEqual(
      expect.arrayContaining([...(guest as string[]), ...toolsFor('scoped-agent-grant'), ...writes]),
    )
    for (const list of [guest, reader, listener])
      for (const write of writes) expect(list).not.toContain(write)
    expect(automation).toContain('audit_read')
    for (const list of lists)
      for (const tool of toolsFor('first-party-session')) expect(list).not.toContain(tool)
  })
})

describe('following a session', () => {
  test('[M-12] tells of an appended event, and of no other session', async () => {
    const client = await connect('modern', agent.bearer)
    const [mine, other] = [await session(client), await session(client)]
    const uri = `fanful://agent/sessions/${mine}/events`
    const heard: string[] = []
    client.setNotificationHandler(
      'notifications/resources/updated',
      ({ params }) => void heard.push(params.uri),
    )
    const hidden = 'fanful://agent/sessions/agent-session-0000000000000000/events'
    const subscription = await client.listen({ resourceSubscriptions: [uri, hidden] })
    expect(subscription.honoredFilter.resourceSubscriptions).toEqual([uri])

    await message(agent, other, 'Elsewhere.')
    await message(agent, mine, 'Here.')
    await vi.waitFor(() => expect(heard.length).toBeGreaterThan(0))
    expect(new Set(heard)).toEqual(new Set([uri]))
    const log = await read(client, uri)
    expect(log.events.at(-1)).toMatchObject({ type: 'message.appended' })
    await subscription.close()
  })

  test('[M-12] a person’s decision reaches the waiting agent', async () => {
    const client = await connect('modern', agent.bearer)
    const sessionId = await session(client)
    const { approval } = await requested(client, sessionId)
    const heard = Promise.withResolvers<void>()
    client.setNotificationHandler('notifications/resources/updated', () => heard.resolve())
    const subscription = await client.listen({
      resourceSubscriptions: [`fanful://agent/sessions/${sessionId}/events`],
    })
    await approve(owner, sessionId, approval.id, approval.planDigest)
    await heard.promise
    const { body } = await call(client, 'agent_session_approval_read', { sessionId, approvalId: approval.id })
    expect(body.approval.status).toBe('approved')
    await subscription.close()
  })
})

describe('the MCP Inspector', () => {
  let home: string
  beforeAll(() => {
    home = mkdtempSync(path.join(tmpdir(), 'inspector-'))
  })
  afterAll(() => rmSync(home, { recursive: true }))

  const inspect = async (era: Era, ...args: string[]) => {
    const own = ['--cli', `${app.url}/mcp`, '--transport', 'http', '--protocol-era', era, '--format', 'json']
    const header = ['--header', `Authorization: Bearer ${agent.bearer}`]
    const env = { HOME: home, MCP_INSPECTOR_CONFIG_DIR: home, NO_COLOR: '1' }
    return runBin('@modelcontextprotocol/inspector', 'mcp-inspector', [...own, ...args, ...header], env)
  }

  test.each(ERAS)(
    '[M-14] lists the tools of the product (%s) without a finding, and calls one',
    async (era) => {
      const listed = await inspect(era, '--method', 'tools/list', '--strict')
      expect(listed.code, listed.stderr).toBe(0)
      expect(listed.stderr).not.toMatch(/Error: tool|Warning: tool/)
      const names = JSON.parse(listed.stdout).result.tools.map(({ name }: { name: string }) => name)
      expect(names).toEqual(
        (await (await connect(era, agent.bearer)).listTools()).tools.map(({ name }) => name),
      )
      const called = await inspect(
        era,
        '--method',
        'tools/call',
        '--tool-name',
        'live_controls_read',
        '--tool-arg',
        `eventId=${eventId}`,
      )
      expect(called.code, called.stderr).toBe(0)
      expect(JSON.parse(called.stdout).result.structuredContent).toMatchObject({
        ok: true,
        focusEventId: eventId,
      })
    },
    60_000,
  )
})
