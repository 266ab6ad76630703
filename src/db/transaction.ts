import type { Socket } from 'node:net'
import pg from 'pg'
import type { Sql } from 'sql-template-tag'
import type { Queryable, Transaction } from './pool.ts'
import { prepared } from './statement.ts'

/** One connection: BEGIN, the work, COMMIT; ROLLBACK when the work throws. Resolves only if it was committed. */
export async function transaction<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  const scope = openScope(client)
  try {
    const result = await work(scope.tx)
    await scope.begun
    scope.check()
    const { command } = await client.query('COMMIT')
    scope.check()
    // PostgreSQL answers COMMIT with ROLLBACK when a statement had failed, even if the work went on
    if (command !== 'COMMIT') throw new Error('A statement of the transaction failed; nothing was written.')
    return result
  } catch (error) {
    scope.close()
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError
    })
    broken ??= scope.driverError()
    throw error
  } finally {
    scope.close()
    // a connection that could not roll back, or whose driver lost track of what it prepared, is destroyed
    client.release(broken)
  }
}

type Scope = {
  tx: Transaction
  begun: Promise<unknown>
  /** Throws what a sent statement failed with. */
  check(): void
  /** What a statement failed with on this side of the connection, if one did. */
  driverError(): Error | undefined
  close(): void
}

/** The statements of one transaction. Closed, it refuses more: they would run on somebody else's transaction. */
function openScope(client: pg.PoolClient): Scope {
  let open = true
  let first = true
  let failed: Error | undefined
  let driverError: Error | undefined
  const note = (error: Error) => {
    if (!(error instanceof pg.DatabaseError)) driverError ??= error
  }
  const requireOpen = () => {
    if (!open) throw new Error('The transaction has ended.')
  }
  // not awaited: it is on its way together with the first statement; only the second waits for its answer
  together(client)
  const begun = client.query('BEGIN')
  begun.catch(() => {})
  const query: Queryable['query'] = async <R>(statement: Sql): Promise<R[]> => {
    if (!first) await begun
    first = false
    requireOpen()
    try {
      return (await client.query(prepared(statement))).rows as R[]
    } catch (error) {
      note(error as Error)
      throw error
    }
  }
  return {
    tx: {
      query,
      send(statement) {
        first = false
        requireOpen()
        together(client)
        // a callback, not a promise: what the driver cannot even send must be known before COMMIT follows
        client.query(prepared(statement), (error: Error | null) => {
          if (!error) return
          failed ??= error
          note(error)
        })
      },
    },
    begun,
    check() {
      if (failed) throw failed
    },
    driverError: () => driverError,
    close() {
      open = false
    },
  }
}

/**
 * What is sent until the current turn of the event loop ends leaves in one write: writes to sockets were 40 % of the
 * time of a confirmed write.
 */
function together(client: pg.PoolClient): void {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection
  stream.cork()
  process.nextTick(() => stream.uncork())
}
