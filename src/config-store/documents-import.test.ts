import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { AGENT_SCOPES, addType, documentsAs } from '../../test/harness/store.ts'
import { documentsExport } from './documents-export.ts'

let app: TestApp
let owner: Caller

const STRICT = { type: 'object', required: ['name'], properties: { name: { type: 'string' } } }

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  await addType(app, 'laurel', { type: 'thing' })
  await addType(app, 'laurel', { type: 'strict_thing', json_schema: STRICT })
})
afterAll(() => app.close())

const LINES = { 'content-type': 'application/x-ndjson' }
const linesOf = (text: string): any[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const importJson = (documents: unknown[], more: object = {}, caller = owner) =>
  caller.call('POST', '/v1/store:import', { documents, ...more })
const importLines = async (lines: string[], query = '', caller = owner) =>
  linesOf((await caller.call('POST', `/v1/store:import${query}`, lines.join('\n'), LINES)).body.text)
const exportLines = async (query = '', caller = owner) => {
  const { body } = await caller.call('GET', `/v1/store:export${query}`, undefined, {
    accept: LINES['content-type'],
  })
  return body.text === '' ? [] : linesOf(body.text)
}
const thing = (id: string, document: object = { id }) => ({ type: 'thing', id, document })
const line = (...args: Parameters<typeof thing>) => JSON.stringify(thing(...args))

describe('an import', () => {
  test('[CS-18] creates and replaces, and counts what it did', async () => {
    expect((await importJson([thing('a'), thing('b')])).body).toEqual({
      created: 2,
      replaced: 0,
      unchanged: 0,
      skipped: 0,
    })
    const again = await importJson([thing('a'), thing('b', { n: 1 }), thing('c')])
    expect(again.body).toEqual({ created: 1, replaced: 1, unchanged: 1, skipped: 0 })
    const things = documentsAs(owner, 'thing')
    expect((await things.get('b')).headers.get('etag')).toBe('"2"')
    expect((await things.get('a')).headers.get('etag')).toBe('"1"')
  })

  test('[CS-18] leaves what is there alone, or refuses all, when told so', async () => {
    await importJson([thing('there', { n: 1 })])
    const skipped = await importJson([thing('there', { n: 2 }), thing('not-there')], { on_conflict: 'skip' })
    expect(skipped.body).toEqual({ created: 1, replaced: 0, unchanged: 0, skipped: 1 })
    const refused = await importJson([thing('new-one'), thing('there', { n: 3 })], { on_conflict: 'fail' })
    expect([refused.status, refused.body.code]).toEqual([409, 'conflict'])
    expect(refused.body.errors).toEqual([{ pointer: '/documents/1', message: 'is there already' }])
    const things = documentsAs(owner, 'thing')
    expect((await things.get('there')).body).toEqual({ n: 1 })
    expect((await things.get('new-one')).status).toBe(404)
    await things.remove('there')
    expect((await importJson([thing('there')], { on_conflict: 'fail' })).body.created).toBe(1)
  })

  test('[CS-18] is written as a whole or not at all, and names each place that is wrong', async () => {
    const refused = await importJson([
      thing('whole'),
      { type: 'strict_thing', id: 's', document: { name: 7 } },
      thing('big', { list: [2 ** 60] }),
      { type: 'strict_thing', id: 't', document: {} },
    ])
    expect(refused.body.errors).toEqual([
      { pointer: '/documents/1/document/name', message: 'must be string' },
      {
        pointer: '/documents/2/document/list/0',
        message: 'must be below 2^53; send larger integers as text',
      },
      { pointer: '/documents/3/document/name', message: 'is required' },
    ])
    expect((await documentsAs(owner, 'thing').get('whole')).status).toBe(404)
    const unknown = await importJson([thing('x'), { type: 'nothing_such', id: 'y', document: {} }])
    expect(unknown.body.errors[0].pointer).toBe('/documents/1/type')
    const twice = await importJson([thing('x'), thing('y'), thing('x')])
    expect(twice.body.errors).toEqual([
      { pointer: '/documents/2/id', message: 'thing/x stands in this batch already' },
    ])
    const many = await importJson(Array.from({ length: 501 }, (_, n) => thing(`m${n}`)))
    expect([many.status, many.body.errors[0].pointer]).toEqual([400, '/documents'])
  })

  test('[CS-18] of lines refuses the batch of a wrong line alone, and names the line', async () => {
    const lines = Array.from({ length: 1200 }, (_, n) => line(`l${n}`))
    lines[700] = '{"type":"thing","id":"l700","document":'
    const answers = await importLines(lines)
    const none = { replaced: 0, unchanged: 0, skipped: 0 }
    expect(answers).toMatchObject([
      { first_line: 1, last_line: 500, created: 500, ...none },
      { first_line: 501, last_line: 1000, ok: false, code: 'validation-failed', errors: [{ line: 701 }] },
      { first_line: 1001, last_line: 1200, created: 200, ...none },
    ])
    const things = documentsAs(owner, 'thing')
    expect((await things.get('l499')).status).toBe(200)
    expect((await things.get('l501')).status).toBe(404)
    lines[700] = line('l700')
    expect(await importLines(lines)).toMatchObject([{ unchanged: 500 }, { created: 500 }, { unchanged: 200 }])
    const wrong = [line('w1'), JSON.stringify({ type: 'strict_thing', id: 'w2', document: {} })]
    expect(await importLines(wrong)).toMatchObject([
      { ok: false, errors: [{ line: 2, pointer: '/documents/1/document/name', message: 'is required' }] },
    ])
    expect(await importLines([line('l1', { n: 1 })], '?on_conflict=skip')).toMatchObject([{ skipped: 1 }])
  })

  test('[CS-18] shows its plan when asked, and changes nothing then', async () => {
    const { body } = await importJson([thing('a', { n: 5 }), thing('planned')], { dryRun: true })
    expect(body.plan).toMatchObject({
      target: { kind: 'configurations', id: null },
      observed: [
        { id: 'thing/a', version: 1 },
        { id: 'thing/planned', version: 0 },
      ],
      changes: [
        { target: 'thing/a', op: 'delete', pointer: '/id', before: 'a' },
        { target: 'thing/a', op: 'create', pointer: '/n', after: 5 },
        { target: 'thing/planned', op: 'create', pointer: '', after: { id: 'planned' } },
      ],
    })
    expect((await documentsAs(owner, 'thing').get('planned')).status).toBe(404)
  })

  test('[CS-21] by an agent needs an approval; so does every other write', async () => {
    const agent = await app.key({ org: 'laurel', role: 'agent', scopes: AGENT_SCOPES })
    const mine = documentsAs(agent, 'thing')
    const refused = [
      await importJson([thing('agent')], {}, agent),
      await mine.put('agent', {}),
      await mine.patch('a', { n: 1 }),
      await mine.remove('a'),
      await agent.call('POST', '/v1/store/thing', {}),
    ]
    expect(refused.map(({ status, body }) => [status, body.code])).toEqual(
      refused.map(() => [403, 'approval-required']),
    )
    expect((await mine.get('a')).body).toEqual({ id: 'a' })
    expect((await mine.get('agent')).status).toBe(404)
    const reader = await app.key({ org: 'laurel', role: 'agent', scopes: [AGENT_SCOPES[0]!] })
    expect((await documentsAs(reader, 'thing').put('agent', {})).body.code).toBe('scope-missing')
    expect((await documentsAs(app.guest(), 'thing').get('a')).status).toBe(401)
  })
})

describe('an export', () => {
  test('[CS-19] has every document once, by type and id, and none that was deleted', async () => {
    await importJson([thing('gone')])
    await documentsAs(owner, 'thing').remove('gone')
    await importJson([{ type: 'strict_thing', id: 'one', document: { name: 'One' } }])
    const lines = await exportLines()
    const keys = lines.map(({ type, id }) => `${type}/${id}`)
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys).toEqual([...keys].sort((a, b) => (a < b ? -1 : 1)))
    expect(keys).not.toContain('thing/gone')
    expect(Object.keys(lines[0]!)).toEqual(['type', 'id', 'version', 'updated_at', 'document'])
    expect((await exportLines('?type=strict_thing')).map(({ id }) => id)).toEqual(['one'])
    const since = lines.find(({ type }) => type === 'strict_thing')!.updated_at
    expect(await exportLines(`?updated_after=${since}`)).toEqual([])
    const paged: any[] = []
    for (let cursor = ''; ; ) {
      const { body } = await owner.call('GET', `/v1/store:export?size=100${cursor}`)
      paged.push(...body.results)
      if (!body.next_cursor) break
      cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`
    }
    expect(paged).toEqual(lines)
  })

  test('[CS-19] that cannot begin is refused as any other request', async () => {
    const accept = { accept: LINES['content-type'] }
    for (const [query, code] of [
      ['type=nothing_such', 'validation-failed'],
      ['cursor=made-up', 'cursor-invalid'],
      ['updated_after=yesterday', 'validation-failed'],
    ]) {
      const { status, body } = await owner.call('GET', `/v1/store:export?${query}`, undefined, accept)
      expect([status, body.code], query).toEqual([400, code])
    }
  })

  test('[CS-19] imported into an empty organisation gives equal documents', async () => {
    await app.org('copy')
    const copier = await app.person('copy', 'owner')
    await addType(app, 'copy', { type: 'thing' })
    await addType(app, 'copy', { type: 'strict_thing', json_schema: STRICT })
    const odd = { zeta: 1, alpha: [null, 0.1, { '': 'x' }], text: '\u2028é😀"\\\n', deep: { a: { b: {} } } }
    await importJson([thing('ödd/id', odd)])
    const { body } = await owner.call('GET', '/v1/store:export', undefined, { accept: LINES['content-type'] })
    const answers = await importLines(body.text.trimEnd().split('\n'), '', copier)
    expect(answers.every((answer) => answer.ok !== false)).toBe(true)
    const contents = (lines: any[]) =>
      lines.map(({ type, id, document }) => JSON.stringify([type, id, document]))
    expect(contents(await exportLines('', copier))).toEqual(contents(linesOf(body.text)))
  })

  test('[CS-19] of large documents is read page by page, not at once', async () => {
    await addType(app, 'laurel', { type: 'large' })
    // random text does not compress: 12 documents of 600 KiB are 7 MiB as stored, of which a page takes 2
    const text = () => Array.from({ length: 40_000 }, () => Math.random().toString(36).slice(2, 17)).join('')
    const documents = Array.from({ length: 12 }, (_, n) =>
      JSON.stringify({ type: 'large', id: `l${n}`, document: { text: text() } }),
    )
    expect(await importLines(documents)).toMatchObject([{ created: 12 }])
    const first = await owner.call('GET', '/v1/store:export?type=large&size=100')
    expect(first.body.results.length).toBeGreaterThan(1)
    expect(first.body.results.length).toBeLessThan(8)
    expect(first.body.next_cursor).toBeDefined()
    expect(await exportLines('?type=large')).toHaveLength(12)
    const listed = await owner.call('GET', '/v1/store/large?size=100&include=document')
    expect(listed.body.results.length).toBeLessThan(8)
    expect((await owner.call('GET', '/v1/store/large?size=100')).body.results).toHaveLength(12)
  })

  test('[CS-19] reads a page only when somebody takes its lines', async () => {
    const pages: number[] = []
    const query = (async (statement: any) => {
      const rows = await app.deps.db.query(statement)
      if (statement.text.includes('config_documents')) pages.push(rows.length)
      return rows
    }) as typeof app.deps.db.query
    const ctx = { deps: app.deps, org: 'laurel', db: { query } } as never
    const reading = documentsExport.lines!(ctx, { type: 'large' })[Symbol.asyncIterator]()
    expect(pages).toEqual([])
    await reading.next()
    expect(pages).toHaveLength(1)
    for (let n = 1; n < pages[0]!; n++) await reading.next()
    expect(pages).toHaveLength(1)
    await reading.next()
    expect(pages).toHaveLength(2)
    await reading.return!()
  })
})
