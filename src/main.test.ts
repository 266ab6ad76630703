import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  BIN,
  type Environment,
  type Finished,
  finished,
  line,
  MAIN,
  occupied,
  ROOT,
  start,
} from '../test/harness/command.ts'
import { removeDataFolder, temporaryDataFolder } from './db/embedded/folder.ts'
import { postmasterOf } from './db/embedded/process.ts'
import { OPERATIONS } from './operations.ts'
import { VERSION } from './version.ts'

/** Processes that start a database beside other tests. */
vi.setConfig({ testTimeout: 60_000 })

const PASSWORD = 'correct horse battery staple'
const MOVE = {
  title: 'Studio Room',
  status: 'scheduled',
  startsAt: '2030-05-21T02:00:00.000Z',
  timeZone: 'America/Los_Angeles',
  streamProvider: 'none',
  chatEnabled: true,
  subscriberOnly: false,
}

let dataDir: string
const children: ChildProcess[] = []

beforeAll(() => {
  dataDir = temporaryDataFolder('cs-cli-')
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await stopped()
  removeDataFolder(dataDir)
})

const stopped = () =>
  vi.waitFor(() => expect(postmasterOf({ data: path.join(dataDir, 'pg18') })).toBeUndefined(), {
    timeout: 20_000,
  })

function run(
  args: readonly string[],
  options: { env?: Environment; entry?: string[]; input?: string } = {},
): Promise<Finished> {
  const child = start(args, { COUNTERSIGN_DATA_DIR: dataDir, ...options.env }, options.entry)
  children.push(child)
  return finished(child, options.input)
}

/** The one JSON document that a command answers, having said nothing else. */
async function json(
  args: readonly string[],
  options: Parameters<typeof run>[1] = {},
): Promise<{ code: number | null; body: any }> {
  const { code, stdout, stderr } = await run([...args, '--json'], options)
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n')).toHaveLength(1)
  return { code, body: JSON.parse(stdout) }
}

async function serve(env: Environment = {}, entry = MAIN): Promise<{ child: ChildProcess; url: string }> {
  const child = start(
    ['serve', '--json'],
    { COUNTERSIGN_DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'error', ...env },
    entry,
  )
  children.push(child)
  const { url } = await line(child, 'url')
  return { child, url }
}

async function stop(
  child: ChildProcess,
  signal: NodeJS.Signals,
): Promise<{ code: number | null; ms: number }> {
  const from = performance.now()
  const ended = once(child, 'exit')
  child.kill(signal)
  const [code] = await ended
  return { code, ms: performance.now() - from }
}

