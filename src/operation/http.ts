import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { authenticate } from '../access/authenticate.ts'
import type { Principal } from '../access/principal.ts'
import type { Deps } from '../deps.ts'
import { refusal } from './admit.ts'
import type { Reply } from './context.ts'
import { actionLiteral, type Call, fixedQuery, type Operation } from './define.ts'
import { ApprovalReference, IdempotencyKey } from './envelope.ts'
import { asProblem, ERRORS, type ErrorCode, fail, Problem } from './errors.ts'
import { isStream, LINES, runLines, sendLines } from './http-lines.ts'
import { openLines, openStream, run } from './run.ts'
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

/** A colon of the path itself (`index:rebuild`) is written twice, since Fastify's parameters begin with one. */
const fastifyPath = (path: string): string => path.replaceAll(':', '::').replaceAll(/\{(\w+)\}/g, ':$1')

/** Mounts every operation. Those on one method and path are told apart by the `action` in the body or by the query. */
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

/** What a request says of who makes it. */
export const credentials = (request: FastifyRequest) => {
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
  const body = bodyOf(group, request)
  const operation = choose(group, body, request.query as Record<string, unknown>)
  const raw = rawInput(operation, request, body)
  const call = callOf(deps, request)
  // from here on the executor refuses, and audits what it refuses
  request.refused = null
  if (operation.effect === 'read' && operation.stream && accepts(request, 'text/event-stream'))
    return abortable(streams, request, reply, async (signal) =>
      sendEvents(
        reply,
        await openStream(deps, operation, resumed(raw, request), { ...call, signal }),
        signal,
      ),
    )
  if (operation.effect === 'read' && operation.lines && accepts(request, LINES))
    return reply.type(LINES).send(sendLines(await openLines(deps, operation, raw, call)))
  if (operation.http.lines && isStream(request.body))
    return reply.type(LINES).send(await runLines(deps, { operation, raw, call, body: request.body }))
  // what can be followed may also wait for something to tell
  if (operation.effect === 'read' && operation.stream)
    return abortable(streams, request, reply, async (signal) =>
      sendReply(reply, operation, await run(deps, operation, raw, { ...call, signal })),
    )
  return sendReply(reply, operation, await run(deps, operation, raw, call))
}

/** The whole answer, or the one output that a route gives as its answer with others in headers. */
function sendReply(reply: FastifyReply, operation: Operation, { status, body, headers }: Reply) {
  const { answer } = operation.http
  // a plan that was asked for is no resource
  if (!answer || !(answer.body in body)) return reply.code(status).headers(headers).send(body)
  const own = Object.entries(answer.headers).flatMap(([header, field]) => {
    const value = body[field]
    if (value === undefined || value === null) return []
    return [[header, HEADER_FORMS[header]?.(value) ?? headerText(value)]]
  })
  return reply
    .code(status)
    .headers({ ...headers, ...Object.fromEntries(own) })
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(body[answer.body]))
}

/** Header values are ASCII (RFC 9110, 5.5): the rest is percent-encoded, and so is the percent sign itself. */
const headerText = (value: unknown): string =>
  String(value).replaceAll(/[^\x20-\x24\x26-\x7e]+/gu, (text) => encodeURIComponent(text))

/** Forms that HTTP gives to some headers (RFC 9110, 8.8.2 and 8.8.3). */
const HEADER_FORMS: Record<string, (value: unknown) => string> = {
  etag: (value) => `"${value}"`,
  'last-modified': (value) => new Date(String(value)).toUTCString(),
}

function bodyOf(group: readonly Operation[], request: FastifyRequest): Record<string, unknown> {
  if (request.method === 'GET' || request.method === 'DELETE') return {}
  const whole = group[0]?.http.body
  const body = request.body ?? {}
  // its lines become the input one batch after the other
  if (isStream(body))
    return group[0]?.http.lines ? {} : fail('unsupported-media-type', 'Send application/json.')
  if (whole !== undefined) return request.body === undefined ? {} : { [whole]: request.body }
  if (typeof body !== 'object' || Array.isArray(body))
    fail('validation-failed', {
      detail: 'The body must be a JSON object.',
      errors: [{ pointer: '', message: 'must be an object' }],
    })
  return body as Record<string, unknown>
}

