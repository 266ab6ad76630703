import { randomUUID } from 'node:crypto'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { authenticate } from './access/authenticate.ts'
import type { Principal } from './access/principal.ts'
import { registerAccessRoutes } from './access/routes.ts'
import { databaseProblem } from './db/problem.ts'
import type { Deps } from './deps.ts'
import { registerCalendar } from './embedded/calendar.ts'
import { registerHealth } from './health.ts'
import { serveSockets } from './live/socket/serve.ts'
import { admits } from './operation/admit.ts'
import { fail } from './operation/errors.ts'
import { mountOperations, originOf, sendProblem, transportProblem } from './operation/http.ts'
import { answerClientError } from './operation/http-client-error.ts'
import { LINES } from './operation/http-lines.ts'
import { mcpCatalog } from './operation/mcp.ts'
import { parseBody } from './operation/mcp-body.ts'
import { mcpHttp, mcpServing } from './operation/mcp-http.ts'
import { openapi } from './operation/openapi.ts'
import { run } from './operation/run.ts'
import { registerPages } from './pages/routes.ts'
import { registerStripeWebhooks } from './stripe/webhooks.ts'
import { VERSION } from './version.ts'

/** 1 MiB: fifty times the largest body of any contract; bulk import has its own stream. */
const BODY_LIMIT = 1_048_576

/** The HTTP server with every surface mounted; it does not listen yet. */
export async function buildApp(deps: Deps): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: deps.log as FastifyBaseLogger,
    // request lines are logged below, in one line each and without headers or bodies
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    genReqId: () => randomUUID(),
    trustProxy: deps.config.trustProxy ?? false,
    routerOptions: { maxParamLength: 500 },
    forceCloseConnections: 'idle',
    // what fails before there is a route or even a request
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, transportProblem(error)),
    clientErrorHandler: answerClientError,
  })
  app.removeContentTypeParser(['application/json', 'text/plain'])
  const json = ['application/json', 'application/merge-patch+json']
  app.addContentTypeParser(json, { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseBody(body).value)
    } catch (error) {
      done(error as Error)
    }
  })
  // read line by line, by the routes that take lines
  app.addContentTypeParser(LINES, (_request, payload, done) => done(null, payload))
  app.setErrorHandler((error, request, reply) => {
    const problem = request.refused ?? databaseProblem(error) ?? transportProblem(error)
    if (problem.code === 'internal') request.log.error({ err: error }, 'defect')
    return sendProblem(reply, problem)
  })
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, transportProblem(notFound(request.method, request.url))),
  )
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    reply.header('x-content-type-options', 'nosniff')
    reply.header('cache-control', 'no-store')
    // clients name a form even where they send nothing (axios: x-www-form-urlencoded); nothing has no type
    if (isEmpty(request.headers)) delete request.headers['content-type']
  })
  app.addHook('onResponse', async (request, reply) => {
    deps.metrics.requests.inc({ method: request.method, status: `${Math.floor(reply.statusCode / 100)}xx` })
    const path = request.routeOptions.url ?? 'unmatched'
    request.log.info(
      { method: request.method, path, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'request',
    )
  })

  registerHealth(app, deps)
  await registerAccessRoutes(app, deps.access)
  registerPages(app, deps)
  registerCalendar(app, deps)
  await registerStripeWebhooks(app, deps)
  mountOperations(app, deps, deps.operations)
  serveSockets(app, deps)
  const document = JSON.stringify(openapi(deps.operations, VERSION))
  app.get('/openapi.json', (_request, reply) => reply.type('application/json').send(document))
  await app.register((scope) => mcpHttp(scope, mcpOptions(deps)))
  return app
}

const isEmpty = (headers: FastifyRequest['headers']): boolean =>
  headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'

const notFound = (method: string, url: string): unknown => {
  try {
    return fail('not-found', {
      detail: `There is no ${method} ${url.split('?')[0]}.`,
      nextAction: 'See /openapi.json and /llms.txt for what there is.',
    })
  } catch (error) {
    return error
  }
}

/** The list of operations as MCP serves it. */
export const catalogOf = (deps: Deps) =>
  mcpCatalog({
    operations: deps.operations,
    run: (operation, input, call) => run(deps, operation, input, call),
    visible: (principal, operation) => admits(operation.access, principal),
    watch(operation, input, caller, changed) {
      if (operation.effect !== 'read' || !operation.follows) return () => {}
      return deps.feed.follow(caller.principal.org, operation.follows(input), changed)
    },
    info: { name: 'countersign', version: VERSION },
    instructions:
      'Preview before you write. Open a session, request an approval with the planDigest of the preview, let a person decide at its url, then confirm with envelope.approval. Every refusal says what to do next.',
  })

const mcpOptions = (deps: Deps) => ({
  ...mcpServing(catalogOf(deps)),
  authenticate: (credential: McpCredential) => authenticateMcp(deps, credential),
  originOf: (request: Parameters<typeof originOf>[0]) => originOf(request, deps.config.url),
  allowedHosts: [
    'localhost',
    '127.0.0.1',
    '[::1]',
    deps.config.host,
    ...(deps.config.url ? [new URL(deps.config.url).hostname] : []),
  ],
  onError: (error: Error) => deps.log.debug({ err: error }, 'mcp'),
})

type McpCredential = { authorization?: string; artistId?: string }

/** Where guests have no organisation to look at, a client without a credential is asked for one: that starts OAuth. */
async function authenticateMcp(deps: Deps, { authorization, artistId }: McpCredential): Promise<Principal> {
  if (!authorization && !artistId && !deps.config.defaultOrg)
    fail('unauthenticated', 'There is no organisation for guests here; send a bearer credential.')
  return authenticate(deps.access, { headers: { authorization }, artistId })
}
