import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { addType, documentsAs, ifMatch, newKey } from '../../test/harness/store.ts'

let app: TestApp
let owner: Caller
let things: ReturnType<typeof documentsAs>

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  await addType(app, 'laurel', { type: 'thing' })
  await addType(app, 'laurel', { type: 'elsewhere', connector: 'crm' })
  await addType(app, 'laurel', {
    type: 'strict_thing',
    json_schema: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
  })
  things = documentsAs(owner, 'thing')
})
afterAll(() => app.close())

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

describe('a document', () => {
  test('[CS-1] comes back as it was sent, its members in their order, with nothing added', async () => {
    const text =
      '{"zeta":1,"alpha":{"b":[1,2.5,-0.25,1e-7,true,null,"é😀\\n"],"a":{}},"":"empty name","id":"other","x":""}'
    const put = await things.put('as-sent', text)
    expect([put.status, put.body]).toEqual([
      200,
      {
        type: 'thing',
        id: 'as-sent',
        version: 1,
        updated_at: expect.stringMatching(ISO),
        created: true,
        unchanged: false,
        secrets: [],
      },
    ])
    const response = await fetch(app.url + things.at('as-sent'), { headers: owner.headers })
    expect(await response.text()).toBe(text)
    expect(response.headers.get('etag')).toBe('"1"')
    expect(Date.parse(response.headers.get('last-modified')!)).toBe(
      Math.floor(Date.parse(put.body.updated_at) / 1000) * 1000,
    )
    expect(response.headers.get('x-updated-by')).toBe('Person 1')
  })

  test('[CS-1] its author is named whatever alphabet the name is in', async () => {
    const key = await app.key({
      org: 'laurel',
      role: 'automation',
      name: 'Мая 100%',
      scopes: ['creator:laurel:*'],
    })
    await documentsAs(key, 'thing').put('author', { n: 1 })
    const got = await things.get('author')
    expect(got.status).toBe(200)
    expect(decodeURIComponent(got.headers.get('x-updated-by')!)).toContain('Мая 100%')
    expect((await things.history('author')).body.results[0].updated_by).toContain('Мая 100%')
  })

  test('[CS-2] is replaced at its id; one that is so already makes no new version', async () => {
    await things.put('replaced', { a: 1, b: { c: 2, d: 3 } })
    const same = await things.put('replaced', { b: { d: 3, c: 2 }, a: 1 })
    expect(same.body).toMatchObject({ version: 1, created: false, unchanged: true })
    const other = await things.put('replaced', { a: 2 })
    expect(other.body).toMatchObject({ version: 2, created: false, unchanged: false })
    expect((await things.get('replaced')).body).toEqual({ a: 2 })
    expect((await things.history('replaced')).body.results).toHaveLength(2)
  })

  test('[CS-2] that the store names has the id in the answer only', async () => {
    const made = await owner.call('POST', '/v1/store/thing', { name: 'New' })
    expect([made.status, made.body]).toEqual([201, expect.objectContaining({ created: true, version: 1 })])
    expect(made.body.id).toMatch(/^[0-9a-f-]{36}$/)
    expect((await things.get(made.body.id)).body).toEqual({ name: 'New' })
  })

  test('[CS-3] has any id that a URL can carry, and no other', async () => {
    for (const id of ['a/b', 'Ünï cödé', 'mail@example.org', '100%', 'x'.repeat(300)]) {
      expect((await things.put(id, { id })).body, id).toMatchObject({ id, version: 1 })
      expect((await things.get(id)).body).toEqual({ id })
    }
    const long = await things.put('x'.repeat(301), {})
    expect([long.status, long.body.errors[0].pointer]).toEqual([400, '/id'])
    const control = await things.put('a\nb', {})
    expect([control.status, control.body.errors[0].pointer]).toEqual([400, '/id'])
  })

  test.each([
    ['a list', '[1]', '/document'],
    ['text', '"x"', '/document'],
    ['an integer beyond 2^53', '{"a":{"n":9007199254740993}}', '/document/a/n'],
    ['a number that is no double', '{"n":[1e999]}', '/document/n/0'],
    ['U+0000', '{"t":"a\\u0000"}', '/document/t'],
    ['a member __proto__', '{"__proto__":{"x":1}}', '/document/__proto__'],
    ['29 levels', `${'{"a":'.repeat(29)}1${'}'.repeat(29)}`, `/document${'/a'.repeat(28)}`],
  ])('[CS-4] that is or holds %s is refused by its place', async (_what, text, pointer) => {
    const reply = await things.put('refused', text)
    expect([reply.status, reply.body.code]).toEqual([400, 'validation-failed'])
    expect(reply.body.errors).toMatchObject([{ pointer }])
    const patched = await things.patch('as-sent', text)
    expect(patched.body.errors).toMatchObject([{ pointer }])
    expect((await things.get('refused')).status).toBe(404)
  })

  test('[CS-4] of more than a mebibyte is refused over HTTP', async () => {
    const reply = await things.put('large', { text: 'x'.repeat(1_048_576) })
    expect([reply.status, reply.body.code]).toEqual([413, 'too-large'])
  })

  test('[CS-4] that grew by patches beyond what a line can carry is refused', async () => {
    await things.put('grows', {})
    const part = 'x'.repeat(1_000_000)
    for (const name of ['a', 'b', 'c'])
      expect((await things.patch('grows', { [name]: part })).status).toBe(200)
    const reply = await things.patch('grows', { d: part })
    expect(reply.body.errors).toEqual([{ pointer: '/document', message: 'must have at most 4000000 bytes' }])
  })

  test('[CS-7] that its type does not allow is refused by its places', async () => {
    const strict = documentsAs(owner, 'strict_thing')
    expect((await strict.put('one', { name: 7 })).body.errors).toEqual([
      { pointer: '/document/name', message: 'must be string' },
    ])
    expect((await strict.put('one', { name: 'One' })).status).toBe(200)
    expect((await strict.patch('one', { name: null })).body.errors).toEqual([
      { pointer: '/document/name', message: 'is required' },
    ])
    expect((await strict.get('one')).body).toEqual({ name: 'One' })
  })

  test('[CS-25] of an unknown type, and of one that lives elsewhere, is refused', async () => {
    for (const type of ['nothing_such', 'elsewhere']) {
      const reply = await documentsAs(owner, type).put('one', {})
      expect([reply.status, reply.body.errors?.[0].pointer], type).toEqual([400, '/type'])
    }
    expect((await documentsAs(owner, 'nothing_such').get('one')).body.errors[0].pointer).toBe('/type')
  })
})

