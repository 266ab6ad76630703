import { createHash } from 'node:crypto'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createUser } from '../../src/access/users.ts'
import { requestOf } from '../../src/operation/cli.ts'
import { actionLiteral, type Operation, type WriteOperation } from '../../src/operation/define.ts'
import { secretPointers } from '../../src/operation/redact.ts'
import { OPERATIONS } from '../../src/operations.ts'
import { type Caller, type TestApp, testApp } from '../harness/app.ts'
import { INPUTS, type World } from './inputs.ts'
import { dump, operationNamed, worldOf } from './world.ts'

/** Every planted value holds this; it must come out nowhere, also not encoded. */
const MARK = 'c4n4ry7q'
const buffer = Buffer.from(MARK)
/** Base64 of the mark at the three places where it can begin, without the characters that its neighbours change. */
const inBase64 = [0, 1, 2].map((skip) =>
  Buffer.concat([Buffer.alloc(skip), buffer])
    .toString('base64')
    .slice(skip === 0 ? 0 : skip + 1, 10),
)
const FORMS = [MARK, buffer.toString('hex'), [...MARK].reverse().join(''), ...inBase64]

const found = (text: string): string[] =>
  FORMS.filter((form) => text.includes(form)).map((form) => {
    const at = text.indexOf(form)
    return text.slice(Math.max(0, at - 80), at + 60)
  })

/** Where secrets of live events and rooms live, and nowhere else. */
const COLUMNS: Record<string, readonly string[]> = {
  'public.live_events': [
    'stream_url',
    'stream_live_input_id',
    'stream_video_id',
    'stream_customer_code',
    'stream_playback_url',
    'replay_video_id',
    'replay_url',
  ],
  'public.embedded_rooms': ['media_room_id', 'media_preset_name', 'media_join_url'],
  'public.catalog_items': ['stripe_price_id'],
}

let app: TestApp
let owner: Caller
let agent: Caller & { bearer: string }
let client: Client
let world: World
/** All that anybody was answered, over any route. */
const answers: string[] = []
const planted = new Set<string>()
const values: string[] = []
let count = 0

const withSecrets = OPERATIONS.filter(({ input }) => secretPointers(input).length > 0)
/** Those of the live contracts and of commerce; what others take are tokens and credentials, tested below them. */
const LIVE = ['live-controls', 'embedded-rooms', 'creator-commerce']
const live = withSecrets.filter(({ surface }) => LIVE.includes(surface))
const ofFollowers = withSecrets.filter(({ surface }) => surface === 'notifications')
const others = withSecrets.filter(
  (operation) => !live.includes(operation) && !ofFollowers.includes(operation),
)
const writes = live.filter((operation): operation is WriteOperation => operation.effect === 'write')

/** The sample input with a secret in every field that is marked so. */
function plant(operation: Operation, at: World): Record<string, any> {
  const provider = 'streamProvider' in operation.input.shape ? { streamProvider: 'external_url' } : {}
  const input: Record<string, any> = { ...INPUTS[operation.id]!(at), ...provider }
  for (const pointer of secretPointers(operation.input)) {
    const name = pointer.slice(1)
    const plain = `${MARK}-${++count}`
    const forms = [plain, `https://${plain}.example/live?key=${plain}`, `price_${MARK}_${count}`]
    const fits = (value: string) =>
      !operation.input
        .safeParse({ ...input, [name]: value })
        .error?.issues.some(({ path }) => path[0] === name)
    input[name] = forms.find(fits)
    values.push(input[name])
    planted.add(`${operation.id} ${pointer}`)
  }
  return input
}

/** A device's token is taken from people; a link that was not signed here is none. */
function expectedStatus({ id }: Operation, caller: Caller, token: string): number {
  if (!id.includes('devices')) return token.includes('.') ? 404 : 400
  if (caller !== owner) return caller === agent ? 403 : 401
  return token.includes('.') ? 400 : 201
}

