import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { type Access, type AccessDeps, createAccess } from '../../src/access/auth.ts'
import { createOrganisation } from '../../src/access/organisations.ts'
import { registerAccessRoutes } from '../../src/access/routes.ts'
import { createUser } from '../../src/access/users.ts'
import { asProblem } from '../../src/operation/errors.ts'
import { type TestDatabase, testDatabase } from './database.ts'

export const PASSWORD = 'correct horse battery'

const UNLIMITED = { window: 60, max: 100_000 }

export type TestAccess = {
  access: Access
  database: TestDatabase
  /** Everything logged so far, as one text. */
  logged(): string
  /** Moves the clock that access goes by. */
  advance(milliseconds: number): void
  drop(): Promise<void>
}

/** Access on a database of its own, with the organisations laurel and other and an owner in each. */
export async function testAccess(options: Partial<Pick<AccessDeps, 'limits'>> = {}): Promise<TestAccess> {
  const database = await testDatabase()
  const lines: string[] = []
  let ahead = 0
  const access = createAccess({
    db: database.db,
    config: {
      secret: 'a secret that only this test knows, long enough',
      defaultOrg: 'laurel',
      port: 4000,
      host: '127.0.0.1',
    },
    log: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }),
    clock: () => new Date(Date.now() + ahead),
    limits: { signIn: UNLIMITED, register: UNLIMITED, token: UNLIMITED },
    ...options,
  })
  for (const slug of ['laurel', 'other']) {
    await createOrganisation(access, { slug })
    await createUser(access, {
      email: `owner@${slug}.test`,
      password: PASSWORD,
      name: `${slug} owner`,
      org: slug,
      role: 'owner',
    })
  }
  return {
    access,
    database,
    logged: () => lines.join(''),
    advance: (milliseconds) => {
      ahead += milliseconds
    },
    drop: () => database.drop(),
  }
}

/** The access routes alone, served as the application serves them. */
export async function accessApp(access: Access): Promise<FastifyInstance> {
  const app = fastify({ loggerInstance: access.log as FastifyBaseLogger })
  app.setErrorHandler((error, _request, reply) => {
    const problem = asProblem(error)
    const { statusCode } = error as { statusCode?: number }
    if (problem.code === 'internal' && statusCode && statusCode < 500)
      return reply.code(statusCode).send({ error: 'refused' })
    return reply
      .code(problem.status)
      .headers(problem.options.headers ?? {})
      .send(problem.toBody())
  })
  await registerAccessRoutes(app, access)
  return app
}

/** Signs in by the route that scripts use; answers the Cookie header. */
export async function signIn(app: FastifyInstance, email: string, password = PASSWORD): Promise<string> {
  const response = await app.inject({
    method: 'POST',
    url: '/api/auth/sign-in/email',
    payload: { email, password },
  })
  if (response.statusCode !== 200)
    throw new Error(`sign-in answered ${response.statusCode}: ${response.body}`)
  return response.cookies.map(({ name, value }) => `${name}=${encodeURIComponent(value)}`).join('; ')
}
