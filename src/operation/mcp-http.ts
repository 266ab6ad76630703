import {
  createMcpHandler,
  InMemoryServerEventBus,
  isLegacyRequest,
  type LegacyHttpHandler,
  localhostAllowedHostnames,
  type McpHttpHandler,
  type McpServer,
  type Server,
  type ServerEventBus,
  validateHostHeader,
  validateOriginHeader,
} from '@modelcontextprotocol/server'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Principal } from '../access/principal.ts'
import { asProblem, fail, Problem } from './errors.ts'
import { mcpServer } from './mcp.ts'
import { parseBody } from './mcp-body.ts'
import type { McpCaller, McpCatalog } from './mcp-catalog.ts'
import { isListen, type McpListen, mcpListen, serveListen } from './mcp-listen.ts'
import { bearerChallenge } from './mcp-refusal.ts'

/** One MCP server for one exchange. `legacy` is a revision up to 2025-11-25, `modern` is 2026-07-28. */
export type McpServerFor = (caller: McpCaller, era: 'legacy' | 'modern') => Server | McpServer

export type McpHttpOptions = {
  serverFor: McpServerFor
  /** Only the bearer of the Authorization header counts here: no cookie and no query parameter is a credential. */
  authenticate(credential: { authorization?: string; artistId?: string }): Promise<Principal>
  /** Public origin that links in answers start with. */
  originOf(request: FastifyRequest): string
  /** Host names (without port) that Host and Origin may name; the localhost names unless told. */
  allowedHosts?: string[]
  /** Whether a guest's message asks for what takes a credential: such a one is answered 401, which starts OAuth. */
  asksForCredential?(principal: Principal, body: unknown): boolean
  /** What subscriptions may follow; without it none is offered. */
  listen?: McpListen
  path?: string
  /** Largest body, in bytes. */
  bodyLimit?: number
  /** Serves the revisions up to 2025-11-25 otherwise than statelessly. */
  legacy?: LegacyHttpHandler
  bus?: ServerEventBus
  onError?(error: Error): void
}

/** One HTTP request on its way to the protocol handler. */
export type McpExchange = {
  request: Request
  body: unknown
  caller: McpCaller
  /** Ends the exchange from our side. */
  abort(): void
  /** Runs when the response is over, however it ended. */
  onEnd(release: () => void): void
  /** Authenticates the same credential again; rejects when it is no longer good. */
  reauthenticate(): Promise<Principal>
}

/** What serves a catalog over HTTP. Only the modern revision can be told of changes without a session of ours. */
export function mcpServing(
  catalog: McpCatalog,
): Pick<McpHttpOptions, 'serverFor' | 'listen' | 'asksForCredential'> {
  const listen = mcpListen(catalog)
  return {
    serverFor: (caller, era) =>
      mcpServer(catalog, { who: async () => caller, subscribe: era === 'modern' && listen !== undefined }),
    asksForCredential: (principal, body) =>
      principal.kind === 'guest' && callsHidden(catalog, principal, body),
    ...(listen ? { listen } : {}),
  }
}

/** A call of a tool that exists and is not for this principal. */
function callsHidden(catalog: McpCatalog, principal: Principal, body: unknown): boolean {
  const { method, params } = (body ?? {}) as { method?: unknown; params?: { name?: unknown } }
  if (method !== 'tools/call') return false
  const tool = catalog.tools.get(String(params?.name))
  return tool !== undefined && !catalog.options.visible(principal, tool.operation)
}

const PATH = '/mcp'

/** RFC 9728: the well-known path goes before the path of the resource. */
const resourceMetadataOf = (request: FastifyRequest, { originOf, path }: McpHttpOptions): string =>
  `${originOf(request)}/.well-known/oauth-protected-resource${path ?? PATH}`

const ALLOW_HOST = 'Call the server by its configured public name, or by localhost.'

const principals = new WeakMap<FastifyRequest, Principal>()

/**
 * Mounts stateless streamable HTTP at `path` (`/mcp`). Refusals are JSON-RPC errors with a 4xx status; nothing that
 * a client sends makes a 5xx. Register it as a plugin: body parser and error handler stay within its scope.
 */
export async function mcpHttp(app: FastifyInstance, options: McpHttpOptions): Promise<void> {
  const bus = options.bus ?? new InMemoryServerEventBus()
  const handler = protocolHandler(options, bus)

  app.removeAllContentTypeParsers()
  const limit = { parseAs: 'buffer' as const, bodyLimit: options.bodyLimit ?? 1_048_576 }
  app.addContentTypeParser('*', limit, (_request, body, done) => done(null, body))
  app.addHook('onRequest', async (request) => {
    refuseForeignNames(request, options.allowedHosts ?? localhostAllowedHostnames())
    principals.set(request, await options.authenticate(credentialOf(request)))
  })
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = problemOf(error)
    if (problem.status >= 500) request.log.error({ err: error }, 'mcp request failed')
    return refuse(problem, reply, resourceMetadataOf(request, options))
  })
  app.addHook('preClose', () => handler.close())

  app.all(options.path ?? PATH, async (request, reply) => {
    const exchange = exchangeOf(request, reply, options)
    return reply.send(await answer(handler, exchange, options, bus))
  })
}