/** A request as it is; the whole answer is kept. */
async function send(
  caller: Caller,
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
) {
  const response = await fetch(app.url + path, {
    method,
    headers: {
      ...caller.headers,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body,
    redirect: 'manual',
  })
  const text = await response.text()
  answers.push(JSON.stringify([...response.headers]), text)
  return { status: response.status, text }
}

type Answer = { status: number; body: any }
/** What a request brings beside its input: where its route takes no envelope, the key and the approval. */
type Way = { key?: string; approval?: { id: string; planDigest: string } }
type Call = (operation: Operation, input: Record<string, unknown>, way?: Way) => Promise<Answer>

const overHttp: Call = async (operation, input, { key, approval } = {}) => {
  const { method, path, body, headers } = requestOf(operation, input)
  const { status, text } = await send(agent, method, path, body, {
    ...headers,
    'agent-session-id': world.sessionId,
    ...(key ? { 'idempotency-key': key } : {}),
    ...(approval ? { 'countersign-approval': `${approval.id} ${approval.planDigest}` } : {}),
  })
  return { status, body: JSON.parse(text) }
}

const overMcp: Call = async (operation, input, { key, approval } = {}) => {
  const answer = await client.callTool({
    name: operation.tool,
    arguments: input,
    _meta: {
      'dev.countersign/session': world.sessionId,
      secret: MARK,
      ...(key ? { 'dev.countersign/idempotency-key': key } : {}),
      ...(approval ? { 'dev.countersign/approval': approval } : {}),
    },
  })
  const body = answer.structuredContent as any
  return { status: answer.isError ? body.status : 200, body }
}

/** Keeps every frame that the server sends. */
const recordingFetch: typeof fetch = async (...args) => {
  const response = await fetch(...args)
  void response
    .clone()
    .text()
    .then((text) => answers.push(text))
    .catch(() => {})
  return response
}

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  agent = await app.key({ org: 'laurel', role: 'agent' })
  world = await worldOf(app, 'laurel', agent)
  client = new Client({ name: 'canary', version: '1.0.0' })
  const requestInit = { headers: { Authorization: `Bearer ${agent.bearer}` } }
  await client.connect(
    new StreamableHTTPClientTransport(new URL('/mcp', app.url), { requestInit, fetch: recordingFetch }),
  )
})
afterAll(async () => {
  await client.close()
  await app.close()
})

const hasEnvelope = (input: Record<string, unknown>): boolean => 'envelope' in input

/** The write that is meant, by its envelope or by what travels beside the input. */
function executing(
  input: Record<string, any>,
  { confirmation, ...way }: Way & { confirmation?: unknown },
): [Record<string, any>, Way] {
  const key = way.key ?? `canary-${++count}-key`
  if (!hasEnvelope(input)) return [input, { ...way, key }]
  const { approval } = way
  const evidence = { ...(confirmation ? { confirmation } : {}), ...(approval ? { approval } : {}) }
  const envelope = {
    ...input.envelope,
    actionMode: 'execute',
    dryRun: false,
    idempotencyKey: key,
    ...evidence,
  }
  return [{ ...input, envelope }, {}]
}

/** The same write, only looked at. */
const previewing = (operation: Operation, input: Record<string, any>): Record<string, any> =>
  operation.effect === 'preview' || hasEnvelope(input) ? input : { ...input, dryRun: true }

const confirmation = (text: string) => ({ text, acknowledgedRisk: true })

