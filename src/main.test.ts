import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { removeDataFolder, temporaryDataFolder } from './db/embedded/folder.ts'
import { postmasterOf } from './db/embedded/process.ts'
import { VERSION } from './version.ts'

const BIN = fileURLToPath(new URL('../bin/countersign.mjs', import.meta.url))
const PORT = '41783'

type Ran = { code: number; out: string; err: string }
let dataDir: string
const environment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  PORT,
  COUNTERSIGN_DATA_DIR: dataDir,
  COUNTERSIGN_DEFAULT_ORG: 'laurel',
  LOG_LEVEL: 'warn',
  ...more,
})

const countersign = (args: string[], more?: NodeJS.ProcessEnv): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args], { env: environment(more) }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    )
  })

const json = async (args: string[]) => JSON.parse((await countersign([...args, '--json'])).out)

async function serve(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [BIN, 'serve'], { env: environment(), stdio: 'ignore' })
  await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${PORT}/readyz`)).ok).toBe(true), {
    timeout: 20_000,
    interval: 50,
  })
  return child
}

/** Signals it and answers how long it took to end. */
async function end(
  child: ChildProcess,
  signal: NodeJS.Signals,
): Promise<{ code: number | null; ms: number }> {
  const from = Date.now()
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve))
  child.kill(signal)
  return { code: await exit, ms: Date.now() - from }
}

beforeAll(() => {
  dataDir = temporaryDataFolder('cs-cli-')
})
afterAll(async () => {
  await vi.waitFor(() => expect(postmasterOf({ data: `${dataDir}/pg18` })).toBeUndefined(), {
    timeout: 8_000,
  })
  removeDataFolder(dataDir)
})

describe.sequential('the command line', () => {
  let key: string

  test('[CLI-1] administrative commands work without a server; a key is printed once, in the documented shape', async () => {
    expect(await json(['orgs', 'create', '--slug', 'laurel'])).toMatchObject({ slug: 'laurel' })
    const owner = [
      '--email',
      'maya@laurel.example',
      '--password',
      'a long enough password',
      '--org',
      'laurel',
      '--role',
      'owner',
    ]
    expect((await countersign(['users', 'create', ...owner])).out).toContain(
      'Created maya@laurel.example as owner of laurel.',
    )
    const made = await json([
      'keys',
      'create',
      '--org',
      'laurel',
      '--role',
      'agent',
      '--for',
      'maya@laurel.example',
    ])
    expect(Object.keys(made)).toEqual(['id', 'key', 'org', 'role', 'scopes'])
    key = made.key
    const listed = await countersign(['keys', 'list', '--org', 'laurel', '--json'])
    expect(listed.out).toContain(made.id)
    expect(listed.out).not.toContain(key)
    const [grant] = await json(['grants', 'list', '--org', 'laurel'])
    expect(grant).toMatchObject({ delegator: 'maya@laurel.example', revokedAt: null })
    const second = await json(['keys', 'create', '--org', 'laurel', '--role', 'agent'])
    const other = (await json(['grants', 'list', '--org', 'laurel'])).find(
      ({ id }: { id: string }) => id !== grant.id,
    )
    expect((await countersign(['grants', 'revoke', '--org', 'laurel', '--id', other.id])).out).toContain(
      'Revoked',
    )
    expect(second.id).not.toBe(made.id)
    const last = await countersign(['users', 'remove', '--org', 'laurel', '--email', 'maya@laurel.example'])
    expect(last.err).toContain('Refused')
  }, 60_000)

  test('[CLI-2] exit codes: 1 refused, 2 usage, 3 configuration, 4 unreachable, each with advice', async () => {
    const again = await countersign(['orgs', 'create', '--slug', 'laurel'])
    expect(again.code).toBe(1)
    expect(again.err).toMatch(/Refused \(conflict\).*\nNext: /)
    expect((await countersign(['orgs', 'create'])).code).toBe(2)
    const wrong = await countersign(['migrate'], { PORT: 'x', LOG_LEVEL: 'loud' })
    expect(wrong.code).toBe(3)
    expect(wrong.err.match(/^ {2}(PORT|LOG_LEVEL) must/gm)).toHaveLength(2)
    const alone = await countersign(['call', 'surfaces.list'])
    expect(alone.code).toBe(4)
    expect(alone.err).toContain('Start one with "countersign serve"')
    expect(JSON.parse((await countersign(['call', 'surfaces.list', '--json'])).out)).toMatchObject({
      ok: false,
      code: 'unreachable',
    })
    expect((await countersign(['call', 'no.such'])).err).toContain('There is no operation no.such')
  }, 60_000)

  test('[CLI-3] while a server runs, the same commands work on the same storage, and call reaches it', async () => {
    const child = await serve()
    try {
      expect((await json(['orgs', 'list'])).map(({ slug }: { slug: string }) => slug)).toEqual(['laurel'])
      expect((await json(['call', 'surfaces.list'])).version).toBe('agent-surfaces.v1')
      const input = JSON.stringify({ workflow: 'cli.test', client: { id: 'c', name: 'CLI', kind: 'cli' } })
      const { session } = await json(['call', 'sessions.create', '--input', input, '--key', key])
      const events = await json([
        'call',
        'sessions.events.read',
        '--input',
        `{"sessionId":"${session.id}"}`,
        '--key',
        key,
      ])
      expect(events.events).toHaveLength(1)
      const refused = await countersign(['call', 'sessions.create', '--input', '{}', '--key', key])
      expect(refused.code).toBe(1)
      expect(refused.err).toContain('/workflow')
    } finally {
      expect(await end(child, 'SIGTERM')).toMatchObject({ code: 0 })
    }
  }, 60_000)

  test('[CLI-4] serve stops on SIGTERM and on SIGINT within 5 s and leaves no PostgreSQL', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const { code, ms } = await end(await serve(), signal)
      expect(code).toBe(0)
      expect(ms).toBeLessThan(5_000)
      expect(postmasterOf({ data: `${dataDir}/pg18` })).toBeUndefined()
    }
  }, 60_000)

  test('[CLI-5] MCP over standard input and output serves the key’s tools', async () => {
    const client = new Client({ name: 'cli-test', version: '1.0.0' })
    const env = environment({ COUNTERSIGN_KEY: key }) as Record<string, string>
    await client.connect(
      new StdioClientTransport({ command: process.execPath, args: [BIN, 'mcp', '--stdio'], env }),
    )
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toContain('agent_session_create')
    await client.close()
  }, 60_000)

  test('[CLI-6] the demo walks every step, on a free port when its own is taken, and fails when a step fails', async () => {
    const occupant = createServer().listen(Number(PORT), '127.0.0.1')
    const done = await countersign(['demo', '--once'])
    occupant.close()
    expect(done.err).toBe('')
    expect(done.code).toBe(0)
    for (const part of [
      'I confirm updating Laurel Studio Room to 7:30 PM.',
      '403 approval-required',
      '409 approval-consumed',
      'session.completed',
    ])
      expect(done.out).toContain(part)
    const broken = await countersign(['demo', '--once'], { HOST: '256.256.256.256' })
    expect(broken.code).not.toBe(0)
  }, 90_000)

  test('[CLI-7] operations are listed, and the version is the release’s', async () => {
    const operations = await json(['operations', 'list'])
    expect(operations.map(({ id }: { id: string }) => id)).toContain('live.events.schedule.confirmed-update')
    expect((await countersign(['--version'])).out.trim()).toBe(VERSION)
  }, 30_000)
})