function protocolHandler(options: McpHttpOptions, bus: ServerEventBus): McpHttpHandler {
  return createMcpHandler(
    ({ era, authInfo }) => options.serverFor(authInfo?.extra?.caller as McpCaller, era),
    {
      bus,
      ...(options.legacy ? { legacy: 'reject' } : {}),
      ...(options.onError ? { onerror: options.onError } : {}),
    },
  )
}

async function answer(
  handler: McpHttpHandler,
  exchange: McpExchange,
  options: McpHttpOptions,
  bus: ServerEventBus,
): Promise<Response> {
  const { request, body } = exchange
  if (options.asksForCredential?.(exchange.caller.principal, body))
    fail('unauthenticated', 'This tool is for callers with a credential.')
  // The token is left out on purpose: nothing behind this point needs it.
  const authInfo = { token: '', clientId: '', scopes: [], extra: { caller: exchange.caller } }
  const pass = (parsedBody: unknown) =>
    handler.fetch(request, { authInfo, ...(parsedBody === undefined ? {} : { parsedBody }) })
  if (options.legacy && (await isLegacyRequest(request, body))) {
    return options.legacy(request, { authInfo, ...(body === undefined ? {} : { parsedBody: body }) })
  }
  if (options.listen && isListen(body)) return serveListen(options.listen, bus, exchange, body, pass)
  return pass(body)
}

function exchangeOf(request: FastifyRequest, reply: FastifyReply, options: McpHttpOptions): McpExchange {
  const gone = new AbortController()
  const releases: (() => void)[] = []
  let over = false
  reply.raw.on('close', () => {
    over = true
    if (!reply.raw.writableFinished) gone.abort()
    for (const release of releases) release()
  })
  const parsed = request.method === 'POST' ? parseBody(request.body) : undefined
  return {
    request: new Request(new URL(request.url, 'http://localhost'), {
      method: request.method,
      headers: headersOf(request),
      signal: gone.signal,
      ...(parsed ? { body: parsed.text } : {}),
    }),
    body: parsed?.value,
    caller: {
      principal: principals.get(request)!,
      requestId: request.id,
      origin: options.originOf(request),
      resourceMetadata: resourceMetadataOf(request, options),
    },
    abort: () => gone.abort(),
    // The client may have left while its rights were looked up.
    onEnd: (release) => void (over ? release() : releases.push(release)),
    reauthenticate: () => options.authenticate(credentialOf(request)),
  }
}

function headersOf(request: FastifyRequest): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    // The credential has done its work, and cookies never count here.
    if (value === undefined || name === 'authorization' || name === 'cookie') continue
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one)
  }
  return headers
}

function credentialOf(request: FastifyRequest): { authorization?: string; artistId?: string } {
  const { artistId } = request.query as { artistId?: unknown }
  const { authorization } = request.headers
  if (artistId !== undefined && typeof artistId !== 'string') {
    const errors = [{ pointer: '/artistId', message: 'must be given once' }]
    fail('validation-failed', { detail: 'artistId is given twice.', errors })
  }
  return {
    ...(authorization === undefined ? {} : { authorization }),
    ...(artistId === undefined ? {} : { artistId }),
  }
}

/** DNS rebinding: a page of a foreign name that resolves to us still sends its own name in Host and Origin. */
function refuseForeignNames(request: FastifyRequest, allowed: string[]): void {
  const host = validateHostHeader(request.headers.host, allowed)
  if (!host.ok) fail('forbidden', { detail: 'This Host is not served here.', nextAction: ALLOW_HOST })
  const origin = validateOriginHeader(request.headers.origin, allowed)
  if (!origin.ok)
    fail('forbidden', { detail: 'This Origin may not call from a page.', nextAction: ALLOW_HOST })
}

function problemOf(error: FastifyError): Problem {
  if (error instanceof Problem) return error
  if (error.statusCode === 413) return new Problem('too-large', { detail: 'The body is too large.' })
  if (error.statusCode === 415) {
    return new Problem('unsupported-media-type', { detail: 'Content-Type must be application/json.' })
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new Problem('malformed-request', { detail: 'The request could not be read.' })
  }
  return asProblem(error)
}

/** The problem as a JSON-RPC error; a 401 says where to get a token (RFC 9728). */
function refuse(problem: Problem, reply: FastifyReply, resourceMetadata: string): FastifyReply {
  if (problem.status === 401) reply.header('www-authenticate', bearerChallenge(problem, resourceMetadata))
  for (const [name, value] of Object.entries(problem.options.headers ?? {})) reply.header(name, value)
  const code = problem.code === 'malformed-request' ? -32700 : problem.status >= 500 ? -32603 : -32000
  return reply
    .code(problem.status)
    .type('application/json')
    .send({ jsonrpc: '2.0', id: null, error: { code, message: problem.message, data: problem.toBody() } })
}
