import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { createAccess } from './access/auth.ts'
import { buildApp } from './app.ts'
import { type Config, ConfigError } from './config.ts'
import { openStorage, type Storage } from './db/connect.ts'
import { createLogFeed } from './db/log-feed.ts'
import { migrate } from './db/migrate.ts'
import type { Deps } from './deps.ts'
import { installJobs } from './jobs/install.ts'
import { type Jobs, startJobs } from './jobs/start.ts'
import { createPostbox } from './live/room/post.ts'
import { createLogger } from './log.ts'
import { LOGS } from './logs.ts'
import { createMetrics } from './metrics.ts'
import { createSealing } from './operation/sealing.ts'
import { OPERATIONS } from './operations.ts'

export type Running = { deps: Deps; storage: Storage; stop(): Promise<void> }
export type Serving = Running & { app: FastifyInstance; url: string }

/** Storage opened and migrated, and everything that functions need made from the configuration. */
export async function openDeps(config: Config): Promise<Running> {
  const log = createLogger(config)
  const storage = await openStorage(config, log)
  try {
    await migrate(storage.connection)
    await installJobs(storage.connection)
  } catch (error) {
    await storage.stop()
    throw error
  }
  const { db } = storage
  const deps: Deps = {
    config,
    db,
    log,
    access: createAccess({ db, config, log }),
    sealing: createSealing(config.secret),
    feed: createLogFeed(db, log, LOGS),
    postbox: createPostbox(db),
    metrics: createMetrics(db),
    clock: () => new Date(),
    operations: OPERATIONS,
  }
  const stop = async () => {
    await deps.feed.close()
    await storage.stop()
  }
  return { deps, storage, stop }
}

/** Serves and, unless told otherwise, works off background jobs in the same process. */
export async function serve(config: Config, options: { work?: boolean } = {}): Promise<Serving> {
  const running = await openDeps(config)
  const { deps, storage } = running
  const app = await buildApp(deps)
  let jobs: Jobs | undefined
  try {
    await listen(app, config)
    if (options.work !== false) jobs = await startJobs(deps, storage.connection)
  } catch (error) {
    await app.close()
    await running.stop()
    throw error
  }
  const { port } = app.server.address() as AddressInfo
  deps.access.listensOn(port)
  const url = config.url ?? `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
  const stop = async () => {
    await app.close()
    await jobs?.stop()
    await running.stop()
  }
  return { ...running, app, url, stop }
}

/** A port that is taken and an address that is not ours are mistakes of the configuration. */
async function listen(app: FastifyInstance, { port, host }: Config): Promise<void> {
  try {
    await app.listen({ port, host })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw code ? new ConfigError([`HOST and PORT: cannot listen at ${host}:${port} (${code})`]) : error
  }
}
