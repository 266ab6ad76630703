import {
  type CallToolRequest,
  type CallToolResult,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Reply } from './context.ts'
import type { Call, Operation } from './define.ts'
import { ApprovalReference, IdempotencyKey } from './envelope.ts'
import { asProblem, fail } from './errors.ts'
import type { McpCaller, McpCatalog } from './mcp-catalog.ts'
import { protocolError, refused, text } from './mcp-refusal.ts'
import { listedTemplate, type McpResource, manifests, readResource } from './mcp-resources.ts'

export { mcpCatalog } from './mcp-catalog.ts'

/** How long a client may keep what it listed: it changes only with a release or with the caller's rights. */
const LISTED = { ttlMs: 60_000, cacheScope: 'private' } as const

export type McpServerOptions = {
  /** Who calls, asked for every request: a connection outlives a credential. */
  who(): Promise<McpCaller>
  /** Whether the client can be told of changes, which takes a stream that lasts. */
  subscribe: boolean
}

/** One MCP server for one caller. Everything it offers follows from the list of operations. */
export function mcpServer(catalog: McpCatalog, { who, subscribe }: McpServerOptions): Server {
  const { info, instructions } = catalog.options
  const server = new Server(info, {
    capabilities: { tools: {}, resources: subscribe ? { subscribe: true } : {} },
    cacheHints: {
      'tools/list': LISTED,
      'resources/list': LISTED,
      'resources/templates/list': LISTED,
      'server/discover': LISTED,
    },
    ...(instructions ? { instructions } : {}),
  })
  const visible = async () => {
    const { principal } = await identified(who)
    return (operation: Operation) => catalog.options.visible(principal, operation)
  }
  server.setRequestHandler('tools/list', async () => {
    const sees = await visible()
    return {
      tools: [...catalog.tools.values()].filter((each) => sees(each.operation)).map((each) => each.tool),
    }
  })
  server.setRequestHandler('tools/call', (request, ctx) => callTool(catalog, who, request.params, ctx))
  server.setRequestHandler('resources/list', async () => {
    const sees = await visible()
    const fixed = catalog.resources.filter((each) => !each.template && sees(each.operation))
    return { resources: [...manifests(catalog), ...fixed.map((each) => listed(each, { uri: each.uri }))] }
  })
  server.setRequestHandler('resources/templates/list', async () => {
    const sees = await visible()
    const templates = catalog.resources.filter((each) => each.template && sees(each.operation))
    return { resourceTemplates: templates.map((each) => listed(each, { uriTemplate: listedTemplate(each) })) }
  })
  server.setRequestHandler('resources/read', async ({ params: { uri } }, ctx) => {
    const caller = await identified(who)
    return readResource(catalog, caller, uri, ctx.mcpReq.signal)
  })
  return server
}

/** A caller whose credential has gone bad meanwhile gets the problem instead of an answer. */
async function identified(who: McpServerOptions['who']): Promise<McpCaller> {
  try {
    return await who()
  } catch (error) {
    throw protocolError(asProblem(error))
  }
}

const listed = <T>({ operation, title }: McpResource, at: T) => ({
  ...at,
  name: operation.id,
  title,
  description: operation.summary,
  mimeType: 'application/json',
})

async function callTool(
  catalog: McpCatalog,
  who: McpServerOptions['who'],
  params: CallToolRequest['params'],
  ctx: ServerContext,
): Promise<CallToolResult> {
  const tool = catalog.tools.get(params.name)
  if (!tool) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name}`)
  let caller: McpCaller | undefined
  try {
    caller = await who()
    const input = tool.action === undefined ? params.arguments : { action: tool.action, ...params.arguments }
    return result(await catalog.options.run(tool.operation, input ?? {}, callOf(caller, input, ctx)))
  } catch (error) {
    return refused(asProblem(error), caller)
  }
}

const result = ({ body, headers }: Reply): CallToolResult => ({
  structuredContent: body,
  content: text(body),
  ...(headers['idempotency-replayed'] ? { _meta: { 'dev.countersign/idempotency-replayed': true } } : {}),
})

const SESSION = 'dev.countersign/session'
const IDEMPOTENCY_KEY = 'dev.countersign/idempotency-key'
const APPROVAL = 'dev.countersign/approval'

const SessionText = z
  .string()
  .max(200)
  .regex(/^[\x21-\x7e]+$/, 'printable ASCII without spaces')

/** What travels beside the arguments. The key of a write stands in its envelope, that of a record in `_meta`. */
function callOf(caller: McpCaller, input: unknown, { mcpReq }: ServerContext): Call {
  const envelope = (input as { envelope?: { idempotencyKey?: unknown } } | undefined)?.envelope
  // one that is no key is refused with the rest of the input
  const inEnvelope = IdempotencyKey.safeParse(envelope?.idempotencyKey).data
  const sessionId = fromMeta(mcpReq._meta, SESSION, SessionText)
  const idempotencyKey = fromMeta(mcpReq._meta, IDEMPOTENCY_KEY, IdempotencyKey) ?? inEnvelope
  const approval = fromMeta(mcpReq._meta, APPROVAL, ApprovalReference)
  return {
    principal: caller.principal,
    requestId: caller.requestId,
    origin: caller.origin,
    signal: mcpReq.signal,
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(approval === undefined ? {} : { approval }),
  }
}

function fromMeta<T extends z.ZodType>(
  meta: Record<string, unknown> | undefined,
  name: string,
  form: T,
): z.output<T> | undefined {
  if (meta?.[name] === undefined) return undefined
  const parsed = form.safeParse(meta[name])
  if (parsed.success) return parsed.data
  const pointer = `/_meta/${name.replaceAll('/', '~1')}`
  const message = parsed.error.issues[0]?.message ?? 'is not usable'
  return fail('validation-failed', {
    detail: `Invalid input: ${pointer} ${message}`,
    errors: [{ pointer, message }],
  })
}
