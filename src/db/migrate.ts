import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import sql from 'sql-template-tag'
import type { Queryable } from './pool.ts'

const FOLDER = fileURLToPath(new URL('../../migrations/', import.meta.url))
/** Any constant will do; it only has to be ours. */
const LOCK = 715_200_311

type Migration = { name: string; checksum: string; text: string }

/** The migrations of this release, in order. */
export function knownMigrations(folder = FOLDER): Migration[] {
  return readdirSync(folder)
    .filter((file) => /^\d{6}_\w+\.sql$/.test(file))
    .sort()
    .map((name) => {
      const text = readFileSync(`${folder}/${name}`, 'utf8')
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') }
    })
}

/**
 * Brings a database to this release, one transaction per file, under an advisory lock so that processes starting
 * together do not collide. Refuses a database from the future and an applied file that was changed since.
 */
export async function migrate(connection: pg.ClientConfig, folder = FOLDER): Promise<{ applied: string[] }> {
  const client = new pg.Client(connection)
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK])
    await client.query(
      'CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())',
    )
    const { rows } = await client.query<{ name: string; checksum: string }>(
      'SELECT name, checksum FROM migrations ORDER BY name',
    )
    const pending = pendingOf(knownMigrations(folder), rows)
    for (const migration of pending) await applyOne(client, migration)
    return { applied: pending.map(({ name }) => name) }
  } finally {
    await client.end()
  }
}

/** What is still to apply. Throws with advice when the database does not fit this release. */
export function pendingOf(
  known: readonly Migration[],
  applied: readonly { name: string; checksum: string }[],
): Migration[] {
  for (const row of applied) {
    const match = known.find(({ name }) => name === row.name)
    if (!match)
      throw new Error(
        `The database is from a newer release (it has ${row.name}); run that release, or restore a backup.`,
      )
    if (match.checksum !== row.checksum)
      throw new Error(`The applied migration ${row.name} was changed; restore its file.`)
  }
  return known.filter(({ name }) => !applied.some((row) => row.name === name))
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  try {
    await client.query('BEGIN')
    await client.query(migration.text)
    await client.query('INSERT INTO migrations (name, checksum) VALUES ($1, $2)', [
      migration.name,
      migration.checksum,
    ])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw new Error(`Migration ${migration.name} failed: ${(error as Error).message}`, { cause: error })
  }
}

/** Whether the database is at this release; for readiness. */
export async function migrationState(
  db: Queryable,
): Promise<{ applied: number; known: number; ok: boolean }> {
  const [row] = await db.query<{ applied: number }>(sql`SELECT count(*) AS applied FROM migrations`)
  const known = knownMigrations().length
  const applied = row?.applied ?? 0
  return { applied, known, ok: applied === known }
}
