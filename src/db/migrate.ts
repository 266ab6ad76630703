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

/** The oldest PostgreSQL that the SQL of this release is written for. */
const OLDEST_MAJOR = 15

/** The migrations of this release, in order. Throws on a file whose name gives it no place in that order. */
export function knownMigrations(folder = FOLDER): Migration[] {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
  for (const [index, name] of names.entries()) {
    if (!/^\d{6}_\w+\.sql$/.test(name)) throw new Error(`${name} is not named NNNNNN_name.sql`)
    if (names[index - 1]?.startsWith(name.slice(0, 7)))
      throw new Error(`${names[index - 1]} and ${name} have one number`)
  }
  return names.map((name) => {
    const text = readFileSync(`${folder}/${name}`, 'utf8')
    return { name, text, checksum: createHash('sha256').update(text).digest('hex') }
  })
}

/**
 * Brings a database to this release, one transaction per file, under an advisory lock so that processes starting
 * together do not collide. Refuses an old PostgreSQL, a database from the future, an applied file that was changed since,
 * and a new file that comes before an applied one.
 */
export async function migrate(connection: pg.ClientConfig, folder = FOLDER): Promise<{ applied: string[] }> {
  const client = new pg.Client(connection)
  client.on('error', () => {})
  await client.connect()
  try {
    await refuseOldServer(client)
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
  const pending = known.filter(({ name }) => !applied.some((row) => row.name === name))
  const last = applied
    .map(({ name }) => name)
    .sort()
    .at(-1)
  const late = pending.find(({ name }) => last !== undefined && name < last)
  if (late)
    throw new Error(`The migration ${late.name} comes before the applied ${last}; number it after that one.`)
  return pending
}

async function refuseOldServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
  const version = rows[0]?.server_version ?? ''
  if (Number.parseInt(version, 10) < OLDEST_MAJOR)
    throw new Error(`The database is PostgreSQL ${version}; this release needs ${OLDEST_MAJOR} or newer.`)
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

/** Read once: the files of a release do not change while it runs, and readiness is asked every few seconds. */
let release: Migration[] | undefined

/** Whether the database is at this release; for readiness. */
export async function migrationState(
  db: Queryable,
): Promise<{ applied: number; known: number; ok: boolean }> {
  release ??= knownMigrations()
  const rows = await db.query<{ name: string; checksum: string }>(
    sql`SELECT name, checksum FROM migrations ORDER BY name`,
  )
  const ok =
    rows.length === release.length &&
    rows.every(({ name, checksum }, index) => {
      const expected = release?.[index]
      return expected?.name === name && expected.checksum === checksum
    })
  return { applied: rows.length, known: release.length, ok }
}