describe('[CLI-1] administrative commands, without a server', () => {
  test('the wrapper and the program itself create, list and refuse alike', async () => {
    const created = await run(['orgs', 'create', '--slug', 'laurel'], { entry: BIN })
    expect(created).toEqual({ code: 0, stdout: 'Created the organisation laurel.\n', stderr: '' })
    const again = await json(['orgs', 'create', '--slug', 'laurel'], { entry: BIN })
    expect(again).toMatchObject({
      code: 1,
      body: { ok: false, code: 'conflict', nextAction: expect.any(String) },
    })
    const told = await run(['orgs', 'create', '--slug', 'laurel'])
    expect(told.code).toBe(1)
    expect(told.stdout).toBe('')
    expect(told.stderr).toMatch(/^Refused \(conflict\): The organisation laurel exists already\.\nNext: /)
    const listed = await json(['orgs', 'list'])
    expect(listed.body).toMatchObject([{ slug: 'laurel', name: 'Laurel' }])
    const second = await json(['orgs', 'create', '--slug', 'birch', '--name', 'Birch & Co'])
    expect(second.body).toMatchObject({ slug: 'birch', name: 'Birch & Co' })
  })

  test('people', async () => {
    const maya = ['users', 'create', '--email', 'maya@laurel.example', '--org', 'laurel', '--role', 'owner']
    expect(await run([...maya, '--password', 'short'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('/password: must have'),
    })
    const { code, body } = await json([...maya, '--password', PASSWORD])
    expect(code).toBe(0)
    expect(body).toEqual({
      id: expect.any(String),
      email: 'maya@laurel.example',
      name: 'maya',
      org: 'laurel',
      role: 'owner',
    })
    const text = await run([
      'users',
      'create',
      '--email',
      'ada@laurel.example',
      '--password',
      PASSWORD,
      '--org',
      'laurel',
      '--role',
      'admin',
    ])
    expect(text).toEqual({ code: 0, stdout: 'Created ada@laurel.example as admin of laurel.\n', stderr: '' })
  })

  test('a key for people to read, and its end', async () => {
    const { stdout } = await run(['keys', 'create', '--org', 'laurel', '--role', 'agent', '--name', 'Bot'])
    const [, id] =
      /^Created the agent key (key_\w+) of laurel\. Its bearer is shown only now:\n\n {2}csk_\w+\n\nScopes: /.exec(
        stdout,
      ) ?? []
    expect(id, stdout).toBeDefined()
    expect(await json(['keys', 'revoke', '--org', 'laurel', '--id', id as string])).toEqual({
      code: 0,
      body: { ok: true, id },
    })
    const { body } = await json(['keys', 'list', '--org', 'laurel'])
    expect(body.find((each: { id: string }) => each.id === id).revokedAt).toMatch(/^\d{4}-.*Z$/)
    expect(await json(['keys', 'create', '--org', 'nowhere', '--role', 'agent'])).toMatchObject({
      code: 1,
      body: { code: 'not-found' },
    })
  })

  test('leaves no PostgreSQL behind, and the secret to its owner only', async () => {
    await stopped()
    expect(statSync(path.join(dataDir, 'secret')).mode & 0o077).toBe(0)
  })
})

describe('with a server on the same folder', () => {
  let server: { child: ChildProcess; url: string }
  let agent: string
  let owner: (path: string, body: object) => Promise<Response>
  beforeAll(async () => {
    server = await serve({ COUNTERSIGN_DEFAULT_ORG: 'laurel' })
    const created = await json([
      'keys',
      'create',
      '--org',
      'laurel',
      '--role',
      'agent',
      '--for',
      'maya@laurel.example',
    ])
    agent = created.body.key
    owner = await signedIn(server.url)
  })
  const call = (id: string, input?: object, more: string[] = []) =>
    json([
      'call',
      id,
      '--url',
      server.url,
      '--key',
      agent,
      ...(input ? ['--input', JSON.stringify(input)] : []),
      ...more,
    ])

  test('[CLI-3] administrative commands work beside it, and count at once', async () => {
    const { body } = await json(['keys', 'create', '--org', 'laurel', '--role', 'automation'], { entry: BIN })
    const read = ['call', 'audit.read', '--url', server.url, '--key', body.key]
    expect((await json(read)).code).toBe(0)
    await json(['keys', 'revoke', '--org', 'laurel', '--id', body.id])
    expect(await json(read)).toMatchObject({ code: 1, body: { code: 'unauthenticated' } })
  })

  test.each([
    ['automation', []],
    [
      'agent',
      ['--for', 'maya@laurel.example', '--scopes', 'creator:laurel:live:read, creator:laurel:live:write'],
    ],
    ['listener', []],
    ['artist-admin', ['--user', 'maya@laurel.example']],
  ])('[CLI-1] a key of role %s is shown once, in the documented shape', async (role, more) => {
    const { code, body } = await json(['keys', 'create', '--org', 'laurel', '--role', role, ...more])
    expect(code).toBe(0)
    expect(Object.keys(body)).toEqual(['id', 'key', 'org', 'role', 'scopes'])
    expect(body).toMatchObject({
      id: expect.stringMatching(/^key_/),
      key: expect.stringMatching(/^csk_/),
      org: 'laurel',
      role,
    })
    if (role === 'agent')
      expect(body.scopes).toEqual(['creator:laurel:live:read', 'creator:laurel:live:write'])
    const listed = await run(['keys', 'list', '--org', 'laurel'])
    expect(listed.stdout).toContain(body.id)
    expect(listed.stdout).not.toContain(body.key)
  })

  test('[CLI-1] a grant and a membership end when told, and an organisation keeps an owner', async () => {
    const member = ['--org', 'laurel', '--email', 'ada@laurel.example']
    const { body: made } = await json([
      'keys',
      'create',
      '--org',
      'laurel',
      '--role',
      'agent',
      '--for',
      'ada@laurel.example',
    ])
    const grants = async () => (await json(['grants', 'list', '--org', 'laurel'])).body
    const given = (await grants()).find(
      (each: { delegator: string }) => each.delegator === 'ada@laurel.example',
    )
    expect(given).toMatchObject({ scopes: made.scopes, revokedAt: null })
    expect((await json(['grants', 'revoke', '--org', 'laurel', '--id', given.id])).code).toBe(0)
    expect((await grants()).find((each: { id: string }) => each.id === given.id).revokedAt).toMatch(/Z$/)
    expect((await run(['grants', 'list', '--org', 'laurel'])).stdout).toContain('ada@laurel.example')

    const asMember = await run(['users', 'role', ...member, '--role', 'member'])
    expect(asMember).toEqual({ code: 0, stdout: 'ada@laurel.example is member of laurel.\n', stderr: '' })
    expect((await json(['users', 'remove', ...member])).code).toBe(0)
    const last = await json(['users', 'remove', '--org', 'laurel', '--email', 'maya@laurel.example'])
    expect(last).toMatchObject({ code: 1, body: { ok: false, detail: expect.any(String) } })
  })

  test('[CLI-3] a read answers text for people and the same as JSON; key and server may come from the environment', async () => {
    const { code, body } = await call('live.controls.read')
    expect(code).toBe(0)
    expect(body).toMatchObject({ ok: true, principal: { source: 'scoped-agent-grant' } })
    const text = await run(['call', 'live.controls.read'], {
      env: { COUNTERSIGN_KEY: agent, COUNTERSIGN_URL: server.url },
    })
    expect(text).toMatchObject({ code: 0, stderr: '' })
    expect(text.stdout).toMatch(/^principal:\n {2}source: scoped-agent-grant$/m)
    const guest = await json(['call', 'live.controls.read'], {
      env: { HOST: '127.0.0.1', PORT: new URL(server.url).port },
    })
    expect(guest.body.principal.source).toBe('guest')
    const other = await json(['call', 'live.controls.read', '--url', server.url, '--org', 'birch'])
    expect(other.body.surface.artistId).toBe('birch')
  })

  test('[CLI-3] the whole loop: session, preview, refused, approval, person, confirm once, replay', async () => {
    const client = { id: 'client-cli', name: 'CLI', kind: 'test' }
    const workflow = 'creator.live.schedule-update'
    const opened = await call('sessions.create', { workflow, client }, [
      '--idempotency-key',
      'cli-session-key',
    ])
    const again = await call('sessions.create', { workflow, client }, [
      '--idempotency-key',
      'cli-session-key',
    ])
    const { id: sessionId } = opened.body.session
    expect(again.body).toEqual(opened.body)

    const preview = await call('live.events.schedule.preview', MOVE, ['--session', sessionId])
    expect(preview.body.confirmationText).toBe(
      'I confirm creating Studio Room to Monday, May 20, 2030, 7:00 PM as scheduled.',
    )
    const confirm = (approval?: object) => ({
      ...MOVE,
      envelope: {
        contract: 'agent-write-envelope.v1',
        contractId: preview.body.plan.contractId,
        actionMode: 'execute',
        dryRun: false,
        actor: 'CLI',
        client: 'client-cli',
        action: preview.body.plan.action,
        target: 'live-event',
        confirmation: { text: preview.body.confirmationText, acknowledgedRisk: true },
        idempotencyKey: approval ? 'cli-confirm-key' : 'cli-early-key',
        reason: 'The season opens.',
        auditCorrelationId: 'cli-loop',
        ...(approval ? { approval } : {}),
      },
    })
    const create = (approval?: object) =>
      call('live.events.schedule.confirmed-create', confirm(approval), ['--session', sessionId])
    expect(await create()).toMatchObject({ code: 1, body: { ok: false, code: 'approval-required' } })

    const requested = await call('sessions.approvals.request', {
      sessionId,
      operationId: 'live.events.schedule.preview',
      input: MOVE,
      planDigest: preview.body.planDigest,
      reason: 'The season opens.',
    })
    const { id, planDigest, url } = requested.body.approval
    expect(url).toContain(`${server.url}/approvals/${sessionId}/${id}`)
    const approval = { sessionId, approvalId: id }
    const resolve = { ...approval, decision: 'approve', planDigest }
    expect(await call('sessions.approvals.resolve', resolve)).toMatchObject({
      code: 1,
      body: { code: 'forbidden' },
    })
    const decided = await owner(`/api/agent/sessions/${sessionId}/approvals/${id}`, {
      decision: 'approve',
      planDigest,
    })
    expect(decided.status).toBe(200)

    const applied = await create({ id, planDigest })
    expect(applied).toMatchObject({
      code: 0,
      body: { ok: true, mode: 'applied', event: { title: 'Studio Room' } },
    })
    expect((await create({ id, planDigest })).body).toEqual(applied.body)
    const input = JSON.stringify({ sessionId, limit: 500 })
    const log = await json(
      ['call', 'sessions.events.read', '--url', server.url, '--key', agent, '--input', '-'],
      { input },
    )
    expect(log.body.events.map((event: { type: string }) => event.type)).toEqual(
      expect.arrayContaining(['session.created', 'approval.requested', 'approval.resolved']),
    )
  })

  test('[CLI-2] a refusal names the fields and what to do next', async () => {
    const refused = await run([
      'call',
      'live.events.schedule.preview',
      '--url',
      server.url,
      '--key',
      agent,
      '--input',
      '{"title":7}',
    ])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/^Refused \(validation-failed\): /)
    expect(refused.stderr).toMatch(/\n {2}\/title: .*\n/)
    expect(refused.stderr).toMatch(/\nNext: /)
    expect(await call('sessions.read', {})).toMatchObject({
      code: 1,
      body: { code: 'validation-failed', errors: [{ pointer: '/sessionId' }] },
    })
    for (const bad of ['{', '[]'])
      expect(await json(['call', 'sessions.create', '--input', bad])).toMatchObject({
        code: 1,
        body: {
          code: 'malformed-request',
          detail: '--input is not a JSON object. sessions.create takes: workflow, [title], client.',
        },
      })
    const unknown = await run(['call', 'live.controls'])
    expect(unknown.stderr).toContain('There is no operation live.controls. Did you mean live.controls.read, ')
  })

  test('[CLI-5] MCP over stdio serves a real client as its key may', async () => {
    const env = {
      ...(process.env as Record<string, string>),
      COUNTERSIGN_DATA_DIR: dataDir,
      COUNTERSIGN_KEY: agent,
    }
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [...BIN, 'mcp', '--stdio'],
      env,
      stderr: 'pipe',
    })
    const client = new Client({ name: 'test', version: '1.0.0' })
    await client.connect(transport)
    try {
      const names = (await client.listTools()).tools.map((tool) => tool.name)
      expect(names).toContain('fanful_creator_live_schedule_update')
      expect(names).not.toContain('agent_session_approval_resolve')
      const { structuredContent } = await client.callTool({ name: 'live_controls_read', arguments: {} })
      expect(structuredContent).toMatchObject({ ok: true, principal: { source: 'scoped-agent-grant' } })
    } finally {
      await client.close()
    }
  })

  test.each([
    [{}, /COUNTERSIGN_KEY is not set/],
    [{ COUNTERSIGN_KEY: 'csk_not-a-key' }, /unknown, expired or revoked/],
  ])('[CLI-5] without a good key nothing is served over stdio (%j)', async (env, message) => {
    const { code, stdout, stderr } = await run(['mcp', '--stdio'], { env })
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(message)
  })

  test('[CLI-4] stops on SIGTERM within 5 s, also with a stream open, and takes PostgreSQL along', async () => {
    const sessions = await call('sessions.list', {})
    const stream = await fetch(`${server.url}/api/agent/sessions/${sessions.body.sessions[0].id}/events`, {
      headers: { authorization: `Bearer ${agent}`, accept: 'text/event-stream' },
    })
    expect(stream.status).toBe(200)
    const { code, ms } = await stop(server.child, 'SIGTERM')
    expect(code).toBe(0)
    expect(ms).toBeLessThan(5000)
    await stream.text().catch(() => {})
    await stopped()
  })
})

