import { once } from 'node:events'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'

export type JsonServer = { url: string; close(): Promise<void> }

/** A REST server that is not ours, as npm has it, over data in memory: lists by the names of their members. */
export async function jsonServer(data: Record<string, Record<string, unknown>[]>): Promise<JsonServer> {
  const { create, defaults, router } = createRequire(import.meta.url)('json-server')
  const app = create()
  app.use(defaults({ logger: false }))
  app.use(router(data))
  const server: Server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
