import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../test/harness/database.ts'
import { createLogger } from './log.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())

const CANARY = 'canary-5d1f'

function logging(): { log: ReturnType<typeof createLogger>; lines(): Record<string, unknown>[] } {
  const written: string[] = []
  const log = createLogger({ logLevel: 'trace' }, { write: (line) => void written.push(line) })
  return { log, lines: () => written.map((line) => JSON.parse(line)) }
}

test('[D-36] a line has the level, the time, the request id and what was passed', () => {
  const { log, lines } = logging()
  log.child({ requestId: 'r-1' }).info({ status: 200, operation: 'live.read' }, 'served')
  expect(lines()).toEqual([
    {
      level: 30,
      time: expect.stringMatching(/Z$/),
      requestId: 'r-1',
      status: 200,
      operation: 'live.read',
      msg: 'served',
    },
  ])
})

test('[D-37] values of fields that are named like secrets are never written, however deep', () => {
  const { log, lines } = logging()
  log.info({
    authorization: CANARY,
    headers: { cookie: CANARY, 'set-cookie': [CANARY], 'x-api-key': CANARY },
    list: [{ streamKey: CANARY, accessToken: CANARY, password_hash: CANARY }],
    a: { b: { c: { d: { e: CANARY } } } },
    req: { headers: { 'x-anything': CANARY } },
    connection: { connectionString: CANARY },
  })
  expect(lines()).toHaveLength(1)
  expect(JSON.stringify(lines())).not.toContain(CANARY)
})

test('[D-38] an error tells its type, message, code and place, and not the values that a driver quotes', async () => {
  const { log, lines } = logging()
  const { db } = database
  await db.query(sql`CREATE TABLE unique_notes (body text PRIMARY KEY)`)
  await db.query(sql`INSERT INTO unique_notes VALUES (${CANARY})`)
  const errors = await Promise.all([
    db.query(sql`INSERT INTO unique_notes VALUES (${CANARY})`).catch((error: unknown) => error),
    db.query(sql`SELECT ${CANARY}::int`).catch((error: unknown) => error),
    db.query(sql`SELECT ${`"first\n${CANARY}"`}::timestamptz`).catch((error: unknown) => error),
  ])
  for (const err of errors) log.error({ err }, 'failed')
  expect(lines().map(({ err }) => (err as { code: string }).code)).toEqual(['23505', '22P02', '22007'])
  expect(lines()[0]).toMatchObject({
    err: {
      message: expect.stringContaining('unique_notes_pkey'),
      stack: expect.stringContaining('log.test.ts'),
    },
  })
  expect(JSON.stringify(lines())).not.toContain(CANARY)
})
