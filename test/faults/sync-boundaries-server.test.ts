import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { createKey, type NewKey } from '../../src/access/keys.ts'
import { createOrganisation } from '../../src/access/organisations.ts'
import { readConfig } from '../../src/config.ts'
import { locateCluster, postmasterOf } from '../../src/db/embedded/cluster.ts'
import { removeDataFolder, temporaryDataFolder } from '../../src/db/embedded/folder.ts'
import { ownerForRoot } from '../../src/db/embedded/owner.ts'
import { openDeps } from '../../src/server.ts'
import { start } from '../harness/command.ts'
import { testDatabase } from '../harness/database.ts'
import { type Random, seeded, seedOf } from '../harness/seeded.ts'
import { callerAt, type Server, startServer } from './server.ts'
import { type Big, bigJob, checkBig, writesOf } from './sync-boundaries.ts'
import { type OwnPlace, openPlace } from './sync-model-place.ts'
import { type Ground, openWorld, outcomeOf, type World } from './sync-model-world.ts'

const SEED = seedOf(process.env)
const SECRET = 'a secret that only these servers know, long enough'
/** `npm run soak` makes it more. */
const ROUNDS = Number(process.env.SYNC_SERVER_ROUNDS ?? 2)
/** Until another process goes on, as promised; it is said how long it took, which is 2 to 4 s. */
const GOES_ON_MS = 12_000
/** PostgreSQL tells nobody for 10 s after it started who died before that: workers say anew what they do. */
const RESTARTED_MS = 30_000
const ENV = { COUNTERSIGN_SECRET: SECRET, COUNTERSIGN_ALLOW_PRIVATE_CONNECTORS: 'true', LOG_LEVEL: 'fatal' }

/** The server as it runs, with what is needed to prepare organisations behind it. */
async function groundOf(server: Server, databaseUrl: string): Promise<Ground & { stop(): Promise<void> }> {
  const { deps, stop } = await openDeps({
    ...readConfig({ COUNTERSIGN_SECRET: SECRET, DATABASE_URL: databaseUrl }),
    logLevel: 'fatal',
  })
  return {
    ...{ deps, stop },
    org: async (slug) => void (await createOrganisation(deps.access, { slug })),
    async key(input) {
      const { key, id } = await createKey(deps.access, input as NewKey)
      return { ...callerAt(server.url, { authorization: `Bearer ${key}` }), bearer: key, id }
    },
  }
}

/** Asks for the job as anybody does. */
async function create({ orgs, keys }: World, { sync }: Big): Promise<{ org: string; id: string }> {
  const { status, body } = await keys.a.call('POST', '/v1/configs/sync-jobs', {
    ...{ source_org_id: orgs.a, target_org_id: orgs.b, target_auth_token: keys.b.bearer },
    resources: sync.resources,
  })
  expect(status, JSON.stringify(body)).toBe(201)
  return { org: orgs.a, id: body.id }
}

/** Calls back at the write that is so many away, once, before that is done. */
function atWrite(place: OwnPlace, away: number, then: () => void): void {
  let left = away
  place.fault = ({ method }) => {
    if (method !== 'GET' && --left === 0) then()
    return 'none'
  }
}

const reaches = (place: OwnPlace, away: number, then: () => void): Promise<void> =>
  new Promise((resolve) =>
    atWrite(place, away, () => {
      then()
      resolve()
    }),
  )

/** How long it takes until something is written again, or the job has ended. */
async function goesOn(
  world: World,
  place: OwnPlace,
  job: { org: string; id: string },
  timeout: number,
): Promise<number> {
  const from = performance.now()
  const before = place.writes
  await vi.waitFor(
    async () => {
      if (place.writes > before) return
      expect((await outcomeOf(world.deps, job)).status).toBe('succeeded')
    },
    { timeout, interval: 50 },
  )
  return Math.round(performance.now() - from)
}

const ended = (world: World, job: { org: string; id: string }) =>
  vi.waitFor(
    async () =>
      expect(['succeeded', 'partial', 'failed']).toContain((await outcomeOf(world.deps, job)).status),
    { timeout: 60_000, interval: 100 },
  )

