import { setTimeout } from 'node:timers/promises'
import sql from 'sql-template-tag'
import type { Db } from '../../src/db/pool.ts'
import { appendToFeed } from '../../src/sync-feeds/append.ts'
import type { Reply } from '../harness/app.ts'
import type { Random } from '../harness/seeded.ts'

const ORG = 'laurel'
const KEYS = 30
/** Of a writer's clock: writers on several machines differ, and none of this may matter to readers. */
const SKEW_MS = 5_000

/** Each key's count, changed in the transaction of its entry: what was committed, in the order of commits of a key. */
export const makeTruth = (db: Db) =>
  db.query(sql`CREATE TABLE storm (key text PRIMARY KEY, n integer NOT NULL)`)

/** What was committed: the last entry of each key. */
export const truth = async (db: Db): Promise<Map<string, number>> =>
  new Map(
    (await db.query<{ key: string; n: number }>(sql`SELECT key, n FROM storm`)).map(({ key, n }) => [key, n]),
  )

export type Storm = {
  db: () => Db
  random: Random
  /** Transactions of each writer. */
  transactions: number
  /** Errors of a database that was killed are expected. */
  mayBreak?: boolean
}

/** One of several writers: transactions that hold on for a while, or for long, or are rolled back. */
export async function write({ db, random, transactions, mayBreak }: Storm, writer: number): Promise<void> {
  for (let n = 0; n < transactions; n++) {
    const keys = random
      .shuffled(Array.from({ length: KEYS }, (_, key) => key))
      .slice(0, 1 + random.below(3))
      .map((key) => `key-${String(key).padStart(2, '0')}`)
      .sort()
    const isLong = writer < 2 && n % 8 === 0
    try {
      await db().transaction(async (tx) => {
        // its number is given out long before it writes, or just then
        if (random.below(3) === 0) {
          await tx.query(sql`SELECT pg_current_xact_id()`)
          await setTimeout(random.below(20))
        }
        // long ones hold a key of their own, so that the others run on
        for (const key of isLong ? [`long-${writer}`] : keys) {
          const [row] = await tx.query<{ n: number }>(sql`
            INSERT INTO storm (key, n) VALUES (${key}, 1) ON CONFLICT (key) DO UPDATE SET n = storm.n + 1 RETURNING n`)
          await appendToFeed(tx, {
            org: ORG,
            feed: 'work-log',
            entries: [entryOf(key, row?.n as number, random)],
          })
          await setTimeout(random.below(6))
        }
        if (isLong) await setTimeout(150 + random.below(150))
        if (random.below(6) === 0) throw new RolledBack()
      })
    } catch (error) {
      if (!(error instanceof RolledBack) && !mayBreak) throw error
      if (!(error instanceof RolledBack)) await setTimeout(50)
    }
  }
}

class RolledBack extends Error {}

function entryOf(key: string, n: number, random: Random) {
  const at = new Date(Date.now() + random.below(2 * SKEW_MS) - SKEW_MS)
  if (n % 7 === 0) return { key, type: 'work-log.entry.delete', data: null, at }
  const data = {
    id: key,
    title: String(n),
    summary: 'Storm',
    kind: 'release',
    url: null,
    occurredAt: at.toISOString(),
  }
  return { key, type: 'work-log.entry.upsert', data, at }
}

export type Seen = {
  /** Records by their idempotency key, in the order in which they were first read. */
  records: Map<string, { key: string; updatedAt: string; title: string | null }>
  /** Records that came after it was said that all up to their time had come. */
  lies: string[]
  pages: number
  resumed: number
}

/**
 * One of several readers: pages of random size, now and then going on from a cursor that it had before, until `isOver`
 * and it has reached the end.
 */
export async function readAll(
  get: (query: string) => Promise<Reply>,
  random: Random,
  isOver: () => boolean,
): Promise<Seen> {
  const seen: Seen = { records: new Map(), lies: [], pages: 0, resumed: 0 }
  const cursors: string[] = []
  let cursor: string | undefined
  let through = ''
  for (let isEnd = false; !isEnd; ) {
    const over = isOver()
    const query = new URLSearchParams({ limit: String(1 + random.below(20)), ...(cursor ? { cursor } : {}) })
    if (random.below(8) === 0) query.set('wait', '1')
    const { status, body } = await get(query.toString())
    if (status >= 500) {
      await setTimeout(50)
      continue
    }
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
    seen.pages++
    for (const { key, idempotencyKey, updatedAt, data } of body.records) {
      if (seen.records.has(idempotencyKey)) continue
      if (updatedAt <= through) seen.lies.push(`${key} of ${updatedAt} after ${through}`)
      seen.records.set(idempotencyKey, { key, updatedAt, title: data?.title ?? null })
    }
    if ((body.completeThrough ?? '') > through) through = body.completeThrough
    cursor = body.nextCursor as string
    cursors.push(cursor)
    isEnd = over && !body.hasMore
    if (!isEnd && random.below(15) === 0) {
      seen.resumed++
      // a cursor of before: what follows it comes again, and what was said to be complete stays so
      cursor = cursors[random.below(cursors.length)] as string
    }
  }
  return seen
}

/** The same by time of change alone, as feeds are often read: what it missed shows that the storm can catch a reader. */
export async function readByTime(db: Db, isOver: () => boolean): Promise<Set<string>> {
  const seen = new Set<string>()
  let last = new Date(0)
  for (let isEnd = false; !isEnd; ) {
    const over = isOver()
    const rows = await db.query<{ id: string; at: Date }>(sql`
      SELECT xid || '/' || seq AS id, updated_at AS at FROM feed_entries
       WHERE org = ${ORG} AND feed = 'work-log' AND updated_at > ${last} ORDER BY updated_at, seq LIMIT 50`)
    for (const { id, at } of rows) {
      seen.add(id)
      last = at
    }
    isEnd = over && rows.length === 0
    if (rows.length === 0) await setTimeout(5)
  }
  return seen
}