describe('[CLI-4] stopping', () => {
  test.each([
    ['SIGINT', MAIN],
    ['SIGTERM', BIN],
  ] as const)('on %s within 5 s, leaving no PostgreSQL', async (signal, entry) => {
    const { child, url } = await serve({}, entry)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    const { code, ms } = await stop(child, signal)
    expect(code).toBe(0)
    expect(ms).toBeLessThan(5000)
    await stopped()
    await expect(fetch(`${url}/livez`)).rejects.toThrow()
  })
})

describe('[CLI-7] what there is', () => {
  test('operations list names every operation', async () => {
    const { code, body } = await json(['operations', 'list'])
    expect(code).toBe(0)
    expect(body.map((each: { id: string }) => each.id)).toEqual(OPERATIONS.map(({ id }) => id))
    expect(Object.keys(body[0])).toEqual(['id', 'tool', 'effect', 'method', 'path', 'summary'])
    const { stdout } = await run(['operations', 'list'])
    for (const { id } of OPERATIONS) expect(stdout).toContain(id)
  })

  test('migrate brings a folder to this release, once', async () => {
    const folder = temporaryDataFolder('cs-cli-')
    try {
      const env = { COUNTERSIGN_DATA_DIR: folder }
      const known = readdirSync(path.join(ROOT, 'migrations')).filter((name) => name.endsWith('.sql'))
      expect((await json(['migrate'], { env })).body.applied).toHaveLength(known.length)
      expect(await run(['migrate'], { env })).toEqual({ code: 0, stdout: 'Nothing to apply.\n', stderr: '' })
    } finally {
      removeDataFolder(folder)
    }
  })

  test('npx runs it from the project', async () => {
    // with nothing kept from before, and without the network: what npx needs is here
    const cache = mkdtempSync(path.join(os.tmpdir(), 'cs-npm-'))
    const env = { npm_config_cache: cache, npm_config_offline: 'true', npm_config_update_notifier: 'false' }
    const [npx] = (process.env.PATH ?? '')
      .split(path.delimiter)
      .map((folder) => path.join(folder, 'npx'))
      .filter((file) => existsSync(file))
    const child = start(['countersign', '--version'], env, [npx as string])
    expect(await finished(child)).toMatchObject({ code: 0, stdout: `${VERSION}\n` })
    rmSync(cache, { recursive: true })
  })

  test('docs/cli.md has every command with every option', async () => {
    const text = readFileSync(path.join(ROOT, 'docs', 'cli.md'), 'utf8')
    const rows = [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, usage]) => usage as string)
    const documented = new Map(rows.map((usage) => [commandOf(usage), optionsOf(usage)]))
    const actual = new Map<string, string[]>()
    for (const { command, stdout } of await leaves([])) {
      const own = optionsOf(stdout.slice(stdout.indexOf('Options:'))).filter((name) => !COMMON.includes(name))
      actual.set(command.join(' '), own)
    }
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(actual))
  })
})