describe.each([
  ['http', overHttp],
  ['mcp', overMcp],
] as const)('secrets over %s', (_, call) => {
  test.each(others.map((each) => [each.id, each] as const))(
    '[R-1] %s with a secret that is wrong, and with a good one',
    async (_id, operation) => {
      const planted = await call(operation, plant(operation, world))
      if (operation.effect !== 'write') expect(planted.body.code).toBe('forbidden')
      const good = await call(operation, INPUTS[operation.id]!(world))
      if (operation.effect === 'write') expect(good.status, JSON.stringify(good.body)).toBe(403)
      else expect(good.status, JSON.stringify(good.body)).toBeLessThan(300)
    },
  )

  test.each(live.map((each) => [each.id, each] as const))('[R-1] %s in preview', async (_id, operation) => {
    const { status } = await call(operation, previewing(operation, plant(operation, world)))
    expect(status).toBe(200)
  })

  test.each(writes.map((each) => [each.id, each] as const))(
    '[R-1] %s refused in every way',
    async (_id, write) => {
      const input = plant(write, world)
      const expectRefusal = async (refused: Record<string, unknown>, code: string, way: Way = {}) =>
        expect((await call(write, refused, way)).body.code).toBe(code)
      const [meant, way] = executing(input, { confirmation: confirmation('I confirm nothing.') })
      await expectRefusal(meant, 'approval-required', way)
      await expectRefusal({ ...input, title: 7 }, 'validation-failed')
      await expectRefusal(
        { ...input, streamKey: `${MARK}-unknown`, nested: { token: MARK } },
        'validation-failed',
      )
      await expectRefusal({ ...input, envelope: { ...input.envelope, token: MARK } }, 'validation-failed')
      await expectRefusal(
        { ...input, streamUrl: `no url: ${MARK}`, replayUrl: `ftp://${MARK}.example` },
        'validation-failed',
      )
      await expectRefusal(
        { ...input, streamCustomerCode: MARK.repeat(100), chatEnabled: MARK },
        'validation-failed',
      )
      await expectRefusal({ ...input, status: MARK, streamProvider: MARK }, 'validation-failed')
      if ('observedUpdatedAt' in input)
        await expectRefusal(
          { ...executing(input, {})[0], observedUpdatedAt: '2020-01-01T00:00:00.000Z' },
          'stale',
        )
    },
  )

  test.each(writes.map((each) => [each.id, each] as const))(
    '[R-2] %s approved, confirmed, replayed',
    async (_id, write) => {
      const at = await worldOf(app, 'laurel', agent)
      const input = plant(write, at)
      const { plan } = (await call(write, previewing(write, input))).body
      const { envelope: _, observedUpdatedAt: __, ...argued } = input
      const request = {
        sessionId: world.sessionId,
        operationId: write.id,
        planDigest: plan.planDigest,
        reason: 'The stream moves.',
        input: argued,
      }
      const ask = operationNamed(app, 'sessions.approvals.request')
      expect((await call(ask, { ...request, planDigest: 'f'.repeat(64) })).body.code).toBe('plan-changed')
      expect((await call(ask, { ...request, input: { ...argued, title: 1 } })).body.code).toBe(
        'validation-failed',
      )
      const asked = await call(ask, request)
      expect(asked.body.ok, JSON.stringify(asked.body)).toBe(true)
      const { id } = asked.body.approval
      const path = `/approvals/${world.sessionId}/${id}`
      expect((await send(owner, 'GET', path)).status).toBe(200)
      await call(operationNamed(app, 'sessions.approvals.read'), {
        sessionId: world.sessionId,
        approvalId: id,
      })
      const resolve = `/api/agent/sessions/${world.sessionId}/approvals/${id}`
      const decision = { decision: 'approve', planDigest: plan.planDigest }
      expect((await send(owner, 'PATCH', resolve, JSON.stringify(decision))).status).toBe(200)
      const evidence = {
        confirmation: confirmation(plan.confirmationText),
        approval: { id, planDigest: plan.planDigest },
      }
      const key = `canary-${++count}-key`
      const confirmed = executing(input, { ...evidence, key })
      const other = plant(write, at)
      expect((await call(write, ...executing(other, evidence))).body.code).toBe('plan-mismatch')
      expect((await call(write, ...confirmed)).body.mode).toBe('applied')
      expect((await call(write, ...confirmed)).body.mode).toBe('applied')
      expect((await call(write, ...executing(other, { ...evidence, key }))).body.code).toBe(
        'idempotency-mismatch',
      )
      expect((await call(write, ...executing(input, evidence))).body.code).toBe('approval-consumed')
    },
  )
})

