import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import type { TestProject } from 'vitest/node'
import { removeDataFolder, temporaryDataFolder } from '../../src/db/embedded/folder.ts'
import { startEmbedded } from '../../src/db/embedded/start.ts'
import { knownMigrations, migrate } from '../../src/db/migrate.ts'
import { installJobs } from '../../src/jobs/install.ts'
import { sha256 } from '../../src/operation/plan.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Connection of the run's PostgreSQL, and the database that test databases are cloned from. */
    postgres: {
      connection: { host?: string; port?: number; user?: string; connectionString?: string }
      template: string
    }
  }
}

/** One PostgreSQL for the whole run: TEST_DATABASE_URL, or an embedded one in a temporary folder. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const url = process.env.TEST_DATABASE_URL
  const folder = url ? undefined : temporaryDataFolder('cs-test-')
  const embedded = folder ? await startEmbedded(folder, pino({ level: 'warn' })) : undefined
  const connection = embedded ? embedded.connection : { connectionString: url }
  const template = await makeTemplate(connection)
  const { host, port, user } = connection as pg.ClientConfig
  project.provide('postgres', {
    connection: url ? { connectionString: url } : { host, port, user },
    template,
  })
  return async () => {
    await embedded?.stop()
    if (folder) removeDataFolder(folder)
  }
}

/**
 * A migrated database named by its migrations, so that a changed file gives a new one. It gets its name once it is
 * whole: a run that was killed leaves no half-migrated template on a server that outlives it.
 */
async function makeTemplate(connection: pg.ClientConfig): Promise<string> {
  const checksums = knownMigrations().map(({ checksum }) => checksum)
  const name = `cs_template_${sha256(checksums.join()).slice(0, 12)}`
  const partial = `${name}_${randomBytes(4).toString('hex')}`
  const { connectionString } = connection
  const client = new pg.Client(connectionString ? connection : { ...connection, database: 'postgres' })
  await client.connect()
  const exists = async () =>
    (await client.query('SELECT FROM pg_database WHERE datname = $1', [name])).rowCount === 1
  try {
    if (await exists()) return name
    await client.query(`CREATE DATABASE ${partial}`)
    const database = connectionString
      ? { connectionString: Object.assign(new URL(connectionString), { pathname: `/${partial}` }).href }
      : { ...connection, database: partial }
    await migrate(database)
    await installJobs(database)
    await client.query(`ALTER DATABASE ${partial} RENAME TO ${name}`).catch(async (error) => {
      await client.query(`DROP DATABASE ${partial}`)
      if (!(await exists())) throw error
    })
    return name
  } finally {
    await client.end()
  }
}
