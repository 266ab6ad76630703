import pg from 'pg'
import type { Db, Queryable } from '../../db/pool.ts'
import { prepared } from '../../db/statement.ts'

/** `end` gives back all that the connection holds. */
export type Session = { client: pg.Client; queryable: Queryable; end(): Promise<void> }

/**
 * A connection of one's own, for locks that last longer than a transaction. None of the pool's: who waits there with a
 * connection in hand may wait for those that wait for this one.
 */
export async function openSession(db: Db): Promise<Session> {
  const client = new pg.Client(db.pool.options)
  // a broken connection has given its locks back; whoever needs to know listens as well
  client.on('error', () => {})
  await client.connect()
  const query: Queryable['query'] = async <R>(statement: Parameters<Queryable['query']>[0]) =>
    (await client.query(prepared(statement))).rows as R[]
  return { client, queryable: { query }, end: () => client.end().catch(() => {}) }
}