test.each(ofFollowers.map((each) => [each.id, each] as const))(
  '[R-1] %s with a token that holds one',
  async (_id, operation) => {
    for (const caller of [owner, agent, app.guest()]) {
      // of the form of a device's token, and of a link's
      const forms = [`${MARK}-token-of-a-device-${++count}`, `${MARK}-nothing-signed-${++count}.${MARK}`]
      for (const token of forms) {
        const input = { ...INPUTS[operation.id]!(world), token }
        if ('platform' in input) Object.assign(input, { platform: 'fcm' })
        const { method, path, body, headers } = requestOf(operation, input)
        const { status } = await send(caller, method, path, body, headers)
        expect(status).toBe(expectedStatus(operation, caller, token))
        values.push(token)
      }
    }
    for (const pointer of secretPointers(operation.input)) planted.add(`${operation.id} ${pointer}`)
  },
)

describe('[R-3] secrets where none belong', () => {
  const json = (value: unknown) => JSON.stringify(value)
  const path = '/api/agent/live-controls'

  test('in headers, queries, cookies and broken bodies', async () => {
    const guest = app.guest()
    await send(guest, 'GET', path, undefined, { authorization: `Bearer cs_${MARK}` })
    await send(guest, 'GET', path, undefined, { authorization: `Basic ${MARK}`, cookie: `session=${MARK}` })
    await send(guest, 'GET', path, undefined, { cookie: `better-auth.session_token=${MARK}.${MARK}` })
    await send(agent, 'GET', `${path}?access_token=${MARK}`)
    await send(agent, 'GET', `${path}?artistId=${MARK}`)
    await send(agent, 'GET', `/api/unknown?token=${MARK}`)
    await send(agent, 'GET', '/api/agent/sessions', undefined, { 'x-api-key': MARK, 'x-stream-key': MARK })
    await send(agent, 'POST', path, `{"streamUrl": "${MARK}`)
    await send(agent, 'POST', path, `${MARK}`)
    await send(agent, 'POST', path, json({ action: 'x', password: MARK }))
    await send(agent, 'POST', path, `streamUrl=${MARK}`, {
      'content-type': 'application/x-www-form-urlencoded',
    })
    await send(agent, 'POST', '/mcp', `{"jsonrpc":"2.0","params":"${MARK}`, { accept: 'application/json' })
    await send(
      agent,
      'POST',
      '/api/agent/action-contracts/envelope',
      json({ contractId: 'x', envelope: { key: MARK } }),
    )
    await send(owner, 'PUT', '/api/admin/policies', json({ password: MARK, mode: MARK }))
  })

  test('as passwords, right and wrong', async () => {
    const email = 'canary@laurel.example'
    const password = `${MARK} long enough`
    await createUser(app.deps.access, { org: 'laurel', role: 'member', email, password, name: 'Canary' })
    const signIn = (word: string) =>
      fetch(`${app.url}/api/auth/sign-in/email`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: app.url },
        body: json({ email, password: word }),
      })
    const [right, wrong] = [await signIn(password), await signIn(`${password}!`)]
    answers.push(await right.text(), await wrong.text())
    expect([right.status, wrong.status]).toEqual([200, 401])
    await fetch(`${app.url}/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: app.url },
      body: new URLSearchParams({ email, password: `${MARK} wrong` }),
    }).then(async (response) => answers.push(await response.text()))
  })
})

describe('[R-4] afterwards', () => {
  test('every secret field of every operation was planted', () => {
    const all = OPERATIONS.flatMap(({ id, input }) =>
      secretPointers(input).map((pointer) => `${id} ${pointer}`),
    )
    expect([...planted].sort()).toEqual(all.sort())
    expect(all.length).toBeGreaterThan(0)
    for (const operation of live.filter(({ http }) => http.path === '/api/agent/live-controls'))
      expect(actionLiteral(operation), 'is called above by its action').toBeDefined()
  })

  test('no answer held one: responses, pages, frames, the event log and the audit trail', async () => {
    const events = `/api/agent/sessions/${world.sessionId}/events?limit=500`
    await send(agent, 'GET', events)
    await send(owner, 'GET', '/api/admin/audit?limit=100')
    await send(owner, 'GET', `/api/agent/sessions/${world.sessionId}`)
    await send(owner, 'GET', '/api/agent/live-controls')
    await client.readResource({ uri: `fanful://agent/sessions/${world.sessionId}/events` })
    await client.readResource({ uri: 'fanful://agent/live-controls/manifest' })
    expect(answers.length).toBeGreaterThan(100)
    expect(answers.join('\n')).toContain('tool.call.completed')
    expect(answers.flatMap(found)).toEqual([])
  })

  test('no log line holds one, nor a bearer, nor a cookie', () => {
    const logged = app.logged.join('\n')
    expect(logged).toContain('/api/agent/live-controls')
    expect(found(logged)).toEqual([])
    expect(logged).not.toContain(agent.bearer)
    expect(logged).not.toContain(world.source.source_auth_token)
    expect(logged).not.toContain(decodeURIComponent(owner.headers.cookie!.split('=')[1]!).split('.')[0])
  })

  test('the database holds them in the columns made for them, and otherwise only sealed', async () => {
    const dumped = await dump(app)
    const rest = { ...dumped }
    let kept = 0
    for (const [table, columns] of Object.entries(COLUMNS)) {
      const rows = dumped[table]!.split('\n').map((line) => JSON.parse(line))
      kept += rows.filter((row) => columns.every((column) => String(row[column]).includes(MARK))).length
      for (const row of rows) for (const column of columns) delete row[column]
      rest[table] = JSON.stringify(rows)
    }
    // each of the writes was applied over each of the two routes
    expect(kept).toBe(writes.length * 2)
    for (const [table, text] of Object.entries(rest)) expect(found(text), table).toEqual([])
    const everything = Object.values(dumped).join('\n')
    expect(everything).not.toContain(agent.bearer)
    expect(everything + answers.join('\n')).not.toContain(world.source.source_auth_token)
    // a hash that anybody can compute gives a short secret away
    const hashes = values.map((value) => createHash('sha256').update(value).digest('hex'))
    expect(
      hashes.filter((hash) => everything.includes(hash) || answers.some((text) => text.includes(hash))),
    ).toEqual([])
  })

  test('what waits for a decision is sealed, and gone once it is used', async () => {
    const write = writes.find(({ input }) => !('eventId' in input.shape))!
    const input = plant(write, world)
    const { plan } = (await overHttp(write, previewing(write, input))).body
    const { envelope: _, ...argued } = input
    const session = await worldOf(app, 'laurel', agent)
    await overHttp(operationNamed(app, 'sessions.approvals.request'), {
      sessionId: session.sessionId,
      operationId: write.id,
      planDigest: plan.planDigest,
      reason: 'It waits.',
      input: argued,
    })
    const dumped = (await dump(app))['public.session_approvals']!
    const rows = dumped.split('\n').map((line) => JSON.parse(line))
    const sealed = rows.filter((row) => row.sealed_secrets !== null)
    expect(sealed.map((row) => row.session_id)).toEqual([session.sessionId])
    expect(rows.some((row) => row.status === 'consumed')).toBe(true)
    expect(found(dumped)).toEqual([])
    const opened = app.deps.sealing.unseal(Buffer.from(sealed[0].sealed_secrets.slice(2), 'hex'))
    expect(opened).toContain(MARK)
  })
})
