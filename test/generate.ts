import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { guestPrincipal } from '../src/access/principal.ts'
import { removeDataFolder, temporaryDataFolder } from '../src/db/embedded/folder.ts'
import { startEmbedded } from '../src/db/embedded/start.ts'
import { migrate } from '../src/db/migrate.ts'
import { openDb } from '../src/db/pool.ts'
import { describe } from '../src/operation/manifest.ts'
import { openapi } from '../src/operation/openapi.ts'
import { OPERATIONS } from '../src/operations.ts'
import { VERSION } from '../src/version.ts'
import { schemaSql } from './generate/schema.ts'

const FOLDER = fileURLToPath(new URL('../generated/', import.meta.url))

/** The committed files that follow from the code: writes them, or with --check fails where one differs. */
async function generate(check: boolean): Promise<number> {
  const files: Record<string, string> = {
    'openapi.json': json(openapi(OPERATIONS, VERSION)),
    'operations.json': json(
      OPERATIONS.map((operation) => describe(operation, 'https://example.org', guestPrincipal('laurel'))),
    ),
    'schema.sql': await migratedSchema(),
  }
  mkdirSync(FOLDER, { recursive: true })
  const different = Object.entries(files).filter(([name, text]) => read(name) !== text)
  if (!check) for (const [name, text] of different) writeFileSync(path.join(FOLDER, name), text)
  for (const [name] of different)
    console.log(
      check ? `generated/${name} is not up to date; run "npm run generate"` : `wrote generated/${name}`,
    )
  return check && different.length > 0 ? 1 : 0
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`

function read(name: string): string | undefined {
  try {
    return readFileSync(path.join(FOLDER, name), 'utf8')
  } catch {
    return undefined
  }
}

async function migratedSchema(): Promise<string> {
  const folder = temporaryDataFolder('countersign-generate-')
  const { connection, stop } = await startEmbedded(folder, pino({ level: 'warn' }))
  try {
    await migrate(connection)
    const db = openDb(connection)
    try {
      return await schemaSql(db)
    } finally {
      await db.end()
    }
  } finally {
    await stop()
    removeDataFolder(folder)
  }
}

process.exitCode = await generate(process.argv.includes('--check'))