const COMMON = ['--json', '--help']
const optionsOf = (text: string): string[] => [...new Set(text.match(/--[a-z-]+/g))].sort()
const commandOf = (usage: string): string =>
  (/^[a-z][a-z-]*( [a-z][a-z-]*)?(?= |$)/.exec(usage)?.[0] ?? '').replace(/^call .*/, 'call')

/** The commands that take no further command, with what they say about themselves. */
async function leaves(command: string[]): Promise<{ command: string[]; stdout: string }[]> {
  const { stdout } = await run([...command, '--help'])
  const [, listed] = stdout.split('\nCommands:\n')
  if (listed === undefined) return [{ command, stdout }]
  const names = [...listed.matchAll(/^ {2}([a-z-]+)/gm)]
    .map(([, name]) => name as string)
    .filter((name) => name !== 'help')
  return (await Promise.all(names.map((name) => leaves([...command, name])))).flat()
}

describe('[CLI-2] exit codes', () => {
  test.each([
    [['keys', 'create', '--org', 'laurel'], "required option '--role <role>' not specified"],
    [['bogus'], "unknown command 'bogus'"],
    [['serve', '--bogus'], "unknown option '--bogus'"],
    [['call'], "missing required argument 'operation'"],
    [[], 'a command is missing'],
    [['keys'], 'a command is missing'],
    [['mcp'], "required option '--stdio' not specified"],
  ])('2: %j cannot be read', async (args, error) => {
    expect(await json(args)).toEqual({ code: 2, body: { ok: false, error, code: 'usage' } })
  })

  test.each([
    [['bogus'], /^error: unknown command 'bogus'\n\(add --help for what there is\)\n$/],
    [['keys'], /^Usage: countersign keys /],
  ])('2: %j tells people so', async (args, message) => {
    const { code, stdout, stderr } = await run(args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
  })

  test('3: every mistake of the configuration, one line each', async () => {
    const env = {
      PORT: 'http',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://db',
      COUNTERSIGN_URL: 'https://countersign.example/path',
      COUNTERSIGN_SECRET: 'short',
      COUNTERSIGN_DEFAULT_ORG: 'Not A Slug',
      COUNTERSIGN_TRUST_PROXY: 'maybe',
    }
    for (const command of [['serve'], ['orgs', 'list']]) {
      const { code, stdout, stderr } = await run(command, { env })
      expect([code, stdout]).toEqual([3, ''])
      const [title, ...lines] = stderr.trimEnd().split('\n')
      expect(title).toBe('The configuration has mistakes:')
      expect(lines.map((each) => each.trim().split(' ')[0]).sort()).toEqual(Object.keys(env).sort())
    }
    const { code, body } = await json(['serve'], { env })
    expect(code).toBe(3)
    expect(body).toMatchObject({ ok: false, code: 'configuration' })
    expect(body.mistakes).toHaveLength(Object.keys(env).length)
  })

  test('3: a port that is taken, without leaving anything running', async () => {
    const { port, close } = await occupied()
    try {
      const { code, stdout, stderr } = await run(['serve'], {
        env: { PORT: String(port), LOG_LEVEL: 'error' },
      })
      expect([code, stdout]).toEqual([3, ''])
      expect(stderr).toContain(`HOST and PORT: cannot listen at 127.0.0.1:${port} (EADDRINUSE)`)
      await stopped()
    } finally {
      await close()
    }
  })

  test('4: no server, something else than a server, no database', async () => {
    const { port, close } = await occupied()
    await close()
    const nobody = `http://127.0.0.1:${port}`
    const { code, stdout, stderr } = await run(['call', 'surfaces.list', '--url', nobody])
    expect([code, stdout]).toEqual([4, ''])
    expect(stderr).toBe(
      `No Countersign answers at ${nobody}. Start one with "countersign serve", or name another with --url or COUNTERSIGN_URL.\n`,
    )
    expect(await json(['call', 'surfaces.list', '--url', nobody])).toMatchObject({
      code: 4,
      body: { code: 'unreachable' },
    })
    const page = createServer((_request, response) => response.end('<p>Welcome</p>')).listen(0, '127.0.0.1')
    await once(page, 'listening')
    const elsewhere = `http://127.0.0.1:${(page.address() as AddressInfo).port}`
    expect((await json(['call', 'surfaces.list', '--url', elsewhere])).code).toBe(4)
    page.close()
    const env = {
      DATABASE_URL: `postgres://${new URL(nobody).host}/none`,
      COUNTERSIGN_SECRET: 'x'.repeat(32),
    }
    expect(await run(['migrate'], { env })).toEqual({
      code: 4,
      stdout: '',
      stderr: 'The database does not answer (ECONNREFUSED). See DATABASE_URL.\n',
    })
  })
})

describe('[CLI-6] the demo', () => {
  // a temporary folder of their own, in which nothing of a demo is to stay
  let TMPDIR: string
  beforeEach(() => {
    TMPDIR = temporaryDataFolder('cs-cli-')
  })
  afterEach(() => {
    const left = readdirSync(TMPDIR).filter((name) => name.startsWith('countersign-demo-'))
    rmSync(TMPDIR, { recursive: true })
    expect(left).toEqual([])
  })

  test('walks every step on a free port where its own is taken, and leaves nothing', async () => {
    const { port, close } = await occupied()
    try {
      const { code, stdout, stderr } = await run(['demo', '--once'], {
        env: { TMPDIR, PORT: String(port), NO_COLOR: '1' },
      })
      expect(stderr).toBe('')
      expect(code).toBe(0)
      expect(stdout).toMatch(/^ ?\d\. Agent /m)
      expect(stdout).toContain('I confirm updating Laurel Studio Room to 7:30 PM.')
      expect(stdout).toContain('409 approval-consumed')
      expect(stdout).not.toContain(`:${port}/`)
    } finally {
      await close()
    }
  })

  test('says as JSON where it is, whatever public origin is configured', async () => {
    const { code, body } = await json(['demo', '--once'], {
      env: { TMPDIR, PORT: '0', COUNTERSIGN_URL: 'https://elsewhere.example' },
    })
    expect(code).toBe(0)
    expect(body).toEqual({
      ok: true,
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      sessionId: expect.any(String),
      approvalUrl: expect.stringContaining(`${body.url}/approvals/`),
    })
  })

  test('fails when a step fails', async () => {
    // a network that loses the person's decision
    const broken = `const whole = fetch; globalThis.fetch = (url, init) => init?.method === 'PATCH' ? Response.json({ code: 'unavailable', detail: 'lost' }, { status: 503 }) : whole(url, init)`
    const env = {
      TMPDIR,
      PORT: '0',
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(broken)}`,
    }
    const { code, stdout, stderr } = await run(['demo', '--once'], { env })
    expect(code).toBe(5)
    expect(stdout).toContain('signs in, sees the plan')
    expect(stdout).not.toContain('applies the approved plan')
    expect(stderr).toContain('lost')
  })

  test.each(['192.0.2.1', 'no-such-host.invalid'])('fails where it cannot start (%s)', async (HOST) => {
    const { code, stdout, stderr } = await run(['demo', '--once'], { env: { TMPDIR, HOST } })
    expect([code, stdout]).toEqual([3, ''])
    expect(stderr).toContain(`HOST and PORT: cannot listen at ${HOST}:`)
  })
})

async function signedIn(url: string) {
  const headers = { 'content-type': 'application/json', origin: url }
  const body = JSON.stringify({ email: 'maya@laurel.example', password: PASSWORD })
  const reply = await fetch(`${url}/api/auth/sign-in/email`, { method: 'POST', headers, body })
  expect(reply.status).toBe(200)
  const cookie = reply.headers
    .getSetCookie()
    .map((each) => each.split(';')[0])
    .join('; ')
  return (target: string, input: object) =>
    fetch(url + target, { method: 'PATCH', headers: { ...headers, cookie }, body: JSON.stringify(input) })
}
