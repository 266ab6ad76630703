import pg from 'pg'
import type { Sql } from 'sql-template-tag'
import { openReads } from './reads.ts'
import { prepared } from './statement.ts'
import { transaction } from './transaction.ts'

/** Runs statements and answers their rows. Parameterised statements are prepared once per connection. */
export type Queryable = { query<R = Record<string, unknown>>(statement: Sql): Promise<R[]> }

/** The statements of one transaction. */
export type Transaction = Queryable & {
  /**
   * Sends a statement whose rows nobody needs, without waiting: it travels with the next one, or with COMMIT. When it
   * fails the transaction fails with its error.
   */
  send(statement: Sql): void
}

export type Db = Queryable & {
  /**
   * A hot autocommit read by key, on one shared connection that pipelines. It may wait behind other reads, so nothing
   * that scans belongs here, and nothing that writes: it is repeated when the connection breaks.
   */
  read<R = Record<string, unknown>>(statement: Sql): Promise<R[]>
  /** One connection: BEGIN, the work, COMMIT; ROLLBACK when the work throws. Resolves only if it was committed. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  pool: pg.Pool
  end(): Promise<void>
}

// int8 as number: our counters stay far below 2^53; a larger value is a defect and is refused loudly
pg.types.setTypeParser(pg.types.builtins.INT8, (text) => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`int8 ${text} does not fit a number`)
  return value
})

export function openDb(connection: pg.PoolConfig): Db {
  const settings: pg.PoolConfig = {
    application_name: 'countersign',
    max: 10,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // a statement of ours takes milliseconds; these only end what hangs
    statement_timeout: 30_000,
    lock_timeout: 10_000,
    idle_in_transaction_session_timeout: 30_000,
    // longer than the server's own limit: for a connection whose other end has vanished without a word
    query_timeout: 35_000,
    // BEGIN travels with the first statement: 20 % more transactions of four statements than one by one
    pipeline: true,
    ...connection,
  }
  const pool = new pg.Pool(settings)
  // a broken idle connection leaves the pool; without a handler it would end the process
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const reads = openReads(settings)
  return {
    pool,
    query: async <R>(statement: Sql) => (await pool.query(prepared(statement))).rows as R[],
    read: reads.query,
    transaction: (work) => transaction(pool, work),
    async end() {
      await reads.end()
      await pool.end()
    },
  }
}
