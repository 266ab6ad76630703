import type { z } from 'zod'
import { actionLiteral, type Operation } from './define.ts'
import { ERRORS, type ErrorCode } from './errors.ts'
import { inlineDefinitions, jsonSchema } from './json-schema.ts'

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

const WRITE_ERRORS: readonly ErrorCode[] = ['approval-required', 'stale', 'plan-blocked']
const ENVELOPE_ERRORS: readonly ErrorCode[] = [
  'idempotency-key-required',
  'confirmation-mismatch',
  'plan-changed',
  'plan-mismatch',
  'approval-not-approved',
  'approval-consumed',
  'session-ended',
]

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...json } = inlineDefinitions(jsonSchema(schema, io))
  return json
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

function parameters(operation: Operation): Json[] {
  const input = schemaOf(operation.input, 'input')
  const properties = (input.properties ?? {}) as Record<string, Json>
  const required = new Set((input.required ?? []) as string[])
  const inPath = pathNames(operation.http.path)
  const names = operation.http.method === 'GET' ? Object.keys(properties) : inPath
  const own = names.map((name) => ({
    name,
    in: inPath.includes(name) ? 'path' : 'query',
    required: inPath.includes(name) || required.has(name),
    schema: properties[name],
    ...(properties[name]?.description ? { description: properties[name]?.description } : {}),
  }))
  return [...own, ...headers(operation)]
}

function headers(operation: Operation): Json[] {
  const session = {
    name: 'Agent-Session-Id',
    in: 'header',
    required: false,
    schema: { type: 'string' },
    description: 'Records the call in this session',
  }
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    schema: { type: 'string', minLength: 8, maxLength: 200 },
  }
  return [
    ...(operation.ownEvents ? [] : [session]),
    ...(operation.effect === 'write' || operation.effect === 'record' ? [key] : []),
  ]
}

function requestBody(group: readonly Operation[]): Json | undefined {
  if (group[0]?.http.method === 'GET') return undefined
  const schemas = group.map((operation) => ({
    title: operation.id,
    ...without(schemaOf(operation.input, 'input'), pathNames(operation.http.path)),
  }))
  const schema = schemas.length === 1 ? schemas[0] : { oneOf: schemas }
  return { required: true, content: { 'application/json': { schema } } }
}

/** A write that was asked for its plan only answers 200, whatever it answers when it is applied. */
const successes = ({ effect, status = 200 }: Operation): number[] =>
  effect === 'write' ? [...new Set([200, status])] : [status]

function responses(group: readonly Operation[]): Json {
  const good = [...new Set(group.flatMap(successes))].map((status) => {
    const operations = group.filter((operation) => successes(operation).includes(status))
    const schemas = operations.map((operation) => schemaOf(operation.output, 'output'))
    const streams = operations.some((operation) => operation.effect === 'read' && operation.stream)
    const content = {
      'application/json': { schema: schemas.length === 1 ? schemas[0] : { anyOf: schemas } },
      ...(streams ? { 'text/event-stream': { schema: { type: 'string' } } } : {}),
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
        return [
          `**${operation.id}**${action ? ` (action \`${action}\`)` : ''}: ${operation.summary}`,
          ...operation.boundaries.map((each) => `- ${each}`),
        ].join('\n')
      })
      .join('\n\n'),
    'x-operations': group.map(({ id, tool, effect }) => ({ id, tool, effect })),
    parameters: parameters(first),
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
      schemas: { Problem: PROBLEM },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'countersign.session_token' },
      },
    },
  }
}
