import type { Implementation } from '@modelcontextprotocol/server'
import type { Principal } from '../access/principal.ts'
import type { Reply } from './context.ts'
import type { Call, Operation, ReadOperation } from './define.ts'
import { type McpResource, resourceOf } from './mcp-resources.ts'
import { type McpTool, toolOf } from './mcp-tools.ts'

/** Who calls, and how the call reached us. `resourceMetadata` is where a token is to be had, over HTTP. */
export type McpCaller = { principal: Principal; requestId: string; origin: string; resourceMetadata?: string }

export type McpOptions = {
  operations: readonly Operation[]
  /** The executor, bound to its dependencies. */
  run(operation: Operation, input: unknown, call: Call): Promise<Reply>
  /** Whether a principal may call an operation; what it may not is not listed to it. */
  visible(principal: Principal, operation: Operation): boolean
  /** Surfaces with a manifest, and what it says to a caller. */
  surfaces?: readonly string[]
  readManifest?(surface: string, caller: McpCaller): Promise<unknown>
  /** Calls back whenever what an operation with an event stream reads may have changed; answers the release. */
  watch?(
    operation: ReadOperation,
    input: Record<string, unknown>,
    caller: McpCaller,
    changed: () => void,
  ): () => void
  info: Implementation
  instructions?: string
}

/** The list of operations as MCP sees it, worked out once for all servers. */
export type McpCatalog = {
  options: McpOptions
  tools: ReadonlyMap<string, McpTool>
  resources: readonly McpResource[]
}

export function mcpCatalog(options: McpOptions): McpCatalog {
  const tools = new Map(options.operations.map((operation) => [operation.tool, toolOf(operation)]))
  if (tools.size !== options.operations.length) throw new Error('two operations have one tool name')
  const resources = [...tools.values()].flatMap((tool) => resourceOf(tool) ?? [])
  return { options, tools, resources }
}
