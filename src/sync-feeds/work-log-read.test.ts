import pg from 'pg'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { follow } from '../../test/harness/sse.ts'

let app: TestApp
let owner: Caller
beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  await app.org('juniper')
  owner = await app.person('laurel', 'owner')
})
afterAll(() => app.close())

const PATH = '/api/agent/sync-feeds/work-log'
const put = (id: string, title: string, who: Caller = owner) =>
  who.call('PUT', `/api/admin/work-log/${id}`, { title, summary: 'What was done.', kind: 'release' })
const read = (query: Record<string, string | number> = {}, who: Caller = app.guest()) => {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) search.set(name, String(value))
  return who.call('GET', `${PATH}?${search}`)
}
const toEnd = async (from?: string) => {
  const records: any[] = []
  for (let cursor = from; ; ) {
    const { status, body } = await read({ limit: 2, ...(cursor ? { cursor } : {}) })
    expect(status, JSON.stringify(body)).toBe(200)
    records.push(...body.records)
    cursor = body.nextCursor as string
    if (!body.hasMore) return { records, cursor, completeThrough: body.completeThrough }
  }
}

describe('the work log', () => {
  test('[FD-6] is read by guests page by page, each entry once, with tombstones', async () => {
    for (const id of ['one', 'two', 'three']) expect((await put(id, `Number ${id}`)).status).toBe(200)
    const first = await toEnd()
    expect(first.records.map(({ key }) => key)).toEqual(['one', 'two', 'three'])
    expect(first.records[0]).toEqual({
      type: 'work-log.entry.upsert',
      key: 'one',
      idempotencyKey: expect.stringMatching(/^work-log-[0-9a-f]{32}$/),
      updatedAt: expect.any(String),
      tombstone: false,
      data: {
        id: 'one',
        title: 'Number one',
        summary: 'What was done.',
        kind: 'release',
        url: null,
        occurredAt: expect.any(String),
      },
    })
    expect((await owner.call('DELETE', '/api/admin/work-log/two')).body).toEqual({ ok: true, removed: 'two' })
    const then = await toEnd(first.cursor)
    expect(then.records).toMatchObject([
      { type: 'work-log.entry.delete', key: 'two', tombstone: true, data: null },
    ])
    expect((await toEnd(then.cursor)).records).toEqual([])
    const again = await toEnd()
    expect(again.records.slice(0, 3)).toEqual(first.records)
    expect(again.completeThrough >= first.completeThrough).toBe(true)
  })

  test('[FD-7] a cursor that was altered, or is of another feed or organisation, is refused', async () => {
    const { cursor } = await toEnd()
    const altered = `${cursor.slice(0, 4)}${cursor[4] === 'A' ? 'B' : 'A'}${cursor.slice(5)}`
    for (const refused of [
      await read({ cursor: altered }),
      await read({ cursor: 'made-up' }),
      await read({ cursor, artistId: 'juniper' }),
      await owner.call('GET', `/api/agent/sync-feeds/findings?cursor=${cursor}`),
    ])
      expect([refused.status, refused.body.code]).toEqual([400, 'cursor-invalid'])
  })

  test('[FD-8] a cursor from a history that the database does not have says how to start anew', async () => {
    const { cursor } = await toEnd()
    const kept = await app.deps.db.query(sql`DELETE FROM feed_seals RETURNING id, horizon::text, sealed_at`)
    expect(kept.length).toBeGreaterThan(0)
    const { status, body } = await read({ cursor })
    expect([status, body.code]).toEqual([410, 'cursor-expired'])
    expect(body.restart).toEqual({
      reason: 'history-changed',
      action: 'read-from-start',
      feed: 'work-log',
      href: `${app.url}${PATH}`,
    })
    // started anew as it says
    const [path] = [new URL(body.restart.href).pathname]
    expect((await app.guest().call('GET', path)).body.records.length).toBeGreaterThan(0)
    // a seal that is there, and had not come as far
    const now = await toEnd()
    await app.deps.db.query(sql`UPDATE feed_seals SET horizon = '3'`)
    expect((await read({ cursor: now.cursor })).body.restart.reason).toBe('history-changed')
    expect((await toEnd()).records.length).toBeGreaterThan(0)
  })

  test('[FD-9] in another cluster a new epoch begins, with everything in its order', async () => {
    const before = await toEnd()
    await app.deps.db.query(sql`UPDATE feed_clock SET system_identifier = 'elsewhere'`)
    await app.deps.db.query(sql`UPDATE feed_entries SET xid = '9000000000000000000' WHERE org = 'laurel'`)
    app.advance(2_000)
    await put('after', 'After the move')
    await vi.waitFor(async () => expect((await read()).body.records.length).toBeGreaterThan(0))
    const after = await toEnd()
    expect(after.records.slice(0, -1)).toEqual(before.records)
    expect(after.records.at(-1).key).toBe('after')
    expect((await read({ cursor: before.cursor })).status).toBe(410)
    const [{ epoch }] = (await app.deps.db.query(sql`SELECT epoch FROM feed_clock`)) as [{ epoch: number }]
    expect(epoch).toBe(2)
  })

  test('[FD-10] what an open transaction can still come before is held back, and arrives when it ends', async () => {
    const holding = new pg.Client(app.database.connection)
    await holding.connect()
    try {
      const { cursor } = await toEnd()
      await holding.query('BEGIN')
      await holding.query('SELECT pg_current_xact_id()')
      await put('held', 'Held back')
      const now = await read({ cursor })
      expect([now.body.records, now.body.hasMore]).toEqual([[], false])
      const waiting = read({ cursor, wait: 20 })
      const stream = await follow(app.url, app.guest(), `${PATH}?cursor=${cursor}`)
      await holding.query('COMMIT')
      expect((await waiting).body.records).toMatchObject([{ key: 'held' }])
      const [frame] = await stream.events(1)
      expect(frame).toMatchObject({ event: 'work-log.entry.upsert', data: { key: 'held' } })
      stream.close()
      // the id of an event is the cursor to go on from
      await put('later', 'Later')
      const resumed = await follow(app.url, app.guest(), PATH, { 'last-event-id': frame?.id as string })
      expect((await resumed.events(1))[0]).toMatchObject({ data: { key: 'later' } })
      resumed.close()
    } finally {
      await holding.end()
    }
  })

  test('[FD-11] an answer waits for what comes, and no longer than it was asked to', async () => {
    const { cursor } = await toEnd()
    const waiting = read({ cursor, wait: 20 })
    await put('awaited', 'Awaited')
    expect((await waiting).body.records).toMatchObject([{ key: 'awaited' }])
    const after = await toEnd(cursor)
    expect((await read({ cursor: after.cursor, wait: 1 })).body.records).toEqual([])
    expect((await read({ wait: 26 })).status).toBe(400)
  })
})
