import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { Sql } from 'sql-template-tag'

/** A server keeps every prepared statement of a connection: 1,000 plans are a few megabytes each connection. */
const MOST_NAMES = 1_000

const names = new Map<string, string>()

/** One name per statement text. Texts come from stores, so they are few; should they not be, the rest go unnamed. */
function nameOf(text: string): string | undefined {
  const known = names.get(text)
  if (known || names.size >= MOST_NAMES) return known
  const name = `s_${createHash('sha1').update(text).digest('base64url').slice(0, 20)}`
  names.set(text, name)
  return name
}

/** The statement as the driver takes it: named, and so prepared, when it has parameters. */
export function prepared(statement: Sql): pg.QueryConfig {
  const { text, values } = statement
  return values.length > 0 ? { name: nameOf(text), text, values } : { text, values: [] }
}
