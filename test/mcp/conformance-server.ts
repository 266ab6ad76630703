import type { AddressInfo } from 'node:net'
import { InMemoryServerEventBus } from '@modelcontextprotocol/server'
import Fastify from 'fastify'
import type { Principal } from '../../src/access/principal.ts'
import { mcpHttp } from '../../src/operation/mcp-http.ts'
import { fixtureServer } from './fixtures/server.ts'
import { statefulHandler } from './stateful.ts'

/** The suite cannot send a credential, so everybody is the same guest. */
const GUEST = { kind: 'guest', source: 'guest', role: 'guest', org: 'laurel', id: 'guest' } as Principal

/**
 * The suite's fixtures on our own handler and middleware, on a port of its own. `sessions` serves the old revisions
 * with server-side sessions instead of statelessly.
 */
export async function startConformanceServer({ sessions }: { sessions: boolean }) {
  const bus = new InMemoryServerEventBus()
  const app = Fastify({ forceCloseConnections: true })
  await app.register(mcpHttp, {
    serverFor: () => fixtureServer(bus),
    authenticate: async () => GUEST,
    originOf: (request) => `http://${request.headers.host}`,
    bus,
    ...(sessions ? { legacy: statefulHandler(() => fixtureServer(bus)) } : {}),
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/mcp`, stop: () => app.close() }
}
