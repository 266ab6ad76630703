import {
  ProtocolError,
  type ReadResourceResult,
  ResourceNotFoundError,
  UriTemplate,
} from '@modelcontextprotocol/server'
import type { Call, ReadOperation } from './define.ts'
import { asProblem } from './errors.ts'
import type { McpCaller, McpCatalog } from './mcp-catalog.ts'
import { protocolError } from './mcp-refusal.ts'
import type { McpTool } from './mcp-tools.ts'

/** A read that is also an MCP resource. `template` is absent where the URI has no variables. */
export type McpResource = {
  operation: ReadOperation
  uri: string
  title: string
  template?: UriTemplate
  query: string[]
}

/** A resource that a URI names, with the input that its variables and query make. */
export type NamedResource = { resource: McpResource; input: Record<string, unknown> }

type Properties = Record<string, { type?: unknown } | undefined>

const propertiesOf = (tool: McpTool): Properties => (tool.tool.inputSchema.properties ?? {}) as Properties

/** The resource of a tool whose operation declares one. */
export function resourceOf(tool: McpTool): McpResource | undefined {
  const { operation } = tool
  if (operation.effect !== 'read' || !operation.resource) return undefined
  const { uri, title } = operation.resource
  const template = UriTemplate.isTemplate(uri) ? new UriTemplate(uri) : undefined
  const query = Object.keys(propertiesOf(tool)).filter((name) => !template?.variableNames.includes(name))
  return { operation, uri, title, query, ...(template ? { template } : {}) }
}

/** What a template is listed as: the rest of the input may follow as a query (`{?cursor,limit}`). */
export const listedTemplate = ({ uri, query }: McpResource): string =>
  query.length > 0 ? `${uri}{?${query.join(',')}}` : uri

/** Longer than any URI of ours; matching is a regular expression over the whole of it. */
const MAX_URI = 2_000

/** Finds what a URI names, or undefined. */
export function findResource(
  uri: string,
  resources: readonly McpResource[],
  tools: ReadonlyMap<string, McpTool>,
): NamedResource | undefined {
  if (uri.length > MAX_URI) return undefined
  const [path, search] = split(uri)
  for (const resource of resources) {
    const variables = resource.template ? resource.template.match(path) : path === resource.uri ? {} : null
    if (!variables) continue
    const properties = propertiesOf(tools.get(resource.operation.tool)!)
    const text = { ...Object.fromEntries(new URLSearchParams(search)), ...decoded(variables) }
    const input = Object.entries(text).map(([name, value]) => [name, typed(properties[name]?.type, value)])
    return { resource, input: Object.fromEntries(input) }
  }
  return undefined
}

function split(uri: string): [path: string, search: string] {
  const at = uri.indexOf('?')
  return at < 0 ? [uri, ''] : [uri.slice(0, at), uri.slice(at + 1)]
}

const decoded = (variables: Record<string, string | string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, decode(String(value))]))

function decode(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** A URI holds only text; numbers and booleans are what the input's schema says. */
function typed(type: unknown, value: string): unknown {
  if ((type === 'integer' || type === 'number') && /^-?\d+(\.\d+)?$/.test(value)) return Number(value)
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true'
  return value
}

const manifestUri = (surface: string) => `fanful://agent/${surface}/manifest`

const manifestSurface = (
  { options: { surfaces, readManifest } }: McpCatalog,
  uri: string,
): string | undefined => readManifest && surfaces?.find((surface) => manifestUri(surface) === uri)

export const manifests = ({ options: { surfaces, readManifest } }: McpCatalog) =>
  (readManifest ? (surfaces ?? []) : []).map((surface) => ({
    uri: manifestUri(surface),
    name: `${surface}.manifest`,
    title: `Manifest of ${surface}`,
    description: `What the caller can do on the surface ${surface}, and how.`,
    mimeType: 'application/json',
  }))

/** Reads a manifest or what a resource operation reads. Errors: not found, or the operation's problem as `data`. */
export async function readResource(
  catalog: McpCatalog,
  caller: McpCaller,
  uri: string,
  signal?: AbortSignal,
): Promise<ReadResourceResult> {
  const { options } = catalog
  try {
    const surface = manifestSurface(catalog, uri)
    if (surface) return contents(uri, await options.readManifest?.(surface, caller))
    const named = operationResource(catalog, uri)
    if (!named) throw new ResourceNotFoundError(uri)
    const { principal, requestId, origin } = caller
    const call: Call = { principal, requestId, origin, ...(signal ? { signal } : {}) }
    return contents(uri, (await options.run(named.resource.operation, named.input, call)).body)
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    const problem = asProblem(error)
    throw problem.code === 'not-found' ? new ResourceNotFoundError(uri) : protocolError(problem)
  }
}

/** What a URI names among the resource operations; a manifest is none of them and never changes. */
export const operationResource = (catalog: McpCatalog, uri: string): NamedResource | undefined =>
  manifestSurface(catalog, uri) ? undefined : findResource(uri, catalog.resources, catalog.tools)

const contents = (uri: string, body: unknown): ReadResourceResult => ({
  contents: [{ uri, mimeType: 'application/json', text: JSON.stringify(body) }],
})
