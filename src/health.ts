import type { FastifyInstance } from 'fastify'
import { migrationState } from './db/migrate.ts'
import type { Deps } from './deps.ts'

/** `/livez`: the process answers. `/readyz`: the database answers and is at this release. `/metrics`: Prometheus. */
export function registerHealth(app: FastifyInstance, deps: Deps): void {
  let draining = false
  app.addHook('preClose', async () => {
    draining = true
  })
  app.get('/livez', () => ({ ok: true }))
  app.get('/readyz', async (_request, reply) => {
    const state = await migrationState(deps.db).catch(() => undefined)
    const checks = { database: state !== undefined, migrations: state?.ok ?? false, accepting: !draining }
    const ok = Object.values(checks).every(Boolean)
    return reply.code(ok ? 200 : 503).send({ ok, checks })
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type(deps.metrics.registry.contentType).send(await deps.metrics.registry.metrics()),
  )
}
