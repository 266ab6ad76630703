import { type CallToolResult, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import type { Problem } from './errors.ts'
import type { McpCaller } from './mcp-catalog.ts'

/** A refused tool call: the problem that HTTP gives, as structured content and as text. */
export function refused(problem: Problem, caller: McpCaller | undefined): CallToolResult {
  const body = { ok: false, ...problem.toBody() }
  return {
    isError: true,
    structuredContent: body,
    content: text(body),
    _meta: besideRefusal(problem, caller),
  }
}

/** What HTTP says in headers. */
function besideRefusal(problem: Problem, caller: McpCaller | undefined): Record<string, unknown> {
  const meta: Record<string, unknown> = {}
  const wait = problem.options.headers?.['retry-after']
  if (wait !== undefined) meta['dev.countersign/retry-after'] = Number(wait)
  // By this clients that let guests in start OAuth for one tool (ChatGPT does; SEP-1489, a draft).
  if (problem.status === 401 && caller?.resourceMetadata)
    meta['mcp/www_authenticate'] = [bearerChallenge(problem, caller.resourceMetadata)]
  return meta
}

/** Says that a token is needed and where to get one (RFC 6750, RFC 9728). */
export function bearerChallenge(problem: Problem, resourceMetadata: string): string {
  // RFC 6750 allows these characters and no others.
  const description = problem.message.replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '')
  return `Bearer error="invalid_token", error_description="${description}", resource_metadata="${resourceMetadata}"`
}

/** -32602 for what the caller wrote wrong, -32603 for our defects, -32000 (implementation-defined) for refusals. */
export function protocolError(problem: Problem): ProtocolError {
  const code =
    problem.status >= 500
      ? ProtocolErrorCode.InternalError
      : problem.status === 400
        ? ProtocolErrorCode.InvalidParams
        : -32000
  return new ProtocolError(code, problem.message, { ok: false, ...problem.toBody() })
}

/** A body as the text that stands beside structured content. */
export const text = (body: unknown): CallToolResult['content'] => [
  { type: 'text', text: JSON.stringify(body) },
]
