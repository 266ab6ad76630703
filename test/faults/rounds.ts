import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { locateCluster, postmasterOf } from '../../src/db/embedded/cluster.ts'
import { ownerForRoot } from '../../src/db/embedded/owner.ts'
import { type Db, openDb } from '../../src/db/pool.ts'
import { openSession } from '../harness/loop.ts'
import { type Random, seeded } from '../harness/seeded.ts'
import { check } from './check.ts'
import { type Server, startServer } from './server.ts'
import { startStorm } from './storm.ts'
import { addEvents, type Callers, type Credentials, callersAt, seedOrganisation } from './world.ts'

/** Where the server under test keeps its data. */
export type Place = { dataDir: string } | { databaseUrl: string }
export type Result = { rounds: number; acks: number; unanswered: number; slowestStartMs: number }

type Options = { place: Place; rounds: number; seed: number; onRound?(line: string): void }

const SECRET = 'a secret that only the storm knows, long enough'
const SESSIONS = 3
const EVENTS = 3
/** What a restart may take; a killed PostgreSQL first flushes every file of its folder before it recovers (0.6 to 2 s). */
const RESTART_MS = { server: 5_000, serverAndPostgres: 10_000 }

/**
 * Kills the server in the middle of a storm, starts it again, checks; `rounds` times. What the seed decides: who sends
 * what, when the kill comes, and whether the embedded PostgreSQL is killed with it.
 */
export async function stormRounds({ place, rounds, seed, onRound }: Options): Promise<Result> {
  const random = seeded(seed)
  const env = environment(place)
  const credentials = await seedOrganisation(env)
  const result: Result = { rounds: 0, acks: 0, unanswered: 0, slowestStartMs: 0 }
  let server = await startServer(env)
  try {
    for (let round = 1; round <= rounds; round++) {
      const killed = await stormAndKill(server, place, credentials, `s${seed}-r${round}`, random)
      server = await startServer(env)
      result.slowestStartMs = Math.max(result.slowestStartMs, server.readyMs)
      const limit = killed.withPostgres ? RESTART_MS.serverAndPostgres : RESTART_MS.server
      assert.ok(server.readyMs <= limit, `round ${round}: the restart took ${server.readyMs} ms`)
      const callers = await callersAt(server.url, credentials)
      await withDatabase(place, (db) => check(db, callers, killed.ledger, killed.sessions))
      const { ledger } = killed
      const unanswered = [...ledger.messages, ...ledger.confirms].filter(
        ({ acked }) => acked === undefined,
      ).length
      result.rounds = round
      result.acks += ledger.acks
      result.unanswered += unanswered
      onRound?.(
        `round ${round}: ${ledger.acks} acknowledged, ${unanswered} unanswered${killed.withPostgres ? ', PostgreSQL killed too' : ''}, served after ${server.readyMs} ms`,
      )
    }
  } finally {
    await server.stop()
  }
  return result
}

async function stormAndKill(
  server: Server,
  place: Place,
  credentials: Credentials,
  name: string,
  random: Random,
) {
  const callers = await callersAt(server.url, credentials)
  const { sessions, events } = await prepare(place, callers, name)
  const storm = startStorm(callers, { name, sessions, events }, random)
  await storm.ackedAtLeast(10 + random.below(150))
  await setTimeout(random.below(4))
  storm.killed()
  const withPostgres = 'dataDir' in place && random.below(4) === 0
  if (withPostgres) killPostgres(place.dataDir)
  await server.kill()
  await storm.finished
  return { ledger: storm.ledger, sessions, withPostgres }
}

async function prepare(place: Place, callers: Callers, name: string) {
  const sessions = []
  for (let n = 0; n < SESSIONS; n++) sessions.push(await openSession(callers.agent))
  const events = Array.from({ length: EVENTS }, (_, n) => `room-${name}-${n}`)
  await withDatabase(place, (db) => addEvents(db, events))
  return { sessions, events }
}

const environment = (place: Place): NodeJS.ProcessEnv => ({
  COUNTERSIGN_SECRET: SECRET,
  ...('dataDir' in place ? { COUNTERSIGN_DATA_DIR: place.dataDir } : { DATABASE_URL: place.databaseUrl }),
})

/** A connection beside the server's, closed before anything is killed. */
async function withDatabase<T>(place: Place, work: (db: Db) => Promise<T>): Promise<T> {
  const connection =
    'dataDir' in place
      ? locateCluster(place.dataDir, ownerForRoot()).connection
      : { connectionString: place.databaseUrl }
  const db = openDb({ ...connection, max: 1 })
  try {
    return await work(db)
  } finally {
    await db.end()
  }
}

function killPostgres(dataDir: string): void {
  const pid = postmasterOf(locateCluster(dataDir, ownerForRoot()))
  if (pid) process.kill(pid, 'SIGKILL')
}