function choose(
  group: readonly Operation[],
  body: Record<string, unknown>,
  query: Record<string, unknown>,
): Operation {
  if (group.length === 1) return group[0] as Operation
  if (group[0]?.http.method === 'GET') return chooseByQuery(group, query)
  const chosen = group.find((operation) => actionLiteral(operation) === body.action)
  if (chosen) return chosen
  const actions = group.map(actionLiteral).filter((action) => action !== undefined)
  return fail('validation-failed', {
    detail: `action must be one of ${actions.join(', ')}.`,
    errors: [{ pointer: '/action', message: `must be one of ${actions.join(', ')}` }],
  })
}

/** The read whose query is all given; of several the one that asks for most. One of the group asks for none. */
function chooseByQuery(group: readonly Operation[], given: Record<string, unknown>): Operation {
  const asked = ({ http }: Operation) => Object.entries(http.query ?? {})
  const fits = group.filter((each) =>
    asked(each).every(([name, value]) =>
      value === true ? Object.hasOwn(given, name) : given[name] === value,
    ),
  )
  const [chosen] = fits.sort((a, b) => asked(b).length - asked(a).length)
  if (chosen) return chosen
  const names = [...new Set(group.flatMap((each) => asked(each).map(([name]) => name)))]
  return fail('validation-failed', {
    detail: `The query must name ${names.join(' or ')}.`,
    errors: names.map((name) => ({ pointer: `/${name}`, message: 'is one of those that must be given' })),
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
  const fixed = fixedQuery(operation.http)
  const typed = Object.entries(query)
    .filter(([name]) => !Object.hasOwn(fixed, name))
    .map(([name, value]) => [name, typedQuery(operation, name, value)])
  const typedParams = Object.entries(params).map(([name, value]) => [
    name,
    typedQuery(operation, name, value),
  ])
  return {
    ...body,
    ...Object.fromEntries(typed),
    ...inputHeaders(operation, request),
    ...Object.fromEntries(typedParams),
  }
}

/** Inputs that a route takes from headers; `"3"` and `W/"3"` read as 3, `*` as true. */
function inputHeaders(operation: Operation, request: FastifyRequest): Record<string, unknown> {
  const given = Object.entries(operation.http.headers ?? {}).flatMap(([header, field]) => {
    const value = request.headers[header]
    if (typeof value !== 'string') return []
    const bare = value.trim().replace(/^(?:W\/)?"(.*)"$/, '$1')
    return [[field, bare === '*' ? true : typedQuery(operation, field, bare)]]
  })
  return Object.fromEntries(given)
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
const APPROVAL_HEADER = 'countersign-approval'

/** The approval that a write without an envelope executes: its id, a space, the digest of its plan. */
function approvalOf(header: string | string[] | undefined): Call['approval'] {
  if (header === undefined) return undefined
  const [id, planDigest, ...rest] = String(header).split(' ')
  const named = ApprovalReference.safeParse({ id, planDigest })
  if (named.success && rest.length === 0) return named.data
  const message = 'must be the id of an approval, a space, and its planDigest'
  return fail('validation-failed', {
    detail: `Countersign-Approval ${message}.`,
    errors: [{ pointer: '/headers/Countersign-Approval', message }],
  })
}

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
    approval: approvalOf(request.headers[APPROVAL_HEADER]),
    reauthenticate: () => authenticate(deps.access, credentials(request)),
  }
}

/** Links follow the host that the request came in on; a configured public origin wins. */
export const originOf = (request: FastifyRequest, configured: string | undefined): string =>
  configured ?? `${request.protocol}://${request.host}`

const accepts = (request: FastifyRequest, type: string): boolean =>
  request.headers.accept?.includes(type) ?? false

/** A reconnecting EventSource names the last event it saw; that wins over the cursor of its first request. */
function resumed(raw: Record<string, unknown>, request: FastifyRequest): Record<string, unknown> {
  const last = request.headers['last-event-id']
  return typeof last === 'string' && last !== '' ? { ...raw, cursor: last } : raw
}

/** Work that may take as long as the client stays; it is told when that leaves, or the server closes. */
async function abortable<T>(
  streams: Set<AbortController>,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const gone = new AbortController()
  streams.add(gone)
  for (const side of [request.raw, reply.raw]) side.once('close', () => gone.abort())
  try {
    return await work(gone.signal)
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
