import type pg from 'pg'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { startEmbedded } from './embedded/start.ts'
import { type Db, openDb } from './pool.ts'

export type Storage = {
  db: Db
  /** For what needs a connection of its own: migrations, jobs. */
  connection: pg.ClientConfig
  embedded: boolean
  stop(): Promise<void>
}

/** The configured database, or the embedded one of the data folder. Does not migrate. */
export async function openStorage(
  config: Pick<Config, 'databaseUrl' | 'dataDir'>,
  log: Logger,
): Promise<Storage> {
  if (config.databaseUrl) {
    const connection = { connectionString: config.databaseUrl }
    const db = openDb(connection)
    return { db, connection, embedded: false, stop: () => db.end() }
  }
  const { connection, stop } = await startEmbedded(config.dataDir, log)
  const db = openDb(connection)
  return {
    db,
    connection,
    embedded: true,
    async stop() {
      await db.end()
      await stop()
    },
  }
}
