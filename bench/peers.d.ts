/** What the benches use of peers that are installed only for them, so that types are checked without installing them. */
declare module '@langchain/langgraph-checkpoint-postgres' {
  type Config = { configurable: Record<string, unknown> }
  export class PostgresSaver {
    constructor(pool: import('pg').Pool, serde?: undefined, options?: { schema: string })
    setup(): Promise<void>
    put(
      config: Config,
      checkpoint: unknown,
      metadata: unknown,
      versions: Record<string, number>,
    ): Promise<Config>
    list(config: Config): AsyncIterable<unknown>
  }
}

declare module 'p-graph' {
  export class PGraph {
    constructor(
      nodes: Map<string, { run(): Promise<unknown> }>,
      dependencies: [before: string, after: string][],
    )
    run(options: { concurrency: number }): Promise<void>
  }
}

declare module 'socket.io' {
  import type { Server as HttpServer } from 'node:http'
  export class Server {
    constructor(http: HttpServer, options: Record<string, unknown>)
    on(event: 'connection', listener: (socket: { join(room: string): void }) => void): void
    to(room: string): { emit(event: string, data: unknown): void }
    close(): Promise<void>
  }
}

declare module '@supabase/stripe-sync-engine' {
  export class StripeSync {
    constructor(config: {
      stripeSecretKey: string
      stripeWebhookSecret: string
      schema: string
      poolConfig: import('pg').PoolConfig
    })
    /** Public there: it has no setting for the host. */
    stripe: import('stripe').Stripe
    syncPrices(): Promise<{ synced: number }>
    close(): Promise<void>
  }
  /** Logs what fails and goes on. */
  export function runMigrations(config: { schema: string; databaseUrl: string }): Promise<void>
}
