import type { z } from 'zod'
import { actionLiteral, answerSchema, fixedQuery, type Operation } from './define.ts'
import { ERRORS, type ErrorCode } from './errors.ts'
import { inlineDefinitions, isNamed, jsonSchema } from './json-schema.ts'
import { PlanAnswer } from './plan.ts'

type Json = Record<string, unknown>

/** Errors that any call may meet besides the ones its operation names. */
const COMMON: readonly ErrorCode[] = [
  'malformed-request',
  'validation-failed',
  'not-found',
  'internal',
  'unavailable',
]

/** What the kernel itself may refuse an operation with, by what the operation declares. */
function errorsOf(operation: Operation): ErrorCode[] {
  const { access, effect, errors, http } = operation
  const open = access.auth === 'guest' || access.auth === 'optional-session'
  const records = effect === 'write' || effect === 'record'
  return [
    // a bearer that does not hold is refused everywhere, and so is another page's use of a cookie
    'unauthenticated',
    'forbidden',
    ...(access.scope ? (['scope-missing'] as const) : []),
    ...(http.method === 'GET' ? [] : (['too-large', 'unsupported-media-type'] as const)),
    ...(operation.ownEvents || open ? [] : (['session-ended'] as const)),
    ...(records ? (['idempotency-mismatch', 'idempotency-in-flight'] as const) : []),
    ...(effect === 'write' ? WRITE_ERRORS : []),
    ...(effect === 'write' && operation.confirmation.envelope ? ENVELOPE_ERRORS : []),
    ...errors,
  ]
}

const WRITE_ERRORS: readonly ErrorCode[] = [
  'approval-required',
  'stale',
  'plan-blocked',
  'plan-changed',
  'plan-mismatch',
  'approval-not-approved',
  'approval-consumed',
  'session-ended',
]
const ENVELOPE_ERRORS: readonly ErrorCode[] = ['idempotency-key-required', 'confirmation-mismatch']

/** Input as a whole, since clients generate one form from it; in output what has a name of its own is a component. */
const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...json } = inlineDefinitions(
    jsonSchema(schema, io),
    io === 'output' ? component : none,
  )
  return json
}

const none = () => undefined
const component = (name: string) => (isNamed(name) ? `#/components/schemas/${name}` : undefined)

/** The named schemas that answers refer to. */
function components(operations: readonly Operation[]): Record<string, Json> {
  const all = operations.flatMap((operation) => {
    const { $defs = {} } = jsonSchema(answerSchema(operation), 'output') as { $defs?: Record<string, Json> }
    const named = Object.entries($defs).filter(([name]) => isNamed(name))
    return named.map(([name, schema]) => [name, inlineDefinitions({ $defs, ...schema }, component)] as const)
  })
  return Object.fromEntries(all.map(([name, { id: _, ...schema }]) => [name, schema]))
}

const without = (schema: Json, names: readonly string[]): Json => ({
  ...schema,
  properties: Object.fromEntries(
    Object.entries((schema.properties ?? {}) as Json).filter(([name]) => !names.includes(name)),
  ),
  required: ((schema.required ?? []) as string[]).filter((name) => !names.includes(name)),
})

const pathNames = (path: string): string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string)

/** Inputs that are no part of the body: in the path, in headers, and all others where the body is one of them. */
const outsideBody = (operation: Operation): string[] => {
  const { method, path, body, headers = {} } = operation.http
  const inQuery = method === 'GET' || method === 'DELETE' || body !== undefined
  const all = Object.keys(operation.input.shape).filter((name) => name !== body)
  return inQuery ? all : [...pathNames(path), ...Object.values(headers)]
}

/** Those of all operations on the route; one that some of them do without is not required. */
function routeParameters(group: readonly Operation[]): Json[] {
  const each = group.map(parameters)
  const byName = Map.groupBy(each.flat(), ({ in: place, name }) => `${place} ${name}`)
  return [...byName.values()].map((same) => ({
    ...same[0],
    required: same.length === group.length && same.every(({ required }) => required),
  }))
}

function parameters(operation: Operation): Json[] {
  const input = schemaOf(operation.input, 'input')
  const properties = (input.properties ?? {}) as Record<string, Json>
  const required = new Set((input.required ?? []) as string[])
  const inPath = pathNames(operation.http.path)
  const header = Object.fromEntries(
    Object.entries(operation.http.headers ?? {}).map(([name, field]) => [field, name]),
  )
  const own = outsideBody(operation).map((name) => ({
    name: header[name] ?? name,
    in: inPath.includes(name) ? 'path' : name in header ? 'header' : 'query',
    required: inPath.includes(name) || required.has(name),
    schema: properties[name],
    ...(properties[name]?.description ? { description: properties[name]?.description } : {}),
  }))
  const fixed = Object.entries(fixedQuery(operation.http)).map(([name, value]) => ({
    ...{ name, in: 'query', required: true, schema: { const: value } },
    description: `Calls ${operation.id}`,
  }))
  return [...own, ...fixed, ...headers(operation)]
}

