import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { syncJobWith } from '../../src/config-sync/execution/queue-job.ts'
import { startJob } from '../../src/config-sync/execution/run.ts'
import { forgetToken, holdToken, tokenOf } from '../../src/config-sync/execution/tokens.ts'
import { installJobs } from '../../src/jobs/install.ts'
import { startJobs } from '../../src/jobs/start.ts'
import { attempt, chained, hooksOf, insertJob, planOf, rowStates, stateOf } from '../config-sync/jobs.ts'
import { SECRET, type TestApp, testApp } from '../harness/app.ts'
import { line } from '../harness/command.ts'
import { addType } from '../harness/store.ts'
import { dump } from '../security/world.ts'
import { callerAt, startServer } from './server.ts'
import { type SyncTarget, syncTarget } from './sync-target.ts'

const HOLDER = fileURLToPath(new URL('./sync-holder.ts', import.meta.url))
const NEVER = hooksOf(planOf([]), { plan: () => Promise.reject(new Error('it was planned')) })
const ORG = 'laurel'
const TOKEN = 'c4n4ry-token-6b1f0c'
let app: TestApp
beforeAll(async () => {
  app = await testApp()
  app.deps.config.allowPrivateConnectors = true
  await app.org(ORG)
  await addType(app, ORG, {
    type: 'thing',
    natural_key: ['/key'],
    references: [{ path: '/parents/*', type: 'thing' }],
  })
  await installJobs(app.database.connection, [syncJobWith(NEVER)])
})
afterAll(() => app.close())

const connect = async (id: string, body: Record<string, unknown>) => {
  const key = await app.key({ org: ORG, role: 'automation' })
  const { status, body: answer } = await key.call('PUT', `/v1/connectors/${id}`, body)
  expect(status, JSON.stringify(answer)).toBe(200)
}

test('[SX-16] [SX-17] another server, in a process of its own, gets all of it; the token is nowhere afterwards', async () => {
  const far = await testApp()
  await far.org('target')
  await addType(far, 'target', { type: 'thing', natural_key: ['/key'] })
  const key = await far.key({ org: 'target', role: 'automation' })
  const server = await startServer({ DATABASE_URL: far.database.url, COUNTERSIGN_SECRET: SECRET })
  try {
    await connect('far', { kind: 'countersign', base_url: server.url, external_org_id: 'target' })
    const holder = await holdToken(app.deps, 'far', key.bearer)
    await insertJob(app.deps, { id: 'far', org: ORG, targetOrg: 'target', holder })
    const wanted = chained('thing', 60, 'id')
    await attempt(app.deps, ORG, 'far', hooksOf(planOf(wanted)))
    const { job, counts, rows } = await stateOf(app.deps, ORG, 'far')
    expect(job).toMatchObject({ status: 'succeeded', needsToken: false, holder: null })
    expect(counts).toEqual({ total: 60, created: 60 })
    expect(rows).toEqual(counts)
    const there = callerAt(server.url, { authorization: `Bearer ${key.bearer}` })
    for (const { sourceId, desired } of wanted)
      expect((await there.call('GET', `/v1/store/thing/${sourceId}`)).body).toEqual(desired)
    // the other organisation is none of this server: ours keeps the pairs
    const [pairs] = await app.deps.db.query(sql`
      SELECT count(*)::integer AS count FROM config_lineage WHERE org = ${ORG} AND source_org = 'target'`)
    expect(pairs).toEqual({ count: 60 })
    expect(tokenOf(app.deps, 'far')).toBeUndefined()
    for (const [table, text] of Object.entries(await dump(app)))
      expect(text.includes(key.bearer), table).toBe(false)
    expect(app.logged.join('\n').includes(key.bearer)).toBe(false)
  } finally {
    await server.stop()
    await far.close()
  }
}, 60_000)

/** A job that is planned, for a place that holds writes back, and a process that has its token. */
async function heldElsewhere(id: string, target: SyncTarget): Promise<ChildProcess> {
  await holdToken(app.deps, id, 'for planning')
  await insertJob(app.deps, { id, org: ORG, targetOrg: 'elsewhere', holder: 'this one' })
  await attempt(
    app.deps,
    ORG,
    id,
    hooksOf(planOf(chained('thing', 20, 'symbol')), { decide: async () => 'wait' }),
  )
  await forgetToken(app.deps, id)
  const config = { ...app.deps.config, databaseUrl: app.database.url, secret: SECRET, logLevel: 'error' }
  const child = spawn(process.execPath, [HOLDER], {
    env: { PATH: process.env.PATH, HOLDER: JSON.stringify({ config, org: ORG, id, token: TOKEN }) },
  })
  await line(child, 'holding')
  // it has begun, and waits for the first answers
  await vi.waitFor(() => expect(target.authorization.has(`Bearer ${TOKEN}`)).toBe(true), 15_000)
  return child
}

const settled = () =>
  vi.waitFor(async () => {
    const [row] = await app.deps.db.query<{ old: boolean }>(
      sql`SELECT pg_postmaster_start_time() < now() - interval '10 seconds' AS old`,
    )
    expect(row?.old).toBe(true)
  }, 15_000)

