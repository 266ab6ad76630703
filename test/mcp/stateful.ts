import { randomUUID } from 'node:crypto'
import {
  type LegacyHttpHandler,
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'

/**
 * Serves revisions up to 2025-11-25 with a session per client, kept in memory. Ours is stateless; the scenarios in
 * which the server sends requests of its own need a connection that lasts.
 */
export function statefulHandler(create: () => McpServer): LegacyHttpHandler {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  return async (request, options) => {
    const id = request.headers.get('mcp-session-id')
    const known = id === null ? undefined : sessions.get(id)
    if (known) return known.handleRequest(request, options)
    if (id !== null) return new Response(null, { status: 404 })
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (created) => void sessions.set(created, transport),
      onsessionclosed: (closed) => void sessions.delete(closed),
    })
    await create().connect(transport)
    return transport.handleRequest(request, options)
  }
}
