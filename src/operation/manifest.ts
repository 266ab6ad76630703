import { z } from 'zod'
import type { Principal } from '../access/principal.ts'
import { admits } from './admit.ts'
import { type HttpRoute, type Operation, type OperationAccess, routePath } from './define.ts'
import { ENVELOPE_CONTRACT, EnvelopeSchema } from './envelope.ts'
import { inlineDefinitions, jsonSchema } from './json-schema.ts'

type JsonSchema = {
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  format?: string
  description?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  properties?: Record<string, JsonSchema>
  required?: string[]
  anyOf?: JsonSchema[]
  $ref?: string
  id?: string
}

type Field = Record<string, unknown>

export const EndpointSchema = z.object({
  href: z.string(),
  method: z.string(),
  auth: z.string(),
  description: z.string(),
  query: z.array(z.string()).optional(),
  status: z.string().optional(),
})

/** One operation as a manifest describes it to one caller. */
export const DescriptorSchema = z.object({
  id: z.string(),
  toolName: z.string(),
  status: z.literal('ready'),
  enabled: z.boolean(),
  summary: z.string(),
  endpoint: EndpointSchema,
  confirmation: z.object({ required: z.boolean(), kind: z.string(), reason: z.string().nullable() }),
  audit: z.object({ required: z.boolean(), currentRecord: z.string().nullable(), attribution: z.string() }),
  input: z.record(z.string(), z.record(z.string(), z.unknown())),
  boundaries: z.array(z.string()),
})

export const PrincipalSchema = z.object({
  source: z.string(),
  role: z.string(),
  signedIn: z.boolean(),
  displayName: z.string(),
  userId: z.string().nullable(),
  email: z.string().nullable(),
  adminRole: z.string().nullable(),
  capabilities: z.record(z.string(), z.boolean()),
})

/** Who is calling, as a manifest says it: identifiers only to that very person. */
export const presentPrincipal = (
  principal: Principal,
  capabilities: Record<string, boolean>,
): z.infer<typeof PrincipalSchema> => {
  const self = principal.kind === 'person'
  return {
    source: principal.source,
    role: principal.role,
    signedIn: self,
    displayName: principal.displayName,
    userId: self ? principal.userId : null,
    email: self ? principal.email : null,
    adminRole: self ? principal.adminRole : null,
    capabilities,
  }
}

export const surfaceOf = (id: string, org: string) => ({
  id,
  artistId: org,
  safeForAgent: true,
  browserAutomationRequired: false,
  relatedIssues: [] as number[],
})

export const SurfaceSchema = z.object({
  id: z.string(),
  artistId: z.string(),
  safeForAgent: z.boolean(),
  browserAutomationRequired: z.boolean(),
  relatedIssues: z.array(z.number()),
})

/** An endpoint descriptor; `href` follows the host that the request came in on. */
export function endpoint(
  origin: string,
  http: HttpRoute,
  access: OperationAccess,
  description: string,
  more: { query?: string[]; status?: string } = {},
): z.infer<typeof EndpointSchema> {
  return { href: `${origin}${routePath(http)}`, method: http.method, auth: access.auth, description, ...more }
}

const pathParameters = (path: string): string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string)

/** The descriptor of an operation for one caller. */
export function describe(
  operation: Operation,
  origin: string,
  principal: Principal,
): z.infer<typeof DescriptorSchema> {
  const { http, access } = operation
  const names = Object.keys(operation.input.shape)
  const query = http.method === 'GET' ? names.filter((name) => !pathParameters(http.path).includes(name)) : []
  return {
    id: operation.id,
    toolName: operation.tool,
    status: 'ready',
    enabled: admits(access, principal),
    summary: operation.summary,
    endpoint: endpoint(origin, http, access, operation.summary, query.length > 0 ? { query } : {}),
    confirmation: confirmationOf(operation),
    audit: auditOf(operation),
    input: inputFields(operation.input, contractId(operation)),
    boundaries: [...operation.boundaries],
  }
}

const contractId = (operation: Operation): string | undefined =>
  operation.effect === 'write' ? operation.confirmation.contractId : undefined

