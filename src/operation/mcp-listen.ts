import type { ServerEventBus } from '@modelcontextprotocol/server'
import type { McpCaller, McpCatalog } from './mcp-catalog.ts'
import type { McpExchange } from './mcp-http.ts'
import { type NamedResource, operationResource, readResource } from './mcp-resources.ts'

/** What a `subscriptions/listen` may hear, and the watches that feed it. */
export type McpListen = {
  /** Those of `uris` that the caller may follow now. */
  allowed(caller: McpCaller, uris: readonly string[]): Promise<string[]>
  /** Calls back when the resource changes, until it is released. */
  watch(caller: McpCaller, uri: string, changed: () => void): () => void
  /** How often an open stream is checked against the credential that opened it, in milliseconds. */
  recheckMs?: number
}

/** More than any client follows at once; each is read once to see whether the caller may. */
const MAX_FOLLOWED = 100

/** Follows what the catalog's resource operations read, for callers that may read it. */
export function mcpListen(catalog: McpCatalog, recheckMs?: number): McpListen | undefined {
  const { watch } = catalog.options
  if (!watch) return undefined
  return {
    ...(recheckMs === undefined ? {} : { recheckMs }),
    async allowed(caller, uris) {
      const allowed: string[] = []
      for (const uri of uris.slice(0, MAX_FOLLOWED))
        if (await follows(catalog, caller, uri)) allowed.push(uri)
      return allowed
    },
    watch(caller, uri, changed) {
      const named = followable(catalog, uri)
      return named ? watch(named.resource.operation, named.input, caller, changed) : () => {}
    },
  }
}

/** What can be followed is what also has an event stream: the rest never changes or tells nobody. */
function followable(catalog: McpCatalog, uri: string): NamedResource | undefined {
  const named = operationResource(catalog, uri)
  return named?.resource.operation.stream ? named : undefined
}

async function follows(catalog: McpCatalog, caller: McpCaller, uri: string): Promise<boolean> {
  if (!followable(catalog, uri)) return false
  try {
    await readResource(catalog, caller, uri)
    return true
  } catch {
    return false
  }
}

type Listen = {
  method: 'subscriptions/listen'
  params: { notifications: Record<string, unknown> & { resourceSubscriptions: string[] } }
}

/** Whether a body asks to follow resources. Other shapes are left to the protocol handler to refuse. */
export function isListen(body: unknown): body is Listen {
  const message = body as {
    method?: unknown
    params?: { notifications?: { resourceSubscriptions?: unknown } }
  } | null
  const uris =
    message?.method === 'subscriptions/listen' && message.params?.notifications?.resourceSubscriptions
  return Array.isArray(uris) && uris.every((uri) => typeof uri === 'string')
}

/** The URIs that a request asks to follow, each once. */
export const wanted = (body: Listen): string[] => [
  ...new Set(body.params.notifications.resourceSubscriptions),
]

/** The same request for only `uris`; the acknowledgement then names just those. */
export function narrowed(body: Listen, uris: string[]): Listen {
  const { params } = body
  return {
    ...body,
    params: { ...params, notifications: { ...params.notifications, resourceSubscriptions: uris } },
  }
}

/**
 * Serves one `subscriptions/listen`: the URIs that the caller may not read are dropped before the protocol handler
 * sees them, the rest are watched as long as the stream is open, and the stream ends when the credential does.
 */
export async function serveListen(
  listen: McpListen,
  bus: ServerEventBus,
  exchange: McpExchange,
  body: Listen,
  pass: (body: unknown) => Promise<Response>,
): Promise<Response> {
  const uris = await listen.allowed(exchange.caller, wanted(body))
  const releases = uris.map((uri) => shared(bus, listen, exchange.caller, uri))
  const recheck = setInterval(async () => {
    const still = await stillAllowed(listen, exchange, uris)
    if (!still) exchange.abort()
  }, listen.recheckMs ?? 30_000)
  recheck.unref()
  exchange.onEnd(() => {
    clearInterval(recheck)
    for (const release of releases) release()
  })
  return pass(narrowed(body, uris))
}

async function stillAllowed(listen: McpListen, exchange: McpExchange, uris: string[]): Promise<boolean> {
  try {
    const principal = await exchange.reauthenticate()
    return (await listen.allowed({ ...exchange.caller, principal }, uris)).length === uris.length
  } catch {
    return false
  }
}

type Watch = { followers: number; release: () => void }
const watches = new WeakMap<ServerEventBus, Map<string, Watch>>()

/** One watch per resource however many streams follow it: the bus already fans out to every stream. */
function shared(bus: ServerEventBus, listen: McpListen, caller: McpCaller, uri: string): () => void {
  const open = watches.get(bus) ?? new Map<string, Watch>()
  watches.set(bus, open)
  // The same URI names another thing in another organisation.
  const key = `${caller.principal.org} ${uri}`
  const watch = open.get(key) ?? {
    followers: 0,
    release: listen.watch(caller, uri, () => bus.publish({ kind: 'resource_updated', uri })),
  }
  watch.followers++
  open.set(key, watch)
  let held = true
  return () => {
    if (!held) return
    held = false
    if (--watch.followers > 0) return
    open.delete(key)
    watch.release()
  }
}