describe('a patch', () => {
  test('[CS-5] changes the members that it names, and nothing else', async () => {
    await things.put('patched', { keep: [1, 2], drop: 1, deep: { a: 1, b: 2 } })
    const merge = { 'content-type': 'application/merge-patch+json' }
    const reply = await things.patch(
      'patched',
      { drop: null, deep: { b: 3, c: { d: null } }, list: [null] },
      merge,
    )
    expect(reply.body).toMatchObject({ version: 2, unchanged: false })
    expect((await things.get('patched')).body).toEqual({
      keep: [1, 2],
      deep: { a: 1, b: 3, c: {} },
      list: [null],
    })
  })

  test('[CS-5] that changes nothing makes no new version, and of nothing is refused', async () => {
    await things.put('still', { a: 1 })
    for (const patch of [{}, { a: 1 }, { b: null }])
      expect((await things.patch('still', patch)).body).toMatchObject({ version: 1, unchanged: true })
    expect((await things.patch('none', { a: 1 })).status).toBe(404)
  })
})

describe('guards', () => {
  test('[CS-9] If-Match writes only over that version; a refusal brings the fresh plan', async () => {
    await things.put('guarded', { a: 1 })
    await things.put('guarded', { a: 2 }, ifMatch(1))
    for (const write of [
      things.put('guarded', { a: 3 }, ifMatch(1)),
      things.patch('guarded', { a: 3 }, ifMatch(1)),
      things.remove('guarded', ifMatch(1)),
    ]) {
      const stale = await write
      expect([stale.status, stale.body.code]).toEqual([412, 'stale'])
      expect(stale.body.plan.observed).toMatchObject([
        { kind: 'configuration', id: 'thing/guarded', version: 2 },
      ])
    }
    expect((await things.get('guarded')).body).toEqual({ a: 2 })
    expect((await things.put('absent', { a: 1 }, ifMatch(1))).status).toBe(412)
    expect((await things.remove('guarded', ifMatch(2))).body).toMatchObject({ version: 3, deleted: true })
    expect((await things.put('guarded', { a: 1 }, ifMatch(3))).status).toBe(412)
  })

  test('[CS-9] If-None-Match: * only creates', async () => {
    const only = { 'if-none-match': '*' }
    expect((await things.put('only-new', { a: 1 }, only)).body).toMatchObject({ created: true })
    const there = await things.put('only-new', { a: 2 }, only)
    expect([there.status, there.body.code]).toEqual([412, 'stale'])
    await things.remove('only-new')
    expect((await things.put('only-new', { a: 3 }, only)).body).toMatchObject({ created: true, version: 3 })
  })

  test('[CS-6] dryRun answers the plan and changes nothing', async () => {
    await things.put('planned', { a: 1, gone: true })
    const { body } = await owner.call('PUT', `${things.at('planned')}?dryRun=true`, { a: 2 })
    expect(body).toMatchObject({ ok: true, mode: 'preview' })
    expect(body.plan).toMatchObject({
      target: { kind: 'configuration', id: 'thing/planned' },
      observed: [{ version: 1 }],
      arguments: { type: 'thing', id: 'planned', document: { a: 2 }, secrets: {} },
      changes: [
        { op: 'update', pointer: '/a', before: 1, after: 2 },
        { op: 'delete', pointer: '/gone', before: true, after: null },
      ],
      confirmationText: 'I confirm: change thing/planned.',
    })
    const made = await owner.call('POST', '/v1/store/thing?dryRun=true', { a: 2 })
    expect(made.body.plan).toMatchObject({
      target: { id: null },
      changes: [{ op: 'create', pointer: '', before: null, after: { a: 2 } }],
    })
    const again = await owner.call('POST', '/v1/store/thing?dryRun=true', { a: 2 })
    expect(again.body.plan.planDigest).toBe(made.body.plan.planDigest)
    expect((await things.history('planned')).body.results).toHaveLength(1)
    const rows = await app.deps.db.query(
      sql`SELECT 1 FROM config_documents WHERE org = 'laurel' AND version = 0`,
    )
    expect(rows).toEqual([])
  })
})