function confirmationOf(operation: Operation): z.infer<typeof DescriptorSchema>['confirmation'] {
  const confirmation = 'confirmation' in operation ? operation.confirmation : null
  if (!confirmation) return { required: false, kind: 'none', reason: null }
  return { required: true, kind: confirmation.kind, reason: confirmation.reason }
}

function auditOf(operation: Operation): z.infer<typeof DescriptorSchema>['audit'] {
  switch (operation.effect) {
    case 'write':
      return {
        required: true,
        currentRecord: operation.audit.record,
        attribution: operation.audit.attribution,
      }
    case 'preview':
      return { required: false, currentRecord: null, attribution: operation.audit.attribution }
    case 'record':
      return 'event' in operation.audit
        ? { required: true, currentRecord: 'audit_log', attribution: `Recorded as ${operation.audit.event}.` }
        : {
            // where what was written is itself the record
            required: operation.audit.record !== undefined,
            currentRecord: operation.audit.record ?? null,
            attribution: operation.audit.none,
          }
    case 'read':
      return {
        required: false,
        currentRecord: operation.audit.record ?? null,
        attribution: operation.audit.none,
      }
  }
}

/** Input fields in the contracts' own notation, derived from the schema. `contractId` is what an envelope must name. */
export function inputFields(input: z.ZodObject, contractId?: string): Record<string, Field> {
  const schema = inlineDefinitions(jsonSchema(input, 'input')) as JsonSchema
  const required = new Set(schema.required)
  return Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([name, property]) => [
      name,
      input.shape[name] === EnvelopeSchema
        ? envelopeField(contractId)
        : fieldOf(property, required.has(name)),
    ]),
  )
}

/** A write says what its envelope must hold; one that is only described names the envelope's own contract. */
const envelopeField = (contractId: string | undefined): Field =>
  contractId === undefined
    ? { type: ENVELOPE_CONTRACT, required: true }
    : {
        contract: ENVELOPE_CONTRACT,
        required: true,
        contractId,
        actionMode: 'execute',
        dryRun: false,
        requiredFields: REQUIRED_IN_ENVELOPE,
      }

const REQUIRED_IN_ENVELOPE = [
  'actor',
  'client',
  'action',
  'target',
  'confirmation.text',
  'confirmation.acknowledgedRisk',
  'idempotencyKey',
  'reason',
  'auditCorrelationId',
]

const FORMATS: Record<string, string> = { uri: 'url', 'date-time': 'date-time', email: 'email' }

function fieldOf(schema: JsonSchema, required: boolean): Field {
  const alternatives = schema.anyOf?.filter((each) => each.type !== 'null')
  const nullable = schema.anyOf !== undefined && alternatives?.length !== schema.anyOf.length
  const bare =
    alternatives?.length === 1
      ? { ...alternatives[0], description: schema.description ?? alternatives[0]?.description }
      : schema
  return {
    ...typeOf(bare),
    required,
    ...(nullable ? { nullable: true } : {}),
    ...(bare.format && FORMATS[bare.format] ? { format: FORMATS[bare.format] } : {}),
    ...(bare.minLength !== undefined ? { minLength: bare.minLength } : {}),
    ...(bare.maxLength !== undefined ? { maxLength: bare.maxLength } : {}),
    ...(bare.minimum !== undefined &&
    Number.isSafeInteger(bare.minimum) &&
    bare.minimum > Number.MIN_SAFE_INTEGER
      ? { min: bare.minimum }
      : {}),
    ...(bare.maximum !== undefined && bare.maximum < Number.MAX_SAFE_INTEGER ? { max: bare.maximum } : {}),
    ...(bare.description ? { description: bare.description } : {}),
    ...(bare.properties ? { properties: propertiesOf(bare) } : {}),
  }
}

function typeOf(schema: JsonSchema): Field {
  if (schema.const !== undefined && typeof schema.const === 'boolean')
    return { type: 'boolean', const: schema.const }
  if (schema.const !== undefined) return { type: 'literal', value: schema.const }
  if (schema.enum) return { type: 'enum', values: schema.enum }
  return { type: schema.type === 'integer' ? 'number' : (schema.type ?? 'object') }
}

function propertiesOf(schema: JsonSchema): Record<string, Field> {
  const required = new Set(schema.required)
  return Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([name, property]) => [
      name,
      fieldOf(property, required.has(name)),
    ]),
  )
}
