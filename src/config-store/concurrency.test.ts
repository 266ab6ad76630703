import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type Reply, type TestApp, testApp } from '../../test/harness/app.ts'
import { addType, documentsAs, ifMatch, newKey } from '../../test/harness/store.ts'
import { registryOf } from '../config-hub/types/registry.ts'
import { type DocumentWrite, writeDocuments } from './documents.ts'

let app: TestApp
let owner: Caller
let things: ReturnType<typeof documentsAs>

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  await addType(app, 'laurel', { type: 'thing' })
  things = documentsAs(owner, 'thing')
})
afterAll(() => app.close())

const hundred = <T>(make: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: 100 }, (_, n) => make(n)))
const applied = (replies: Reply[]) => replies.filter(({ status }) => status === 200)
const versions = async (id: string): Promise<number[]> =>
  (await things.history(id, '?size=100')).body.results.map(({ version }: any) => version)

describe('a hundred writes at once', () => {
  test('[CS-17] of one version: exactly one is applied, the others are told that it is stale', async () => {
    await things.put('one-version', { n: -1 })
    const replies = await hundred((n) => things.patch('one-version', { n }, ifMatch(1)))
    expect(applied(replies)).toHaveLength(1)
    expect(new Set(replies.map(({ body }) => body.code))).toEqual(new Set([undefined, 'stale']))
    const winner = replies.findIndex(({ status }) => status === 200)
    expect((await things.get('one-version')).body).toEqual({ n: winner })
    expect(await versions('one-version')).toEqual([2, 1])
  })

  test('[CS-17] by readers who try again until they succeed lose nothing', async () => {
    await things.put('counter', { n: 0 })
    const addOne = async (): Promise<void> => {
      const { body, headers } = await things.get('counter')
      const guard = { 'if-match': headers.get('etag')! }
      const { status } = await things.patch('counter', { n: body.n + 1 }, guard)
      if (status === 412) return addOne()
      expect(status).toBe(200)
    }
    await Promise.all(Array.from({ length: 12 }, addOne))
    expect((await things.get('counter')).body).toEqual({ n: 12 })
    expect(await versions('counter')).toHaveLength(13)
  })

  test('[CS-17] of a document that is not there yet: one creates, the others replace, each its own version', async () => {
    const replies = await hundred((n) => things.put('new', { n }))
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200))
    expect(replies.filter(({ body }) => body.created)).toHaveLength(1)
    expect(replies.map(({ body }) => body.version).sort((a, b) => a - b)).toEqual(
      replies.map((_, n) => n + 1),
    )
    const last = replies.findIndex(({ body }) => body.version === 100)
    expect((await things.get('new')).body).toEqual({ n: last })
  })

  test('[CS-17] that only create: exactly one does', async () => {
    const replies = await hundred((n) => things.put('only', { n }, { 'if-none-match': '*' }))
    expect(applied(replies)).toHaveLength(1)
    expect(replies.filter(({ body }) => body.code === 'stale')).toHaveLength(99)
    expect(await versions('only')).toEqual([1])
  })

  test('[CS-17] under one key have one effect', async () => {
    const key = newKey()
    const replies = await hundred(() => owner.call('POST', '/v1/store/thing', { made: 'once' }, key))
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1)
    const rows = await app.deps.db.query(sql`
      SELECT 1 FROM config_documents WHERE org = 'laurel' AND document->>'made' = 'once'`)
    expect(rows).toHaveLength(1)
  })

  test('[CS-17] that put, patch and delete leave a history without gaps', async () => {
    const replies = await hundred((n) => {
      if (n % 3 === 0) return things.put('mixed', { n })
      return n % 3 === 1 ? things.patch('mixed', { p: n }) : things.remove('mixed')
    })
    for (const { status } of replies) expect([200, 404]).toContain(status)
    const found = await versions('mixed')
    expect(found).toEqual(found.map((_, index) => found.length - index))
  })
})

