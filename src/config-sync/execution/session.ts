import type pg from 'pg'
import type { Db, Queryable } from '../../db/pool.ts'
import { prepared } from '../../db/statement.ts'

export type Session = { client: pg.PoolClient; queryable: Queryable }

/** A connection of one's own, for locks that last longer than a transaction. */
export async function openSession(db: Db): Promise<Session> {
  const client = await db.pool.connect()
  const query: Queryable['query'] = async <R>(statement: Parameters<Queryable['query']>[0]) =>
    (await client.query(prepared(statement))).rows as R[]
  return { client, queryable: { query } }
}
