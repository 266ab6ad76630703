import { createRequire } from 'node:module'
import pg from 'pg'
import Stripe from 'stripe'

export type Place = { url: string; key: string }
export type Found = { active: number; archived: number }

/** The official client as it comes, at another address. */
export const clientAt = ({ url, key }: Place): Stripe =>
  new Stripe(key, { host: '127.0.0.1', port: new URL(url).port, protocol: 'http' })

/** Every price, active and archived, page by page, and nothing done with it. */
export async function listAll(place: Place): Promise<Found> {
  const stripe = clientAt(place)
  const count = async (active: boolean): Promise<number> => {
    let found = 0
    for await (const price of stripe.prices.list({ active, limit: 100 })) if (price.active === active) found++
    return found
  }
  return { active: await count(true), archived: await count(false) }
}

const SCHEMA = 'stripe'

export const urlOf = ({ host, port, user, database, password }: pg.ClientConfig): string =>
  `postgres://${user}${password ? `:${encodeURIComponent(String(password))}` : ''}@/${database}?host=${encodeURIComponent(String(host))}&port=${port}`

export type SyncEngine = { scan(): Promise<Found>; forget(): Promise<void>; end(): Promise<void> }

/** `@supabase/stripe-sync-engine` with its tables in a schema of its own of the same database. */
export async function openSyncEngine(place: Place, connection: pg.ClientConfig): Promise<SyncEngine> {
  // as CommonJS: the migrations of its ES module fail at `__dirname`, and say nothing
  const require = createRequire(import.meta.url)
  const {
    StripeSync,
    runMigrations,
  }: typeof import('@supabase/stripe-sync-engine') = require('@supabase/stripe-sync-engine')
  const client = new pg.Client(connection)
  await client.connect()
  // one of its migrations gives something to this role
  const { rowCount } = await client.query(`SELECT FROM pg_roles WHERE rolname = 'postgres'`)
  if (rowCount === 0) await client.query('CREATE ROLE postgres')
  await runMigrations({ schema: SCHEMA, databaseUrl: urlOf(connection) })
  const poolConfig = { ...connection, max: 10 } as pg.PoolConfig
  const sync = new StripeSync({
    ...{ stripeSecretKey: place.key, stripeWebhookSecret: 'whsec_bench', schema: SCHEMA },
    poolConfig,
  })
  sync.stripe = clientAt(place)
  return {
    async scan() {
      await sync.syncPrices()
      const { rows } = await client.query(
        `SELECT count(*) FILTER (WHERE active)::int AS active, count(*) FILTER (WHERE NOT active)::int AS archived
           FROM ${SCHEMA}.prices`,
      )
      return rows[0] as Found
    },
    forget: async () => void (await client.query(`TRUNCATE ${SCHEMA}.prices CASCADE`)),
    async end() {
      await client.end()
      await sync.close()
    },
  }
}
