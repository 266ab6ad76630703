import type { Readable, Writable } from 'node:stream'
import {
  type JSONRPCMessage,
  ResourceNotFoundError,
  type Server,
  type Transport,
} from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import { mcpServer } from './mcp.ts'
import type { McpCaller, McpCatalog } from './mcp-catalog.ts'
import { isListen, type McpListen, mcpListen, narrowed, wanted } from './mcp-listen.ts'

export type McpStdioOptions = {
  catalog: McpCatalog
  /** Who the process speaks for, asked for every request; rejects once the key is no longer good. */
  who(): Promise<McpCaller>
  /** The process's own unless told. */
  input?: Readable
  output?: Writable
  onError?(error: Error): void
}

/** Serves the catalog over stdin and stdout. Resolves when the client has closed its end. */
export async function mcpStdio({ catalog, who, input, output, onError }: McpStdioOptions): Promise<void> {
  const listen = mcpListen(catalog)
  const follower = listen && createFollower(listen, who)
  const ended = Promise.withResolvers<void>()
  const wire = tapped(new StdioServerTransport(input, output), follower, () => ended.resolve())
  const serving = serveStdio(
    ({ era }) => {
      const server = mcpServer(catalog, { who, subscribe: follower !== undefined })
      follower?.tell(server)
      if (follower && era === 'legacy') followByRequest(server, follower)
      return server
    },
    { transport: wire, ...(onError ? { onerror: onError } : {}) },
  )
  await ended.promise
  follower?.releaseAll()
  await serving.close()
}

/** The watches behind what the one client of this process follows, by a name of the follower's. */
type Follower = {
  /** The server that tells the client. */
  tell(server: Server): void
  /** Follows those of `uris` that the caller may read, and answers them. */
  follow(name: string, uris: string[]): Promise<string[]>
  release(name: string): void
  releaseAll(): void
}

function createFollower(listen: McpListen, who: McpStdioOptions['who']): Follower {
  const watches = new Map<string, () => void>()
  let server: Server | undefined
  // Asks again who is calling: a client whose key was revoked hears nothing more.
  const changed = (uri: string) => () =>
    void who()
      .then(() => server?.sendResourceUpdated({ uri }))
      .catch(() => {})
  const release = (name: string) => {
    watches.get(name)?.()
    watches.delete(name)
  }
  const allowed = async (uris: string[]): Promise<[McpCaller, string[]] | undefined> => {
    const caller = await who().catch(() => undefined)
    return caller && [caller, await listen.allowed(caller, uris)]
  }
  return {
    tell(current) {
      server = current
    },
    async follow(name, uris) {
      const [caller, mine] = (await allowed(uris)) ?? []
      if (!caller || !mine) return []
      release(name)
      const releases = mine.map((uri) => listen.watch(caller, uri, changed(uri)))
      watches.set(name, () => {
        for (const each of releases) each()
      })
      return mine
    },
    release,
    releaseAll() {
      for (const name of [...watches.keys()]) release(name)
    },
  }
}

/** Revisions up to 2025-11-25 follow one resource per request. */
function followByRequest(server: Server, follower: Follower): void {
  server.setRequestHandler('resources/subscribe', async ({ params: { uri } }) => {
    if ((await follower.follow(uri, [uri])).length === 0) throw new ResourceNotFoundError(uri)
    return {}
  })
  server.setRequestHandler('resources/unsubscribe', ({ params: { uri } }) => {
    follower.release(uri)
    return {}
  })
}

/**
 * The transport with an eye on `subscriptions/listen`, which the SDK answers by itself: what the caller may not read
 * is taken out of the request first. Messages keep their order.
 */
function tapped(inner: StdioServerTransport, follower: Follower | undefined, onEnd: () => void): Transport {
  const outer: Transport = {
    start: () => inner.start(),
    send: (message) => inner.send(message),
    close: () => inner.close(),
  }
  let last = Promise.resolve()
  inner.onmessage = (message) => {
    last = last
      .then(async () => outer.onmessage?.(follower ? await received(message, follower) : message))
      .catch((error: unknown) => outer.onerror?.(error as Error))
  }
  inner.onerror = (error) => outer.onerror?.(error)
  inner.onclose = () => {
    outer.onclose?.()
    onEnd()
  }
  return outer
}

async function received(message: JSONRPCMessage, follower: Follower): Promise<JSONRPCMessage> {
  const { id, method, params } = message as {
    id?: unknown
    method?: string
    params?: { requestId?: unknown }
  }
  if (method === 'notifications/cancelled') follower.release(`listen ${params?.requestId}`)
  if (!isListen(message)) return message
  return narrowed(
    message,
    await follower.follow(`listen ${id}`, wanted(message)),
  ) as unknown as JSONRPCMessage
}
