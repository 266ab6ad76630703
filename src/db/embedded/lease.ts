import pg from 'pg'

const NAME = 'countersign-lease'

/** A connection that a process keeps for as long as it holds the PostgreSQL. */
export type Lease = {
  /** Resolves when PostgreSQL ends the connection; never after `end`. */
  lost: Promise<void>
  /** Whether other processes hold the PostgreSQL too, so that it stays when we leave. */
  others(): Promise<boolean>
  end(): Promise<void>
}

/** Undefined when PostgreSQL does not let us in: it is just starting or stopping. */
export async function openLease(connection: pg.ClientConfig): Promise<Lease | undefined> {
  const client = new pg.Client({
    ...connection,
    application_name: NAME,
    connectionTimeoutMillis: 2_000,
    query_timeout: 1_000,
  })
  const { promise: lost, resolve } = Promise.withResolvers<void>()
  let ending = false
  client.on('error', () => {})
  client.on('end', () => {
    if (!ending) resolve()
  })
  try {
    await client.connect()
  } catch {
    return undefined
  }
  // holding is no reason to stay alive; an answer that is waited for is (the typings lack both)
  const hold = client as pg.Client & { ref(): void; unref(): void }
  hold.unref()
  return {
    lost,
    async others() {
      hold.ref()
      const result = await client
        .query(
          'SELECT FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid() LIMIT 1',
          [NAME],
        )
        .catch(() => undefined)
      return (result?.rowCount ?? 0) > 0
    },
    async end() {
      ending = true
      hold.ref()
      await client.end().catch(() => {})
    },
  }
}
