import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { createServer, type Server as HttpServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import sql, { raw } from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createKey } from '../../src/access/keys.ts'
import { createOrganisation } from '../../src/access/organisations.ts'
import { openDeps, type Running } from '../../src/server.ts'
import { SECRET, type TestApp, testApp } from '../harness/app.ts'
import { addType } from '../harness/store.ts'
import { dump } from '../security/world.ts'
import { type Server, startServer } from './server.ts'

/** Everything is here: the data folder of the embedded PostgreSQL, its log, and the heap snapshots beside it. */
const folder = mkdtempSync(path.join(os.tmpdir(), 'cs-canary-'))
// also where PostgreSQL runs as somebody else, since the tests are root's
chmodSync(folder, 0o755)
const dataDir = path.join(folder, 'data')
const snapshots = path.join(folder, 'heaps')

/** `a` takes requests and does no jobs, so that tokens are in it alone; `b` is the other process on the database. */
let running: Running
let a: Server
let b: Server
let far: TestApp
let proxy: Awaited<ReturnType<typeof proxyTo>>
let sandbox: string
let local: string
let remote: string
/** All that anybody was answered, frames of MCP included, and all that processes wrote which are gone. */
const answers: string[] = []
const logs: string[] = []

const env = () => ({
  COUNTERSIGN_DATA_DIR: dataDir,
  COUNTERSIGN_SECRET: SECRET,
  COUNTERSIGN_ALLOW_PRIVATE_CONNECTORS: 'true',
  LOG_LEVEL: 'trace',
  NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${snapshots}`,
})

beforeAll(async () => {
  mkdirSync(snapshots)
  const config = { port: 0, host: '127.0.0.1', dataDir, secret: SECRET, logLevel: 'error', trustProxy: false }
  running = await openDeps(config as never)
  await uncompressed()
  const { access } = running.deps
  for (const slug of ['sandbox', 'live']) {
    await createOrganisation(access, { slug })
    await addType(running as never, slug, { type: 'form', natural_key: ['/key'] })
  }
  far = await testApp()
  await far.org('far')
  await addType(far, 'far', { type: 'form', natural_key: ['/key'] })
  remote = (await far.key({ org: 'far', role: 'automation' })).bearer
  sandbox = (await createKey(access, { org: 'sandbox', role: 'automation' } as never)).key
  local = (await createKey(access, { org: 'live', role: 'automation' } as never)).key
  proxy = await proxyTo(far.url)
  b = await startServer(env())
  a = await serveAlone()
  const connector = { kind: 'countersign', base_url: proxy.url, external_org_id: 'far' }
  expect((await call('PUT', '/v1/connectors/far', connector)).status).toBe(200)
  for (const id of FORMS) await put(id, 1)
}, 120_000)
afterAll(async () => {
  proxy?.release()
  await a?.stop()
  await b?.stop()
  await running?.stop()
  await proxy?.close()
  await far?.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** Has PostgreSQL write everything as it is, so that a scan of its files finds what is in them. */
async function uncompressed(): Promise<void> {
  const { db } = running.deps
  const [{ name } = { name: '' }] = await db.query<{ name: string }>(sql`SELECT current_database() AS name`)
  await db.query(raw(`ALTER DATABASE "${name}" SET wal_compression = off`) as never)
  const columns = await db.query<{ at: string; name: string }>(sql`
    SELECT format('%I.%I', n.nspname, c.relname) AS at, quote_ident(a.attname) AS name
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE a.attstorage = 'x' AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
       AND n.nspname NOT IN ('pg_catalog', 'information_schema')`)
  for (const { at, name } of columns)
    await db.query(raw(`ALTER TABLE ${at} ALTER COLUMN ${name} SET STORAGE EXTERNAL`) as never)
}

/** A server process that does no jobs of the queue. */
const serveAlone = () => startServer(env(), ['--no-work'])

/** Hands requests on; while it holds, those that write wait. */
async function proxyTo(url: string) {
  let held: PromiseWithResolvers<void> | undefined
  let waiting = 0
  const server: HttpServer = createServer(async (incoming, outgoing) => {
    incoming.on('error', () => {})
    outgoing.on('error', () => {})
    if (incoming.method !== 'GET' && held) {
      waiting++
      await held.promise
    }
    const { method, headers } = incoming
    const onwards = request(url + incoming.url, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode as number, answer.headers)
      answer.pipe(outgoing)
    })
    onwards.on('error', () => outgoing.destroy())
    incoming.pipe(onwards)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold() {
      waiting = 0
      held = Promise.withResolvers()
    },
    release() {
      held?.resolve()
      held = undefined
    },
    /** Writes that wait. */
    waiting: () => waiting,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function call(method: string, at: string, body?: object, server = a) {
  const response = await fetch(server.url + at, {
    method,
    headers: {
      authorization: `Bearer ${sandbox}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await response.text()
  answers.push(JSON.stringify([...response.headers]), text)
  return {
    status: response.status,
    body: /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : {},
  }
}

const FORMS = Array.from({ length: 6 }, (_, n) => `form-${n}`)
const put = async (id: string, version: number) => {
  const { status } = await call('PUT', `/v1/store/form/${id}`, { key: id, name: `${id}, ${version}` })
  expect(status).toBeLessThan(300)
}
let version = 1
/** Makes something to promote of all forms. */
const change = async () => {
  version++
  for (const id of FORMS) await put(id, version)
}

const jobs = '/v1/configs/sync-jobs'
const TARGETS = { local: 'live', remote: 'far' }
type Where = keyof typeof TARGETS
const tokenOf = (where: Where) => (where === 'local' ? local : remote)
const asked = (where: Where, more: object = {}) => ({
  ...{ source_org_id: 'sandbox', target_org_id: TARGETS[where], target_auth_token: tokenOf(where) },
  ...{ resources: FORMS.map((id) => ({ type: 'form', id })), ...more },
})

async function made(at: string, body: object): Promise<string> {
  const { status, body: job } = await call('POST', at, body)
  expect(status, JSON.stringify(job)).toBe(201)
  return job.id
}

async function ended(id: string, server = a): Promise<any> {
  for (const until = Date.now() + 40_000; Date.now() < until; await sleep(50)) {
    const { body } = await call('GET', `${jobs}/${id}`, undefined, server)
    if (body.stage === 'ended') return body
  }
  throw new Error(`job ${id} has not ended`)
}

const untilWaiting = () => vi.waitFor(() => expect(proxy.waiting()).toBeGreaterThan(0), 15_000)

/** Each value as it is, and as dumps and encodings may show it. */
function formsOf(token: string): Buffer[] {
  const bytes = Buffer.from(token)
  const inBase64 = [0, 1, 2].map((skip) =>
    Buffer.concat([Buffer.alloc(skip), bytes])
      .toString('base64')
      .slice(skip === 0 ? 0 : skip + 1, 40),
  )
  return [token, bytes.toString('hex'), ...inBase64]
    .map((text) => Buffer.from(text))
    .concat(Buffer.from(token, 'utf16le'))
}

/** Which tokens are in it, by name. */
const within = (bytes: Buffer): string[] =>
  Object.entries({ local, remote }).flatMap(([name, token]) =>
    formsOf(token).some((form) => bytes.includes(form)) ? [name] : [],
  )
const withinText = (text: string) => within(Buffer.from(text))

/** What the heap of a process holds. */
async function heapOf({ pid }: Server): Promise<Buffer> {
  const before = new Set(readdirSync(snapshots))
  process.kill(pid, 'SIGUSR2')
  let size = -1
  for (const until = Date.now() + 60_000; Date.now() < until; await sleep(200)) {
    const name = readdirSync(snapshots).find((each) => !before.has(each))
    if (!name) continue
    const now = statSync(path.join(snapshots, name)).size
    // the last bytes of a snapshot close its object
    if (now === size && readFileSync(path.join(snapshots, name)).subarray(-3).toString().includes('}'))
      return readFileSync(path.join(snapshots, name))
    size = now
  }
  throw new Error('there is no heap snapshot')
}

const filesBelow = (at: string): string[] =>
  readdirSync(at, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => path.join(each.parentPath, each.name))

/** Files of the data folder that hold a token. */
const leaking = (): string[] =>
  filesBelow(dataDir).flatMap((file) => {
    // a running database removes files meanwhile
    const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0)
    return within(bytes).map((name) => `${name}: ${file}`)
  })

