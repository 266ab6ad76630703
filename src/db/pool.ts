import { createHash } from 'node:crypto'
import pg from 'pg'
import type { Sql } from 'sql-template-tag'

/** Runs statements and answers their rows. Parameterised statements are prepared once per connection. */
export type Queryable = { query<R = Record<string, unknown>>(statement: Sql): Promise<R[]> }

export type Db = Queryable & {
  /** One connection: BEGIN, the work, COMMIT; ROLLBACK when the work throws. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>
  pool: pg.Pool
  end(): Promise<void>
}

// int8 as number: our counters stay far below 2^53; a larger value is a defect and is refused loudly
pg.types.setTypeParser(pg.types.builtins.INT8, (text) => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`int8 ${text} does not fit a number`)
  return value
})

const names = new Map<string, string>()

/** One name per statement text; the set is bounded because texts are written in stores, never built from values. */
function nameOf(text: string): string {
  let name = names.get(text)
  if (!name) {
    name = `s_${createHash('sha1').update(text).digest('base64url').slice(0, 20)}`
    names.set(text, name)
  }
  return name
}

const prepared = (statement: Sql): pg.QueryConfig =>
  statement.values.length > 0
    ? { name: nameOf(statement.text), text: statement.text, values: statement.values }
    : { text: statement.text, values: [] }

export function openDb(connection: pg.PoolConfig): Db {
  const pool = new pg.Pool({
    application_name: 'countersign',
    max: 10,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    // a statement of ours takes milliseconds; these only end what hangs
    statement_timeout: 30_000,
    lock_timeout: 10_000,
    idle_in_transaction_session_timeout: 30_000,
    ...connection,
  })
  // a broken idle connection leaves the pool; without a handler it would end the process
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return {
    pool,
    query: async <R>(statement: Sql) => (await pool.query(prepared(statement))).rows as R[],
    transaction: (work) => transaction(pool, work),
    end: () => pool.end(),
  }
}

async function transaction<T>(pool: pg.Pool, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    // not awaited: the driver queues it before the first statement, which saves a turn of the event loop
    const begun = client.query('BEGIN')
    begun.catch(() => {})
    const tx: Queryable = {
      query: async <R>(statement: Sql) => (await client.query(prepared(statement))).rows as R[],
    }
    const result = await work(tx)
    await begun
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError
    })
    throw error
  } finally {
    client.release(broken)
  }
}
