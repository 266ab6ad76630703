import pg from 'pg'
import { pino } from 'pino'
import { startEmbedded } from '../../src/db/embedded/start.ts'

/** A process that starts or joins a data folder's PostgreSQL, writes a row and stays. */
const embedded = await startEmbedded(process.argv[2] as string, pino({ level: 'silent' }))
const client = new pg.Client(embedded.connection)
client.on('error', () => {})
await client.connect()
// holders start together, and IF NOT EXISTS alone does not keep two of them apart
await client.query('SELECT pg_advisory_lock(1)')
await client.query('CREATE TABLE IF NOT EXISTS rows (id serial PRIMARY KEY, pid int)')
const { rows } = await client.query('SELECT count(*)::int AS n FROM rows')
await client.query('INSERT INTO rows (pid) VALUES ($1)', [process.pid])
await client.query('SELECT pg_advisory_unlock(1)')
process.on('SIGTERM', async () => {
  await client.end()
  await embedded.stop()
  process.exit(0)
})
// as a server's socket would keep it
setInterval(() => {}, 60_000)
process.stdout.write(
  `${JSON.stringify({ adopted: embedded.adopted, before: rows[0].n, socket: embedded.connection.host })}\n`,
)
