import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { appendBatchToFeed, appendToFeed } from './append.ts'
import { dropOldEntries } from './retention.ts'

const DAY_MS = 86_400_000
let app: TestApp
let owner: Caller
beforeAll(async () => {
  app = await testApp({ config: { feedDays: 10 } })
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
})
afterAll(() => app.close())

const append = (key: string, title: string | null) =>
  app.deps.db.transaction((tx) =>
    appendToFeed(tx, {
      org: 'laurel',
      feed: 'work-log',
      entries: [
        title === null
          ? { key, type: 'work-log.entry.delete', data: null, at: app.deps.clock() }
          : {
              key,
              type: 'work-log.entry.upsert',
              data: { id: key, title, summary: '', kind: 'release', url: null, occurredAt: '' },
              at: app.deps.clock(),
            },
      ],
    }),
  )
const read = async (query = '', feed = 'work-log') =>
  owner.call('GET', `/api/agent/sync-feeds/${feed}?limit=500${query}`)
const titles = async (query = '') =>
  (await read(query)).body.records.map(({ key, data }: any) => `${key} ${data?.title ?? 'gone'}`)

test('[FD-15] versions are dropped when superseded, tombstones later, and who missed one starts anew', async () => {
  await append('a', '1')
  const early = (await read()).body.nextCursor
  await append('a', '2')
  await append('b', '1')
  await append('b', null)
  const late = (await read()).body.nextCursor
  app.advance(2 * DAY_MS)
  await dropOldEntries(app.deps)
  expect(await titles()).toEqual(['a 2', 'b gone'])
  expect(await titles(`&cursor=${early}`)).toEqual(['a 2', 'b gone'])
  await append('a', '3')
  app.advance(9 * DAY_MS)
  // cursors are kept for as long as tombstones, counted from when they were last used
  await read(`&cursor=${early}`)
  await dropOldEntries(app.deps)
  expect(await titles()).toEqual(['a 3'])
  const refused = await read(`&cursor=${early}`)
  expect([refused.status, refused.body.restart.reason]).toEqual([410, 'below-retention'])
  expect(await titles(`&cursor=${late}`)).toEqual(['a 3'])
  // what there is once is kept for ever
  app.advance(100 * DAY_MS)
  await dropOldEntries(app.deps)
  expect(await titles()).toEqual(['a 3'])
  const unused = await read(`&cursor=${late}`)
  expect([unused.status, unused.body.restart.reason]).toEqual([410, 'history-changed'])
})

test('[FD-15] batches go by their age, and a cursor inside of one is below the floor then', async () => {
  const entries = Array.from({ length: 5 }, (_, n) => ({
    key: `thing/${n}`,
    type: 'config.document.upsert',
    data: { type: 'thing', id: String(n), version: 1 },
  }))
  await app.deps.db.transaction(async (tx) => {
    await tx.query(sql`SELECT pg_current_xact_id()`)
    await appendBatchToFeed(tx, { org: 'laurel', feed: 'config-changes', entries, at: app.deps.clock() })
  })
  const whole = (await read('', 'config-changes')).body
  expect(whole.records).toHaveLength(5)
  const part = (await owner.call('GET', '/api/agent/sync-feeds/config-changes?limit=2')).body
  app.advance(11 * DAY_MS)
  await read('', 'config-changes')
  await dropOldEntries(app.deps)
  expect((await read('', 'config-changes')).body.records).toEqual([])
  expect((await read(`&cursor=${part.nextCursor}`, 'config-changes')).body.restart.reason).toBe(
    'below-retention',
  )
  expect((await read(`&cursor=${whole.nextCursor}`, 'config-changes')).status).toBe(200)
})

test('[FD-15] of marks one a minute stays after an hour, and what they say stays true', async () => {
  for (let n = 0; n < 5; n++) {
    await append('m', String(n))
    await read()
  }
  app.advance(2 * 3_600_000)
  await dropOldEntries(app.deps)
  const [row] = await app.deps.db.query<{ most: number }>(sql`
    SELECT max(c.n) AS most FROM (SELECT count(*) AS n FROM feed_marks
             WHERE at < ${new Date(app.deps.clock().getTime() - 3_600_000)} GROUP BY date_trunc('minute', at)) c`)
  expect(row?.most ?? 1).toBe(1)
  expect((await read()).status).toBe(200)
})