describe('[SJ-43] the token of the target', () => {
  test.each(Object.keys(TARGETS) as Where[])(
    '%s: jobs that succeed: create, apply, rollback, retry',
    async (where) => {
      const token = { target_auth_token: tokenOf(where) }
      const dry = await ended(await made(jobs, asked(where, { dry_run: true })))
      expect(dry).toMatchObject({ status: 'succeeded', plan: { create: 6 } })
      const applied = await ended(
        await made(`${jobs}/${dry.id}/apply`, { plan_digest: dry.plan_digest, ...token }),
      )
      expect(applied).toMatchObject({ status: 'succeeded', counts: { created: 6 } })
      const back = await ended(await made(`${jobs}/${applied.id}/rollback`, token))
      expect(back).toMatchObject({ status: 'succeeded', counts: { deleted: 6 } })
      const job = await ended(await made(jobs, asked(where)))
      expect(job).toMatchObject({ status: 'succeeded', counts: { created: 6 } })
      // nothing is undone, and the token was there all the same
      expect((await call('POST', `${jobs}/${job.id}/retry`, token)).status).toBe(409)
    },
    90_000,
  )

  test.each(Object.keys(TARGETS) as Where[])(
    '%s: jobs that fail, and requests that are refused',
    async (where) => {
      const token = { target_auth_token: tokenOf(where) }
      const missing = { resources: [{ type: 'form', id: 'nowhere' }] }
      const job = await ended(await made(jobs, asked(where, missing)))
      expect(job).toMatchObject({ status: 'failed' })
      expect(await ended(await made(`${jobs}/${job.id}/retry`, token))).toMatchObject({ status: 'failed' })
      const wrong = [
        [jobs, asked(where, { dry_run: 7 })],
        [jobs, { ...asked(where), unknown: tokenOf(where) }],
        [jobs, asked(where, { target_auth_token: [tokenOf(where)] })],
        [jobs, asked(where, { target_org_id: 'elsewhere' })],
        [jobs, asked(where, { source_auth_token: tokenOf(where), target_org_id: 'sandbox' })],
        [`${jobs}/${job.id}/apply`, { plan_digest: '0'.repeat(64), ...token }],
        [`${jobs}/${job.id}/apply`, { plan_digest: 'x', ...token }],
        [`${jobs}/${job.id}/rollback`, { ...token, dry_run: tokenOf(where) }],
        [`${jobs}/job-0123456789abcdef/retry`, token],
      ] as const
      for (const [at, body] of wrong)
        expect((await call('POST', at, body)).status).toBeGreaterThanOrEqual(400)
    },
    60_000,
  )

  test('local: a job that is cancelled', async () => {
    await change()
    const id = await made(jobs, asked('local'))
    expect([200, 409]).toContain((await call('POST', `${jobs}/${id}/cancel`)).status)
    await ended(id)
  })

  test('remote: a job that is cancelled while it writes; meanwhile no other process has the token', async () => {
    await change()
    proxy.hold()
    const id = await made(jobs, asked('remote'))
    await untilWaiting()
    // the snapshot shows what there is: the holder has it
    expect(within(await heapOf(a))).toContain('remote')
    expect(within(await heapOf(b))).toEqual([])
    expect((await call('POST', `${jobs}/${id}/cancel`)).status).toBe(200)
    proxy.release()
    expect(await ended(id)).toMatchObject({ status: 'cancelled' })
  }, 120_000)

  test('over MCP', async () => {
    await change()
    const client = new Client({ name: 'canary', version: '1.0.0' })
    const recording: typeof fetch = async (...args) => {
      const response = await fetch(...args)
      void response
        .clone()
        .text()
        .then((text) => answers.push(text))
        .catch(() => {})
      return response
    }
    const requestInit = { headers: { Authorization: `Bearer ${sandbox}` } }
    await client.connect(
      new StreamableHTTPClientTransport(new URL('/mcp', a.url), { requestInit, fetch: recording }),
    )
    for (const where of Object.keys(TARGETS) as Where[]) {
      const answer = await client.callTool({ name: 'config_sync_jobs_create', arguments: asked(where) })
      expect(answer.isError, JSON.stringify(answer)).toBeFalsy()
      const { id } = answer.structuredContent as { id: string }
      const job = await ended(id)
      expect(['succeeded', 'partial']).toContain(job.status)
      const bad = { ...asked(where), dry_run: tokenOf(where) }
      expect((await client.callTool({ name: 'config_sync_jobs_create', arguments: bad })).isError).toBe(true)
      await client.callTool({ name: 'config_sync_events_read', arguments: { id } })
      await client.callTool({
        name: 'config_sync_jobs_retry',
        arguments: { id, target_auth_token: tokenOf(where) },
      })
    }
    await client.close()
  }, 60_000)

  test('remote: a job whose holder is killed is token-lost, and a retry with the token ends it', async () => {
    await change()
    proxy.hold()
    const id = await made(jobs, asked('remote'))
    await untilWaiting()
    await a.kill()
    logs.push(a.written())
    proxy.release()
    const lost = await ended(id, b)
    expect(JSON.stringify(lost)).toContain('token-lost')
    expect(within(await heapOf(b))).toEqual([])
    a = await serveAlone()
    const retried = await ended(await made(`${jobs}/${id}/retry`, { target_auth_token: remote }))
    expect(retried.counts).toMatchObject({ failed: 0, pending: 0 })
  }, 180_000)

  test('is afterwards in no answer, log, row or file, nor in the memory of another process', async () => {
    const { body } = await call('GET', `${jobs}?size=100`)
    expect(body.results.length).toBeGreaterThan(12)
    for (const { id } of body.results) {
      for (const part of ['', '/events?size=500', '/resources', '/plan'])
        await call('GET', `${jobs}/${id}${part}`)
      await call('GET', '/api/admin/audit?limit=100')
    }
    expect(answers.length).toBeGreaterThan(200)
    expect(withinText(answers.join('\n'))).toEqual([])
    const written = [...logs, a.written(), b.written(), ...far.logged].join('\n')
    expect(written).toContain('/v1/configs/sync-jobs')
    expect(withinText(written)).toEqual([])
    const { deps, storage } = running
    const tables = await dump({ database: { connection: storage.connection } } as never)
    expect(tables['public.config_jobs']).toContain('"live"')
    for (const [table, text] of Object.entries(tables)) expect(withinText(text), table).toEqual([])
    // the other server has its hash, as of every key
    for (const [table, text] of Object.entries(await dump(far))) expect(withinText(text), table).toEqual([])
    expect(within(await heapOf(b))).toEqual([])
    await deps.db.query(raw('CHECKPOINT') as never)
    const bytes = filesBelow(dataDir).map((file) => (existsSync(file) ? statSync(file).size : 0))
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(20_000_000)
    expect(leaking()).toEqual([])
  }, 180_000)

  test('would be found there if it were: the same scan of what was written on purpose', async () => {
    // several, since one may happen to lie across two pages of the log
    for (let n = 0; n < 3; n++)
      await made(jobs, asked('local', { name: remote, dry_run: true, resources: [] }))
    const tables = await dump({ database: { connection: running.storage.connection } } as never)
    expect(withinText(tables['public.config_jobs'] as string)).toEqual(['remote'])
    await running.deps.db.query(raw('CHECKPOINT') as never)
    expect(leaking().some((each) => each.includes('base'))).toBe(true)
    expect(leaking().some((each) => each.includes('pg_wal'))).toBe(true)
  })
})

test.runIf(process.platform === 'linux')('[SJ-44] core dumps of a server leave its memory out', () => {
  for (const { pid } of [a, b])
    expect(Number.parseInt(readFileSync(`/proc/${pid}/coredump_filter`, 'utf8'), 16)).toBe(0)
})
