import { type Operation, routePath } from '../operation/define.ts'
import { SURFACES } from '../surfaces/surfaces.ts'

/** `/llms.txt`: what an agent reads first. */
export function llmsText(operations: readonly Operation[], origin: string): string {
  const surfaces = Object.entries(SURFACES).map(([id, summary]) => {
    const lines = operations
      .filter(({ surface }) => surface === id)
      .map(
        ({ http, tool, effect, summary: what }) =>
          `- \`${http.method} ${routePath(http)}\` (tool \`${tool}\`, ${effect}): ${what}`,
      )
    return `## ${id}\n\n${summary}\n\n${lines.join('\n')}`
  })
  return `# Countersign

> The control plane between AI agents and live systems. You propose; a person sees exactly what would change; the
> approved plan is applied once, as reviewed, and leaves a replayable record.

- MCP: ${origin}/mcp (streamable HTTP; bearer in the Authorization header)
- OpenAPI: ${origin}/openapi.json, readable at ${origin}/reference
- Start: GET ${origin}/api/agent/surfaces, then the manifest of the surface you need

The loop: open a session, read, preview, request an approval with the preview's planDigest, follow the session's
events until a person decided, confirm with the exact text and the approval. Every refusal carries \`code\` and
\`nextAction\`.

${surfaces.join('\n\n')}
`
}