describe('history', () => {
  test('[CS-10] a deletion is a version; created anew, the count goes on', async () => {
    await things.put('lives', { n: 1 })
    await things.put('lives', { n: 2 })
    expect((await things.remove('lives')).body).toMatchObject({ version: 3, deleted: true })
    for (const reply of [things.get('lives'), things.remove('lives'), things.patch('lives', { n: 9 })])
      expect((await reply).status).toBe(404)
    expect((await things.put('lives', { n: 4 })).body).toMatchObject({ version: 4, created: true })
    expect((await things.get('lives')).headers.get('etag')).toBe('"4"')
  })

  test('[CS-11] lists every version, newest first, and each can be read', async () => {
    const { body } = await things.history('lives')
    expect(body).toMatchObject({ type: 'thing', id: 'lives' })
    expect(body.results.map(({ version, deleted }: any) => [version, deleted])).toEqual([
      [4, undefined],
      [3, true],
      [2, undefined],
      [1, undefined],
    ])
    const times = body.results.map((each: any) => Date.parse(each.updated_at))
    expect(times).toEqual([...times].sort((a, b) => b - a))
    const old = await things.version('lives', 2)
    expect([old.body, old.headers.get('etag')]).toEqual([{ n: 2 }, '"2"'])
    expect((await things.version('lives', 4)).body).toEqual({ n: 4 })
    expect((await things.version('lives', 3)).status).toBe(404)
    expect((await things.version('lives', 5)).status).toBe(404)
    expect((await things.history('never')).status).toBe(404)
  })

  test('[CS-11] comes in pages of any size', async () => {
    const versions: number[] = []
    for (let cursor = ''; ; ) {
      const { body } = await things.history('lives', `?size=1${cursor}`)
      versions.push(...body.results.map((each: any) => each.version))
      if (!body.next_cursor) break
      cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`
    }
    expect(versions).toEqual([4, 3, 2, 1])
  })

  test('[CS-8] times increase strictly, whatever the clock does', async () => {
    await things.put('clock', { n: 0 })
    app.advance(-3_600_000)
    try {
      for (let n = 1; n <= 3; n++) await things.put('clock', { n })
      await things.remove('clock')
    } finally {
      app.advance(3_600_000)
    }
    const times = (await things.history('clock')).body.results.map((each: any) => Date.parse(each.updated_at))
    expect(times).toEqual(times.map((_: number, index: number) => times.at(-1) + 4 - index))
  })
})

describe('once', () => {
  test('[CS-2] a request sent again under its key is answered again and not done again', async () => {
    const key = newKey()
    const first = await owner.call('POST', '/v1/store/thing', { name: 'Once' }, key)
    const again = await owner.call('POST', '/v1/store/thing', { name: 'Once' }, key)
    expect([again.status, again.body]).toEqual([201, first.body])
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    const other = await owner.call('POST', '/v1/store/thing', { name: 'Other' }, key)
    expect([other.status, other.body.code]).toEqual([422, 'idempotency-mismatch'])
    const removal = newKey()
    const removed = await things.remove(first.body.id, removal)
    expect((await things.remove(first.body.id, removal)).body).toEqual(removed.body)
    expect((await things.history(first.body.id)).body.results).toHaveLength(2)
  })
})

describe('the list', () => {
  test('[CS-16] goes by id in pages of any size, with documents and deleted ones when asked', async () => {
    await addType(app, 'laurel', { type: 'listed' })
    const listed = documentsAs(owner, 'listed')
    for (const id of ['d', 'b', 'a', 'c']) await listed.put(id, { id })
    await listed.remove('b')
    const pages = async (query: string): Promise<any[]> => {
      const found: any[] = []
      for (let cursor = ''; ; ) {
        const { body } = await owner.call('GET', `/v1/store/listed?${query}${cursor}`)
        found.push(...body.results)
        if (!body.next_cursor) return found
        cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`
      }
    }
    for (const size of [1, 2, 3, 100])
      expect((await pages(`size=${size}`)).map(({ id }) => id)).toEqual(['a', 'c', 'd'])
    const [a] = await pages('size=2&include=document')
    expect(a).toMatchObject({
      type: 'listed',
      id: 'a',
      version: 1,
      updated_by: 'Person 1',
      document: { id: 'a' },
    })
    expect((await pages('size=2')).every((each) => !('document' in each))).toBe(true)
    const all = await pages('size=2&deleted=true&include=document')
    expect(all.map(({ id, deleted }) => [id, deleted])).toEqual([
      ['a', undefined],
      ['b', true],
      ['c', undefined],
      ['d', undefined],
    ])
    expect(all[1]).not.toHaveProperty('document')
  })

  test('[CS-16] refuses cursors that are made up, of another list or of another organisation', async () => {
    const { next_cursor } = (await owner.call('GET', '/v1/store/listed?size=1')).body
    await app.org('other')
    const stranger = await app.person('other', 'owner')
    await addType(app, 'other', { type: 'listed' })
    const used = (caller: Caller, type: string, cursor: string) =>
      caller.call('GET', `/v1/store/${type}?cursor=${encodeURIComponent(cursor)}`)
    for (const reply of [
      used(owner, 'listed', 'made-up'),
      used(owner, 'thing', next_cursor),
      used(stranger, 'listed', next_cursor),
    ]) {
      const { status, body } = await reply
      expect([status, body.code]).toEqual([400, 'cursor-invalid'])
    }
  })
})