const someWrites = (random: Random): number => 5 + random.below(Math.floor(150 / ROUNDS))

test(
  '[SM-8] a worker that is killed is followed by another one on the same PostgreSQL within 12 s, again and again',
  async () => {
    const random = seeded(SEED)
    const database = await testDatabase()
    const env = { ...ENV, DATABASE_URL: database.url }
    const server = await startServer(env, ['--no-work'])
    const ground = await groundOf(server, database.url)
    const place = await openPlace({ choosesIds: random.below(2) === 0, answersAfterMs: 20 })
    const workers: ChildProcess[] = []
    const work = () => workers.push(start(['work'], env))
    const took: number[] = []
    try {
      const setting = place.choosesIds ? 'chosen ids' : 'made ids'
      const world = await openWorld(ground, setting, place)
      const big = await bigJob(world, random)
      const before = place.writes
      work()
      const begun = reaches(place, 1, () => {})
      const job = await create(world, big)
      await begun
      for (let round = 0; round < ROUNDS; round++) {
        const killed = workers.at(-1) as ChildProcess
        work()
        await reaches(place, someWrites(random), () => killed.kill('SIGKILL'))
        if (killed.exitCode === null && killed.signalCode === null) await once(killed, 'exit')
        took.push(await goesOn(world, place, job, GOES_ON_MS))
      }
      await ended(world, job)
      console.info(`SEED=${SEED}, ${setting}: goes on after ${took} ms`)
      await checkBig(
        world,
        big,
        await outcomeOf(ground.deps, job),
        before + (await writesOf(ground.deps, job)),
      )
    } finally {
      for (const worker of workers) {
        worker.kill('SIGKILL')
        if (worker.exitCode === null && worker.signalCode === null) await once(worker, 'exit')
      }
      await server.stop()
      await ground.stop()
      await place.close()
      await vi.waitFor(() => database.drop(), 10_000)
    }
  },
  90_000 + ROUNDS * 15_000,
)

test(
  '[SM-9] the server is killed and its PostgreSQL with it: started again, it goes on by itself',
  async () => {
    const random = seeded(SEED + 1)
    const dataDir = temporaryDataFolder('cs-boundaries-')
    const env = { ...ENV, COUNTERSIGN_DATA_DIR: dataDir }
    let server = await startServer(env)
    const cluster = locateCluster(dataDir, ownerForRoot())
    const { host, port, user, database } = cluster.connection
    const url = `postgres://${user}@/${database}?host=${encodeURIComponent(String(host))}&port=${port}`
    const ground = await groundOf(server, url)
    const place = await openPlace({ choosesIds: random.below(2) === 0 })
    const took: number[] = []
    try {
      const world = await openWorld(ground, place.choosesIds ? 'chosen ids' : 'made ids', place)
      const big = await bigJob(world, random)
      const before = place.writes
      const first = reaches(place, someWrites(random), () => kill())
      const kill = () => {
        const pid = postmasterOf(cluster)
        if (pid) process.kill(pid, 'SIGKILL')
        void server.kill()
      }
      const job = await create(world, big)
      await first
      for (let round = 1; round <= ROUNDS; round++) {
        await server.kill()
        place.fault = () => 'none'
        const next = round < ROUNDS ? reaches(place, someWrites(random), kill) : undefined
        server = await startServer(env)
        took.push(await goesOn(world, place, job, RESTARTED_MS))
        await next
      }
      await ended(world, job)
      console.info(`SEED=${SEED}, ${world.setting}: goes on ${took} ms after it is started`)
      await checkBig(
        world,
        big,
        await outcomeOf(ground.deps, job),
        before + (await writesOf(ground.deps, job)),
      )
    } finally {
      await server.stop()
      await ground.stop()
      await place.close()
      await vi.waitFor(() => expect(postmasterOf(cluster)).toBeUndefined(), { timeout: 10_000 })
      removeDataFolder(dataDir)
    }
  },
  90_000 + ROUNDS * 30_000,
)