test('[SX-18] [SX-19] the job of a living holder is left to it, also while that is stopped; when it dies its open rows are token-lost', async () => {
  const target = await syncTarget()
  const { promise, resolve: release } = Promise.withResolvers<void>()
  target.hold = promise
  let child: ChildProcess | undefined
  const jobs = await startJobs(app.deps, app.database.connection, [syncJobWith(NEVER)])
  try {
    await connect('other', { kind: 'rest', mapping: target.mapping(), external_org_id: 'elsewhere' })
    child = await heldElsewhere('lost', target)
    await settled()
    // a process that answers nobody, and yet is there
    child.kill('SIGSTOP')
    const before = await stateOf(app.deps, ORG, 'lost')
    await startJob(app.deps.db, ORG, 'lost')
    await vi.waitFor(
      async () => {
        // the worker looked twice, and left it
        const [looks] = await app.deps.db.query<{ count: number }>(sql`
          SELECT count(*)::integer AS count FROM pgboss.job
           WHERE name = 'config-sync.run' AND data->>'id' = 'lost' AND state = 'completed'`)
        expect(looks?.count).toBeGreaterThanOrEqual(2)
      },
      { timeout: 30_000, interval: 100 },
    )
    expect((await stateOf(app.deps, ORG, 'lost')).job).toMatchObject({
      stage: 'running',
      fence: before.job.fence,
    })
    const from = performance.now()
    child.kill('SIGKILL')
    await vi.waitFor(async () => expect((await stateOf(app.deps, ORG, 'lost')).job.stage).toBe('ended'), {
      timeout: 15_000,
      interval: 50,
    })
    console.info(`token-lost after ${Math.round(performance.now() - from)} ms`)
    const { job, counts, rows } = await stateOf(app.deps, ORG, 'lost')
    expect(job).toMatchObject({ status: 'failed', needsToken: false })
    expect(counts).toEqual({ total: 20, failed: 20 })
    expect(rows).toEqual(counts)
    const codes = (await rowStates(app.deps, ORG, 'lost')).map(({ code }) => code)
    expect(new Set(codes)).toEqual(new Set(['token-lost']))
    for (const [table, text] of Object.entries(await dump(app)))
      expect(text.includes(TOKEN), table).toBe(false)
    expect(app.logged.join('\n').includes(TOKEN)).toBe(false)
  } finally {
    release()
    child?.kill('SIGKILL')
    if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await jobs.stop()
    await target.close()
  }
}, 90_000)

test('[SX-20] a job of a worker that is killed goes on in another process, without a second write', async () => {
  const target = await syncTarget()
  const key = await app.key({ org: ORG, role: 'automation' })
  const { promise, resolve: release } = Promise.withResolvers<void>()
  let child: ChildProcess | undefined
  await app.deps.db.query(sql`
    UPDATE config_types SET definition = definition || '{"connector": "place"}' WHERE org = ${ORG} AND type = 'thing'`)
  expect(
    (await key.call('PUT', '/v1/connectors/place', { kind: 'rest', mapping: target.mapping() })).status,
  ).toBe(200)
  const id = 'hops'
  await insertJob(app.deps, { id, org: ORG, targetOrg: ORG, sourceOrg: null })
  await attempt(
    app.deps,
    ORG,
    id,
    hooksOf(planOf(chained('thing', 40, 'symbol')), { decide: async () => 'wait' }),
  )
  await app.deps.db.query(sql`UPDATE config_jobs SET stage = 'running' WHERE org = ${ORG} AND id = ${id}`)
  target.hold = promise
  const worker = fileURLToPath(new URL('./sync-queue-worker.ts', import.meta.url))
  child = spawn(process.execPath, [worker], {
    env: {
      PATH: process.env.PATH,
      WORKER: JSON.stringify({
        config: { ...app.deps.config, databaseUrl: app.database.url, secret: SECRET, logLevel: 'error' },
        connection: app.database.connection,
      }),
    },
  })
  await line(child, 'working')
  await startJob(app.deps.db, ORG, id)
  await vi.waitFor(() => expect(target.came.length).toBeGreaterThan(0), 20_000)
  const jobs = await startJobs(app.deps, app.database.connection, [syncJobWith(NEVER)])
  try {
    await settled()
    child.kill('SIGKILL')
    const from = performance.now()
    target.hold = undefined
    release()
    await vi.waitFor(async () => expect((await stateOf(app.deps, ORG, id)).job.stage).toBe('ended'), {
      timeout: 15_000,
      interval: 50,
    })
    console.info(`ended elsewhere after ${Math.round(performance.now() - from)} ms`)
    const { job, counts } = await stateOf(app.deps, ORG, id)
    expect(job.status).toBe('succeeded')
    expect(counts).toEqual({ total: 40, created: 40 })
    expect(target.things.size).toBe(40)
    expect(target.wrong).toEqual([])
  } finally {
    await jobs.stop()
    await target.close()
  }
}, 90_000)
