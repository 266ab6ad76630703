import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { authenticate } from '../access/authenticate.ts'
import type { Principal } from '../access/principal.ts'
import type { Deps } from '../deps.ts'
import { refusal } from './admit.ts'
import { actionLiteral, type Call, type Operation, type StreamItem } from './define.ts'
import { IdempotencyKey } from './envelope.ts'
import { asProblem, ERRORS, type ErrorCode, fail, Problem } from './errors.ts'
import { openStream, run } from './run.ts'
import { sendEvents } from './sse.ts'

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | null
    /** That no operation of the route admits the principal; told instead of whatever is wrong with the request. */
    refused: Problem | null
  }
}

/** Names the organisation for guests, and for people with several; never an input of an operation. */
const RESERVED_QUERY = 'artistId'

const fastifyPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1')

/** Mounts every operation. Those on one method and path are told apart by the `action` in the body. */
export function mountOperations(app: FastifyInstance, deps: Deps, operations: readonly Operation[]): void {
  app.decorateRequest('principal', null)
  app.decorateRequest('refused', null)
  const streams = new Set<AbortController>()
  // open streams would hold a closing server back until its clients leave; they reconnect with Last-Event-ID
  app.addHook('preClose', async () => {
    for (const open of streams) open.abort()
  })
  const routes = Map.groupBy(operations, ({ http }) => `${http.method} ${http.path}`)
  for (const group of routes.values()) {
    const { method, path } = (group[0] as Operation).http
    app.route({
      method,
      url: fastifyPath(path),
      onRequest: async (request) => {
        const principal = await authenticate(deps.access, credentials(request))
        const refused = hopeless(group, principal)
        // a guest's refusal is not audited, so nothing is worth reading a body for
        if (refused && principal.kind === 'guest') throw refused
        request.principal = principal
        request.refused = refused
      },
      handler: (request, reply) => answer(deps, group, streams, request, reply),
    })
  }
}

const credentials = (request: FastifyRequest) => {
  const { [RESERVED_QUERY]: artistId } = request.query as Record<string, unknown>
  if (artistId !== undefined && typeof artistId !== 'string')
    fail('validation-failed', {
      detail: 'artistId is given twice.',
      errors: [{ pointer: '/artistId', message: 'must be given once' }],
    })
  return { headers: request.headers, artistId, method: request.method }
}

/** Nobody learns about the body's form on a route that none of whose operations would admit them. */
function hopeless(group: readonly Operation[], principal: Principal): Problem | null {
  const refusals = group.map((operation) => refusal(operation.access, principal))
  const first = refusals[0]
  if (!first || refusals.some((each) => each === undefined)) return null
  return new Problem(first.code, { detail: first.detail })
}

async function answer(
  deps: Deps,
  group: readonly Operation[],
  streams: Set<AbortController>,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const body = bodyOf(request)
  const operation = choose(group, body)
  const raw = rawInput(operation, request, body)
  const call = callOf(deps, request)
  // from here on the executor refuses, and audits what it refuses
  request.refused = null
  if (operation.effect === 'read' && operation.stream && wantsStream(request))
    return stream(streams, request, reply, (signal) =>
      openStream(deps, operation, resumed(raw, request), { ...call, signal }),
    )
  const { status, body: answered, headers } = await run(deps, operation, raw, call)
  return reply.code(status).headers(headers).send(answered)
}

function bodyOf(request: FastifyRequest): Record<string, unknown> {
  if (request.method === 'GET' || request.method === 'DELETE') return {}
  const body = request.body ?? {}
  if (typeof body !== 'object' || Array.isArray(body))
    fail('validation-failed', {
      detail: 'The body must be a JSON object.',
      errors: [{ pointer: '', message: 'must be an object' }],
    })
  return body as Record<string, unknown>
}

function choose(group: readonly Operation[], body: Record<string, unknown>): Operation {
  if (group.length === 1) return group[0] as Operation
  const chosen = group.find((operation) => actionLiteral(operation) === body.action)
  if (chosen) return chosen
  const actions = group.map(actionLiteral).filter((action) => action !== undefined)
  return fail('validation-failed', {
    detail: `action must be one of ${actions.join(', ')}.`,
    errors: [{ pointer: '/action', message: `must be one of ${actions.join(', ')}` }],
  })
}