function headers(operation: Operation): Json[] {
  const optional = (name: string, schema: Json, description?: string): Json => ({
    name,
    in: 'header',
    required: false,
    schema,
    ...(description ? { description } : {}),
  })
  const changes = operation.effect === 'write' || operation.effect === 'record'
  const bare = operation.effect === 'write' && !operation.confirmation.envelope
  return [
    ...(operation.ownEvents
      ? []
      : [optional('Agent-Session-Id', { type: 'string' }, 'Records the call in this session')]),
    ...(changes ? [optional('Idempotency-Key', { type: 'string', minLength: 8, maxLength: 200 })] : []),
    ...(bare
      ? [
          optional(
            'Countersign-Approval',
            { type: 'string' },
            'The approval to execute: its id, a space, the planDigest',
          ),
        ]
      : []),
  ]
}

function requestBody(group: readonly Operation[]): Json | undefined {
  const { http, input } = group[0] as Operation
  if (http.method === 'GET' || http.method === 'DELETE') return undefined
  const whole = http.body && ((schemaOf(input, 'input').properties ?? {}) as Json)[http.body]
  const schemas = group.map((operation) => ({
    title: operation.id,
    ...without(schemaOf(operation.input, 'input'), outsideBody(operation)),
  }))
  const schema = whole ?? (schemas.length === 1 ? schemas[0] : { oneOf: schemas })
  const types = ['application/json', ...(http.mediaType ? [http.mediaType] : [])]
  const content = Object.fromEntries(types.map((type) => [type, { schema }]))
  return { required: true, content: { ...content, ...(http.lines ? LINES_CONTENT : {}) } }
}

/** A body or answer of one JSON value a line. */
const LINES_CONTENT: Json = { 'application/x-ndjson': { schema: { type: 'string' } } }

/** What is sent as the answer: the output, or the one member that a route gives as its answer. */
const answerOf = (operation: Operation): Json => {
  const whole = operation.http.answer?.body
  if (whole === undefined) return schemaOf(answerSchema(operation), 'output')
  const { properties } = schemaOf(operation.output, 'output') as { properties: Record<string, Json> }
  const one = properties[whole] as Json
  return operation.effect === 'write' ? { anyOf: [one, schemaOf(PlanAnswer, 'output')] } : one
}

/** A write that was asked for its plan only answers 200, whatever it answers when it is applied. */
const successes = ({ effect, status = 200 }: Operation): number[] =>
  effect === 'write' ? [...new Set([200, status])] : [status]

function responses(group: readonly Operation[]): Json {
  const good = [...new Set(group.flatMap(successes))].map((status) => {
    const operations = group.filter((operation) => successes(operation).includes(status))
    const schemas = operations.map(answerOf)
    const streams = operations.some((operation) => operation.effect === 'read' && operation.stream)
    const lines = operations.some(
      (operation) => operation.http.lines || (operation.effect === 'read' && operation.lines),
    )
    const content = {
      'application/json': { schema: schemas.length === 1 ? schemas[0] : { anyOf: schemas } },
      ...(streams ? { 'text/event-stream': { schema: { type: 'string' } } } : {}),
      ...(lines ? LINES_CONTENT : {}),
    }
    return [String(status), { description: operations.map(({ summary }) => summary).join(' / '), content }]
  })
  const codes = [...new Set([...COMMON, ...group.flatMap(errorsOf)])]
  const bad = [...Map.groupBy(codes, (code) => ERRORS[code].status)].map(([status, each]) => [
    String(status),
    {
      description: each.join(', '),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  ])
  return Object.fromEntries([...good, ...bad].sort())
}

const PROBLEM: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'error', 'code', 'retryable', 'nextAction'],
  properties: {
    ok: { const: false },
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    error: { type: 'string' },
    code: { enum: Object.keys(ERRORS) },
    retryable: { type: 'boolean' },
    nextAction: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'message'],
        properties: { pointer: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
}

function entry(group: readonly Operation[]): Json {
  const first = group[0] as Operation
  const body = requestBody(group)
  const guest = group.some(({ access }) => access.auth === 'guest' || access.auth === 'optional-session')
  return {
    operationId: group.length === 1 ? first.id : group.map(({ id }) => id).join(' | '),
    tags: [first.surface],
    summary: group.map(({ summary }) => summary).join(' / '),
    description: group
      .map((operation) => {
        const action = actionLiteral(operation)
        const query = Object.keys(operation.http.query ?? {}).map((name) => `\`${name}\``)
        const told = action
          ? ` (action \`${action}\`)`
          : query.length > 0
            ? ` (with ${query.join(' and ')})`
            : ''
        return [
          `**${operation.id}**${told}: ${operation.summary}`,
          ...operation.boundaries.map((each) => `- ${each}`),
        ].join('\n')
      })
      .join('\n\n'),
    'x-operations': group.map(({ id, tool, effect }) => ({ id, tool, effect })),
    parameters: routeParameters(group),
    ...(body ? { requestBody: body } : {}),
    responses: responses(group),
    security: [...(guest ? [{}] : []), { bearer: [] }, { cookie: [] }],
  }
}

/** OpenAPI 3.1 of every operation, derived from the list. */
export function openapi(operations: readonly Operation[], version: string): Json {
  const paths: Record<string, Json> = {}
  for (const group of Map.groupBy(operations, ({ http }) => `${http.method} ${http.path}`).values()) {
    const { path, method } = (group[0] as Operation).http
    paths[path] = { ...paths[path], [method.toLowerCase()]: entry(group) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Countersign',
      version,
      description: 'The control plane between AI agents and live systems.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => a.localeCompare(b))),
    components: {
      schemas: { Problem: PROBLEM, ...components(operations) },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'countersign.session_token' },
      },
    },
  }
}