describe('batches', () => {
  /** A batch of the one way to write, in a transaction of its own. */
  const batch = async (writes: DocumentWrite[]) => {
    const { deps } = app
    const registry = await registryOf(deps.db, 'laurel')
    return deps.db.transaction((db) =>
      writeDocuments({ db, deps, org: 'laurel', now: deps.clock(), author: 'batch' }, registry, writes),
    )
  }

  test('[CS-17] over the same documents in opposite orders, new ones among them, wait for each other and end', async () => {
    const ids = Array.from({ length: 40 }, (_, n) => `b${n}`)
    await batch(ids.slice(0, 10).map((id) => ({ type: 'thing', id, op: 'put', document: { id } })))
    const rounds = Array.from({ length: 20 }, (_, round) => {
      const writes = ids.map(
        (id): DocumentWrite => ({ type: 'thing', id, op: 'put', document: { id, round } }),
      )
      return batch(round % 2 === 0 ? writes : writes.reverse())
    })
    await Promise.all(rounds)
    for (const id of ids) expect((await versions(id)).length).toBeGreaterThanOrEqual(20)
    const contents = await Promise.all(ids.map(async (id) => (await things.get(id)).body.round))
    expect(new Set(contents).size).toBe(1)
  })

  test('[CS-9] are written as a whole or not at all', async () => {
    const writes: DocumentWrite[] = [
      { type: 'thing', id: 'whole-1', op: 'put', document: { n: 1 } },
      { type: 'thing', id: 'whole-2', op: 'put', document: { n: 1 }, ifVersion: 4 },
    ]
    await expect(batch(writes)).rejects.toMatchObject({ code: 'stale' })
    await expect(batch([writes[0]!, { type: 'thing', id: 'nowhere', op: 'delete' }])).rejects.toMatchObject({
      code: 'not-found',
    })
    expect((await things.get('whole-1')).status).toBe(404)
    const written = await batch([
      { ...writes[0]!, ifVersion: 0 },
      { type: 'thing', id: 'b0', op: 'delete' },
      { type: 'thing', id: 'b1', op: 'patch', document: { round: null } },
    ])
    expect(written.map(({ id, deleted, document }) => [id, deleted, document])).toEqual([
      ['whole-1', false, { n: 1 }],
      ['b0', true, null],
      ['b1', false, { id: 'b1' }],
    ])
    await expect(batch([{ ...writes[0]!, ifVersion: 0 }])).rejects.toMatchObject({ code: 'stale' })
  })

  test('[CS-17] take as many statements as one document does', async () => {
    const statements = async (n: number) => {
      const seen: string[] = []
      const registry = await registryOf(app.deps.db, 'laurel')
      await app.deps.db.transaction((tx) => {
        const db = {
          ...tx,
          query: ((statement: any) => {
            seen.push(statement.text)
            return tx.query(statement)
          }) as typeof tx.query,
        }
        const writes = Array.from(
          { length: n },
          (_, k): DocumentWrite => ({
            type: 'thing',
            id: `s${n}-${k}`,
            op: 'put',
            document: { title: `Title ${n} ${k}` },
          }),
        )
        return writeDocuments(
          { db, deps: app.deps, org: 'laurel', now: new Date(), author: 'x' },
          registry,
          writes,
        )
      })
      return seen.length
    }
    expect(await statements(500)).toBe(await statements(2))
  })
})

describe('[CT-10] a type that is removed', () => {
  const remove = (type: string) => owner.call('DELETE', `/v1/configs/types/${type}`)

  test('while one of its configurations is written waits, and stays', async () => {
    await addType(app, 'laurel', { type: 'held' })
    const removal = await app.deps.db.transaction(async (tx) => {
      const write: DocumentWrite = { type: 'held', id: 'one', op: 'put', document: { n: 1 } }
      const ctx = { db: tx, deps: app.deps, org: 'laurel', now: new Date(), author: 'test' }
      await writeDocuments(ctx, await registryOf(tx, 'laurel'), [write])
      const started = remove('held')
      await somebodyWaits()
      return { started }
    })
    expect((await removal.started).body.code).toBe('plan-blocked')
    expect((await documentsAs(owner, 'held').get('one')).body).toEqual({ n: 1 })
  })

  test('first refuses the write that came meanwhile', async () => {
    await addType(app, 'laurel', { type: 'leaving' })
    const put = await app.deps.db.transaction(async (tx) => {
      await tx.query(sql`DELETE FROM config_types WHERE org = 'laurel' AND type = 'leaving'`)
      const started = documentsAs(owner, 'leaving').put('one', { n: 1 })
      await somebodyWaits()
      return { started }
    })
    const { status, body } = await put.started
    expect([status, body.code, body.errors[0].pointer]).toEqual([400, 'validation-failed', '/type'])
    const rows = await app.deps.db.query(
      sql`SELECT 1 FROM config_documents WHERE org = 'laurel' AND type = 'leaving'`,
    )
    expect(rows).toEqual([])
  })
})

async function somebodyWaits(): Promise<void> {
  const deadline = Date.now() + 10_000
  const waiting = sql`
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  while ((await app.deps.db.query(waiting)).length === 0)
    if (Date.now() > deadline) throw new Error('nothing waited within 10 s')
}
