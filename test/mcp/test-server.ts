import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import pino from 'pino'
import type { Principal } from '../../src/access/principal.ts'
import type { Deps } from '../../src/deps.ts'
import { createMetrics } from '../../src/metrics.ts'
import { admits } from '../../src/operation/admit.ts'
import { fail } from '../../src/operation/errors.ts'
import { type McpCatalog, mcpCatalog } from '../../src/operation/mcp-catalog.ts'
import { mcpHttp, mcpServing } from '../../src/operation/mcp-http.ts'
import { run } from '../../src/operation/run.ts'
import { createNotes, type Notes } from './operations.ts'

export const KEY = 'key-that-is-good'

const GUEST: Principal = {
  kind: 'guest',
  source: 'guest',
  role: 'guest',
  org: 'laurel',
  id: 'guest',
  userId: null,
  displayName: 'Guest',
  email: null,
  adminRole: null,
  scopes: [],
  grantId: null,
  client: null,
}

const GRANT: Principal = {
  ...GUEST,
  kind: 'grant',
  source: 'scoped-agent-grant',
  role: 'creator',
  id: 'grant:1',
  displayName: 'Agent',
  scopes: ['creator:laurel:notes:read'],
  grantId: 'grant-1',
}

/** Bearers as the real authentication treats them; `revoke` makes the good one bad. */
export function createBearers() {
  let revoked = false
  return {
    revoke() {
      revoked = true
    },
    async authenticate({
      authorization,
      artistId,
    }: {
      authorization?: string
      artistId?: string
    }): Promise<Principal> {
      if (authorization === undefined) {
        if (artistId !== undefined && artistId !== 'laurel')
          fail('not-found', `There is no artist ${artistId}.`)
        return GUEST
      }
      if (authorization !== `Bearer ${KEY}` || revoked)
        fail('unauthenticated', 'The bearer credential is not valid.')
      return GRANT
    },
  }
}

export function notesCatalog(notes: Notes): McpCatalog {
  const pool = { totalCount: 0, idleCount: 0, waitingCount: 0 }
  const deps = {
    clock: () => new Date(),
    log: pino({ level: 'silent' }),
    metrics: createMetrics({ pool } as unknown as Parameters<typeof createMetrics>[0]),
    operations: notes.operations,
  } as unknown as Deps
  return mcpCatalog({
    operations: notes.operations,
    run: (operation, input, call) => run(deps, operation, input, call),
    visible: (principal, operation) => admits(operation.access, principal),
    surfaces: ['notes'],
    readManifest: async (surface, { principal }) => ({ ok: true, surface, for: principal.source }),
    watch: (_operation, { noteId }, _caller, changed) => notes.follow(String(noteId), changed),
    info: { name: 'countersign', version: '0.0.0' },
  })
}

/**
 * The real handler, middleware and executor over a few operations without a database, on a port of its own.
 * This is the seam: a server of the whole product has the same shape.
 */
export async function startTestServer({ recheckMs }: { recheckMs?: number } = {}) {
  const notes = createNotes()
  const bearers = createBearers()
  const serving = mcpServing(notesCatalog(notes))
  const app = Fastify({ forceCloseConnections: true })
  await app.register(mcpHttp, {
    ...serving,
    ...(serving.listen && recheckMs ? { listen: { ...serving.listen, recheckMs } } : {}),
    authenticate: bearers.authenticate,
    originOf: (request) => `http://${request.headers.host}`,
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/mcp`
  return { url, notes, bearers, stop: () => app.close() }
}
