import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import type { TestProject } from 'vitest/node'
import { startEmbedded } from '../../src/db/embedded/start.ts'
import { knownMigrations, migrate } from '../../src/db/migrate.ts'
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
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cs-test-'))
  const embedded = url ? undefined : await startEmbedded(folder, pino({ level: 'warn' }))
  const connection = embedded ? embedded.connection : { connectionString: url }
  const template = await makeTemplate(connection)
  const { host, port, user } = connection as pg.ClientConfig
  project.provide('postgres', {
    connection: url ? { connectionString: url } : { host, port, user },
    template,
  })
  return async () => {
    await embedded?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A migrated database named by its migrations, so that a changed file gives a new one. */
async function makeTemplate(connection: pg.ClientConfig): Promise<string> {
  const name = `cs_template_${sha256(
    knownMigrations()
      .map(({ checksum }) => checksum)
      .join(),
  ).slice(0, 12)}`
  const client = new pg.Client(
    connection.connectionString ? connection : { ...connection, database: 'postgres' },
  )
  await client.connect()
  try {
    const { rows } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    if (rows.length > 0) return name
    await client.query(`CREATE DATABASE ${name}`)
    await migrate(
      connection.connectionString
        ? {
            connectionString: Object.assign(new URL(connection.connectionString), { pathname: `/${name}` })
              .href,
          }
        : { ...connection, database: name },
    )
    return name
  } finally {
    await client.end()
  }
}