describe('the index', () => {
  test('[CS-23] follows every write in its transaction', async () => {
    const node = async (id: string) =>
      (
        await app.deps.db.query<any>(sql`
          SELECT title, version, deleted_at IS NOT NULL AS deleted FROM config_nodes
           WHERE org = 'laurel' AND type = 'thing' AND id = ${id}`)
      )[0]
    await things.put('indexed', { title: 'First' })
    expect(await node('indexed')).toEqual({ title: 'First', version: 1, deleted: false })
    await things.patch('indexed', { title: 'Second' })
    expect(await node('indexed')).toEqual({ title: 'Second', version: 2, deleted: false })
    await things.remove('indexed')
    expect(await node('indexed')).toMatchObject({ deleted: true })
    await things.put('indexed', { title: 'Third' })
    expect(await node('indexed')).toEqual({ title: 'Third', version: 4, deleted: false })
  })
})

describe('tenancy', () => {
  test('[CS-20] a document of another organisation looks like one that does not exist', async () => {
    await app.org('foreign')
    const stranger = await app.person('foreign', 'owner')
    await addType(app, 'foreign', { type: 'thing' })
    await things.put('mine', { secretive: true })
    const theirs = documentsAs(stranger, 'thing')
    const details: string[][] = []
    for (const of of ['mine', 'ghost']) {
      const replies = await Promise.all([
        theirs.get(of),
        theirs.patch(of, { a: 1 }),
        theirs.remove(of),
        theirs.history(of),
        theirs.version(of, 1),
      ])
      expect(replies.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404])
      details.push(replies.map(({ body }) => body.detail.replaceAll(of, 'x')))
    }
    expect(details[0]).toEqual(details[1])
    expect((await theirs.put('mine', { theirs: true })).body).toMatchObject({ created: true, version: 1 })
    expect((await things.get('mine')).body).toEqual({ secretive: true })
    expect((await stranger.call('GET', '/v1/store:export')).body.results).toMatchObject([
      { id: 'mine', version: 1 },
    ])
  })
})