/** Path, query and body as one input; path parameters cannot be contradicted by the body. */
function rawInput(
  operation: Operation,
  request: FastifyRequest,
  body: Record<string, unknown>,
): Record<string, unknown> {
  const { [RESERVED_QUERY]: _organisation, ...query } = request.query as Record<string, unknown>
  const params = request.params as Record<string, string>
  for (const name of Object.keys(params))
    if (name in body && body[name] !== params[name])
      fail('validation-failed', {
        detail: `${name} in the body differs from the path.`,
        errors: [{ pointer: `/${name}`, message: 'must equal the path' }],
      })
  const typed = Object.entries(query).map(([name, value]) => [name, typedQuery(operation, name, value)])
  return { ...body, ...Object.fromEntries(typed), ...params }
}

/** Query values are text: numbers and booleans become what the field's schema says they are. */
function typedQuery(operation: Operation, name: string, value: unknown): unknown {
  const field = operation.input.shape[name] as z.ZodType | undefined
  if (!field || typeof value !== 'string') return value
  const bare = field instanceof z.ZodOptional ? (field.unwrap() as z.ZodType) : field
  if (bare instanceof z.ZodNumber) return /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value
  if (bare instanceof z.ZodBoolean) return value === 'true' ? true : value === 'false' ? false : value
  return value
}

const SESSION_HEADER = 'agent-session-id'

function callOf(deps: Deps, request: FastifyRequest): Call {
  const key = request.headers['idempotency-key']
  if (key !== undefined && !IdempotencyKey.safeParse(key).success)
    fail('validation-failed', {
      detail: 'Idempotency-Key must be 8 to 200 printable ASCII characters without spaces.',
      errors: [{ pointer: '/headers/Idempotency-Key', message: 'must be 8 to 200 printable characters' }],
    })
  const session = request.headers[SESSION_HEADER]
  return {
    principal: request.principal as Principal,
    requestId: request.id,
    origin: originOf(request, deps.config.url),
    idempotencyKey: key as string | undefined,
    sessionId: typeof session === 'string' ? session : undefined,
    reauthenticate: () => authenticate(deps.access, credentials(request)),
  }
}

/** Links follow the host that the request came in on; a configured public origin wins. */
export const originOf = (request: FastifyRequest, configured: string | undefined): string =>
  configured ?? `${request.protocol}://${request.host}`

const wantsStream = (request: FastifyRequest): boolean =>
  request.headers.accept?.includes('text/event-stream') ?? false

/** A reconnecting EventSource names the last event it saw; that wins over the cursor of its first request. */
function resumed(raw: Record<string, unknown>, request: FastifyRequest): Record<string, unknown> {
  const last = request.headers['last-event-id']
  return typeof last === 'string' && last !== '' ? { ...raw, cursor: last } : raw
}

async function stream(
  streams: Set<AbortController>,
  request: FastifyRequest,
  reply: FastifyReply,
  open: (signal: AbortSignal) => Promise<AsyncIterable<StreamItem>>,
) {
  const gone = new AbortController()
  streams.add(gone)
  for (const side of [request.raw, reply.raw]) side.once('close', () => gone.abort())
  try {
    return await sendEvents(reply, await open(gone.signal), gone.signal)
  } finally {
    streams.delete(gone)
  }
}

const FASTIFY_CODES: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed-request',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed-request',
  FST_ERR_BAD_URL: 'malformed-request',
}

/** What Fastify itself refuses, in our words. */
export function transportProblem(error: unknown): Problem {
  const code = FASTIFY_CODES[String((error as { code?: unknown }).code)]
  if (code) return new Problem(code, { detail: ERRORS[code].nextAction })
  const status = (error as { statusCode?: unknown }).statusCode
  if (!(error instanceof Problem) && typeof status === 'number' && status >= 400 && status < 500)
    return new Problem('malformed-request', { detail: 'The request is malformed.' })
  return asProblem(error)
}

/** Sends a problem as RFC 9457; agent routes carry `ok: false` and the hub's carry `error`, so all carry both. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .headers({ ...problem.options.headers, 'content-type': 'application/problem+json; charset=utf-8' })
    .send(JSON.stringify({ ok: false, ...problem.toBody() }))
}
