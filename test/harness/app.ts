import type { FastifyInstance } from 'fastify'
import type { DestinationStream } from 'pino'
import { createAccess } from '../../src/access/auth.ts'
import { createKey, type NewKey } from '../../src/access/keys.ts'
import { createOrganisation } from '../../src/access/organisations.ts'
import type { MemberRole } from '../../src/access/principal.ts'
import { createUser } from '../../src/access/users.ts'
import { buildApp } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'
import { createLogFeed } from '../../src/db/log-feed.ts'
import type { Deps } from '../../src/deps.ts'
import { type EmbeddedRoom, ROOM_DEFAULTS } from '../../src/embedded/rules.ts'
import { insertRoom } from '../../src/embedded/store.ts'
import { createPostbox } from '../../src/live/room/post.ts'
import { DEFAULTS, type LiveEvent } from '../../src/live/rules.ts'
import { insertEvent } from '../../src/live/store.ts'
import { createLogger } from '../../src/log.ts'
import { LOGS } from '../../src/logs.ts'
import { createMetrics } from '../../src/metrics.ts'
import type { Operation } from '../../src/operation/define.ts'
import { createSealing } from '../../src/operation/sealing.ts'
import { OPERATIONS } from '../../src/operations.ts'
import { type TestDatabase, testDatabase } from './database.ts'

export const SECRET = 'test-secret-of-at-least-thirty-two-characters'
/** Tests sign in more often than people do. */
const MANY = { window: 60, max: 10_000 }
export const PASSWORD = 'correct horse battery staple'

export type Reply = { status: number; body: Record<string, any>; headers: Headers }
/** One caller: a bearer, a cookie or nothing. */
export type Caller = {
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>
  headers: Record<string, string>
}

export type TestApp = {
  app: FastifyInstance
  deps: Deps
  database: TestDatabase
  url: string
  /** Lines that the server logged. */
  logged: string[]
  /** Moves the server's clock. */
  advance(ms: number): void
  org(slug: string): Promise<void>
  /** A signed-in person (cookie session through the real sign-in). */
  person(org: string, role: MemberRole, email?: string): Promise<Caller & { email: string }>
  key(
    input: Partial<NewKey> & { org: string; role: NewKey['role'] },
  ): Promise<Caller & { bearer: string; id: string }>
  guest(): Caller
  event(org: string, overrides?: Partial<LiveEvent>): Promise<LiveEvent>
  room(org: string, overrides?: Partial<EmbeddedRoom>): Promise<EmbeddedRoom>
  close(): Promise<void>
}

/** The real server on a database of its own, listening on a port of its own. */
export async function testApp(
  options: { operations?: readonly Operation[]; database?: TestDatabase; config?: Partial<Config> } = {},
): Promise<TestApp> {
  const database = options.database ?? (await testDatabase())
  const logged: string[] = []
  const destination: DestinationStream = { write: (line) => void logged.push(line) }
  const log = createLogger({ logLevel: 'trace' }, destination)
  const config: Config = {
    port: 0,
    host: '127.0.0.1',
    dataDir: '/nonexistent',
    secret: SECRET,
    defaultOrg: 'laurel',
    logLevel: 'trace',
    trustProxy: false,
    ...options.config,
  }
  let skew = 0
  const { db } = database
  const clock = () => new Date(Date.now() + skew)
  const access = createAccess({
    db,
    config,
    log,
    clock,
    limits: { signIn: MANY, register: MANY, token: MANY },
  })
  const deps: Deps = {
    config,
    db,
    log,
    access,
    clock,
    sealing: createSealing(SECRET),
    feed: createLogFeed(db, log, LOGS),
    postbox: createPostbox(db),
    metrics: createMetrics(db),
    operations: options.operations ?? OPERATIONS,
  }
  const app = await buildApp(deps)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const url = `http://127.0.0.1:${port}`
  const caller = (headers: Record<string, string>): Caller => ({
    headers,
    call: (...args) => request(url, headers, ...args),
  })
  let people = 0
  return {
    app,
    deps,
    database,
    url,
    logged,
    advance: (ms) => {
      skew += ms
    },
    org: async (slug) => void (await createOrganisation(access, { slug })),
    async person(org, role, email = `person-${++people}@${org}.example`) {
      await createUser(access, { org, role, email, password: PASSWORD, name: `Person ${people}` })
      return { ...caller({ cookie: await signIn(url, email), origin: url }), email }
    },
    async key(input) {
      const created = await createKey(access, input as NewKey)
      return { ...caller({ authorization: `Bearer ${created.key}` }), bearer: created.key, id: created.id }
    },
    guest: () => caller({}),
    event: (org, overrides) => addEvent(deps, org, overrides),
    room: (org, overrides) => addRoom(deps, org, overrides),
    async close() {
      await app.close()
      await deps.feed.close()
      await database.drop()
    },
  }
}

async function request(
  url: string,
  own: Record<string, string>,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(url + path, {
    method,
    headers: { ...own, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    redirect: 'manual',
  })
  const text = await response.text()
  const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, body: isJson ? JSON.parse(text) : { text }, headers: response.headers }
}

/** Signs in by the documented route; answers the cookie. */
async function signIn(url: string, email: string): Promise<string> {
  const response = await fetch(`${url}/api/auth/sign-in/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify({ email, password: PASSWORD }),
  })
  if (!response.ok) throw new Error(`sign-in: ${response.status} ${await response.text()}`)
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')
}

/** The contract's own room: 7:00 PM in Los Angeles on 20 May 2026. */
async function addEvent(deps: Deps, org: string, overrides: Partial<LiveEvent> = {}): Promise<LiveEvent> {
  const event: LiveEvent = {
    ...DEFAULTS,
    id: 'laurel-studio-room-1a2b3c4d',
    title: 'Laurel Studio Room',
    status: 'scheduled',
    startsAt: new Date('2026-05-21T02:00:00.000Z'),
    timeZone: 'America/Los_Angeles',
    version: 1,
    createdAt: new Date('2026-05-14T09:00:00.000Z'),
    updatedAt: new Date('2026-05-14T09:00:00.000Z'),
    ...overrides,
  }
  await insertEvent(deps.db, org, event)
  return event
}

/** A public room that is live. */
async function addRoom(
  deps: Deps,
  org: string,
  overrides: Partial<EmbeddedRoom> = {},
): Promise<EmbeddedRoom> {
  const createdAt = new Date('2026-05-14T09:00:00.000Z')
  const room: EmbeddedRoom = {
    ...ROOM_DEFAULTS,
    id: 'laurel-webinar-1a2b3c4d',
    title: 'Laurel Webinar',
    access: 'public',
    status: 'live',
    startsAt: new Date('2026-05-21T02:00:00.000Z'),
    timeZone: 'America/Los_Angeles',
    version: 1,
    createdAt,
    updatedAt: createdAt,
    ...overrides,
  }
  await insertRoom(deps.db, org, room)
  return room
}
