import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { AGENT_SCOPES } from '../../test/harness/store.ts'
import { findConnector } from './connectors/store.ts'

let app: TestApp
let key: Caller
let foreign: Caller

beforeAll(async () => {
  app = await testApp()
  for (const org of ['laurel', 'other']) await app.org(org)
  key = await app.key({ org: 'laurel', role: 'automation' })
  foreign = await app.key({ org: 'other', role: 'automation' })
})
afterAll(() => app.close())

const at = (id: string) => `/v1/connectors/${id}`
const put = (id: string, body: Record<string, unknown>, by: Caller = key) => by.call('PUT', at(id), body)
const COUNTERSIGN = { kind: 'countersign', base_url: 'https://countersign.example' }
const MAPPING = {
  base_url: 'https://things.example/api',
  types: { thing: { list: { path: '/things' } } },
}
const list = async (by: Caller = key) => (await by.call('GET', '/v1/connectors')).body.results as any[]

describe('a connector', () => {
  test('[CN-9] is registered, shown without its credential, replaced, guarded and removed', async () => {
    const made = await put('one', { ...COUNTERSIGN, external_org_id: 'there', credential: 'canary-cred-1' })
    expect([made.status, made.body]).toEqual([200, { id: 'one', version: 1, created: true }])
    const [shown] = await list()
    expect(shown).toMatchObject({
      id: 'one',
      kind: 'countersign',
      external_org_id: 'there',
      has_credential: true,
      version: 1,
    })
    const moved = await put('one', { ...COUNTERSIGN, external_org_id: 'there', requests_per_second: 5 })
    expect(moved.body).toEqual({ id: 'one', version: 2, created: false })
    expect((await list())[0]).toMatchObject({ has_credential: true, settings: { requests_per_second: 5 } })
    const stale = await key.call('DELETE', at('one'), undefined, { 'if-match': '"1"' })
    expect([stale.status, stale.body.code]).toEqual([412, 'stale'])
    expect((await key.call('DELETE', at('one'), undefined, { 'if-match': '"2"' })).status).toBe(200)
    expect((await key.call('DELETE', at('one'))).status).toBe(404)
  })

  test('[CN-9] its credential is sealed, and in no answer, plan, audit entry or log line', async () => {
    const secret = 'canary-cred-2'
    const dry = await put('two', { ...COUNTERSIGN, credential: secret, dryRun: true })
    const made = await put('two', { ...COUNTERSIGN, credential: secret })
    const audit = await key.call('GET', '/api/admin/audit?size=50')
    const row = await findConnector(app.deps.db, 'laurel', 'two')
    expect(app.deps.sealing.unseal(row!.sealedCredentials!)).toBe(secret)
    const tables = await app.deps.db.query(
      sql`SELECT row_to_json(a)::text AS text FROM audit_log a WHERE org = 'laurel'`,
    )
    for (const seen of [dry.body, made.body, audit.body, await list(), tables, app.logged])
      expect(JSON.stringify(seen)).not.toContain(secret)
    expect(dry.body.plan.changes).toContainEqual(
      expect.objectContaining({ pointer: '/credential', after: 'changed' }),
    )
  })

  test('[CN-9] that is put as it is has no new version, and a plan says what else changes', async () => {
    const settings = { ...COUNTERSIGN, external_org_id: 'far' }
    await put('same', settings)
    expect((await put('same', settings)).body).toEqual({ id: 'same', version: 1, created: false })
    const { body } = await put('same', { ...COUNTERSIGN, external_org_id: 'farther', dryRun: true })
    expect(body.plan.changes).toEqual([
      expect.objectContaining({ pointer: '/external_org_id', before: 'far', after: 'farther' }),
    ])
    const both = await Promise.all(
      ['a', 'b', 'c'].map((id) => put(id, { ...COUNTERSIGN, external_org_id: 'raced' })),
    )
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409, 409])
  })

  test('[CN-10] does not take its credential along to another origin', async () => {
    await put('three', { ...COUNTERSIGN, credential: 'canary-cred-3' })
    const moved = await put('three', { ...COUNTERSIGN, base_url: 'https://elsewhere.example' })
    expect([moved.status, moved.body.errors]).toEqual([
      400,
      [expect.objectContaining({ pointer: '/credential' })],
    ])
    expect((await put('three', { ...COUNTERSIGN, base_url: 'https://countersign.example/v2' })).status).toBe(
      200,
    )
    const without = await put('three', {
      ...COUNTERSIGN,
      base_url: 'https://elsewhere.example',
      credential: null,
    })
    expect(without.status).toBe(200)
    expect((await list()).find(({ id }) => id === 'three')).toMatchObject({ has_credential: false })
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['no such kind', { kind: 'soap' }, '/kind'],
    ['no address', { kind: 'countersign' }, '/base_url'],
    ['an address of another scheme', { kind: 'countersign', base_url: 'file:///etc' }, '/base_url'],
    ['a mapping for a Countersign', { ...COUNTERSIGN, mapping: MAPPING }, '/mapping'],
    ['no mapping', { kind: 'rest' }, '/mapping'],
    [
      'an address beside the mapping',
      { kind: 'rest', mapping: MAPPING, base_url: 'https://x.example' },
      '/base_url',
    ],
    ['a mapping without types', { kind: 'rest', mapping: { ...MAPPING, types: {} } }, '/mapping/types'],
    [
      'a path without its slash',
      { kind: 'rest', mapping: { ...MAPPING, types: { thing: { list: { path: 'things' } } } } },
      '/mapping/types/thing/list/path',
    ],
    [
      'a path without the id',
      {
        kind: 'rest',
        mapping: { ...MAPPING, types: { thing: { list: { path: '/t' }, get: { path: '/t' } } } },
      },
      '/mapping/types/thing/get/path',
    ],
    ['a member that nobody knows', { kind: 'rest', mapping: { ...MAPPING, limit: 5 } }, '/mapping/limit'],
    ['a password in its address', { ...COUNTERSIGN, base_url: 'https://a:b@c.example' }, '/base_url'],
    [
      'a query in its address',
      { kind: 'rest', mapping: { ...MAPPING, base_url: 'https://c.example?token=x' } },
      '/mapping/base_url',
    ],
    [
      'a credential among its headers',
      { kind: 'rest', mapping: { ...MAPPING, headers: { 'X-Api-Key': 'x' } } },
      '/mapping/headers/X-Api-Key',
    ],
    [
      'a credential in its query',
      {
        kind: 'rest',
        mapping: { ...MAPPING, types: { thing: { list: { path: '/t', query: { api_key: 'x' } } } } },
      },
      '/mapping/types/thing/list/query/api_key',
    ],
    [
      'a header of two lines',
      { kind: 'rest', mapping: { ...MAPPING, headers: { accept: 'a\r\nb: c' } } },
      '/mapping/headers/accept',
    ],
    [
      'a page style that is none',
      {
        kind: 'rest',
        mapping: { ...MAPPING, types: { thing: { list: { path: '/t', paging: { style: 'turn' } } } } },
      },
      '/mapping/types/thing/list/paging/style',
    ],
    ['a credential of two lines', { ...COUNTERSIGN, credential: 'a\nb' }, '/credential'],
    ['its own organisation', { ...COUNTERSIGN, external_org_id: 'laurel' }, '/external_org_id'],
  ])('[CN-11] with %s is refused by its place', async (_, body, pointer) => {
    const { status, body: answer } = await put('wrong', body)
    expect([status, answer.errors?.[0]?.pointer]).toEqual([400, pointer])
    expect((await list()).some(({ id }) => id === 'wrong')).toBe(false)
  })

  test('[CN-11] in YAML says the line of each mistake', async () => {
    const yaml = 'base_url: https://things.example\ntypes:\n  thing:\n    list:\n      path: things\n'
    const wrong = await put('wrong', { kind: 'rest', mapping_yaml: yaml })
    expect(wrong.body.errors).toEqual([
      { pointer: '/mapping_yaml/types/thing/list/path', message: 'line 5: must begin with /' },
    ])
    const broken = await put('wrong', { kind: 'rest', mapping_yaml: 'base_url: [1,\n  }' })
    expect([broken.status, broken.body.errors[0].message]).toEqual([400, expect.stringMatching(/^line \d/)])
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
      .split('')
      .map((name, n) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[n]}`).join(',')}]`)
      .join('\n')}`
    expect((await put('wrong', { kind: 'rest', mapping_yaml: bomb })).status).toBe(400)
    expect(
      (await put('good', { kind: 'rest', mapping_yaml: yaml.replace('things\n', '/things\n') })).status,
    ).toBe(200)
  })

  test('[CN-12] of another organisation looks like one that does not exist', async () => {
    await put('mine', COUNTERSIGN)
    expect(await list(foreign)).toEqual([])
    for (const [method, path] of [
      ['DELETE', at('mine')],
      ['POST', `${at('mine')}/check`],
    ] as const) {
      const theirs = await foreign.call(method, path)
      const nobodys = await foreign.call(method, path.replace('mine', 'none'))
      expect(theirs.status).toBe(404)
      expect(JSON.stringify(theirs.body).replaceAll('mine', 'none')).toBe(JSON.stringify(nobodys.body))
    }
    // one's own of the same name is another one
    expect((await put('mine', COUNTERSIGN, foreign)).body).toEqual({ id: 'mine', version: 1, created: true })
    expect((await list()).find(({ id }) => id === 'mine')).toMatchObject({ version: 1 })
  })

  test('[CN-13] of an agent waits for a person', async () => {
    await app.person('laurel', 'owner')
    const agent = await app.key({ org: 'laurel', role: 'agent', scopes: AGENT_SCOPES })
    const answer = await put('agents', COUNTERSIGN, agent)
    expect([answer.status, answer.body.code]).toEqual([403, 'approval-required'])
    expect((await list()).some(({ id }) => id === 'agents')).toBe(false)
  })

  test('[CN-14] cannot be removed while a type lives in it', async () => {
    await put('lived-in', { kind: 'rest', mapping: MAPPING })
    const define = (connector: string) => key.call('PUT', '/v1/configs/types/product', { connector })
    expect((await define('lived-in')).status).toBe(200)
    const removed = await key.call('DELETE', at('lived-in'))
    expect([removed.status, removed.body.code]).toEqual([409, 'plan-blocked'])
    await define('store')
    expect((await key.call('DELETE', at('lived-in'))).status).toBe(200)
  })

  test('[CN-14] nor is it when a type moves in at the same time', async () => {
    for (let round = 0; round < 10; round++) {
      await put('raced', { kind: 'rest', mapping: MAPPING })
      const [moved, removed] = await Promise.all([
        key.call('PUT', '/v1/configs/types/price', { connector: 'raced' }),
        key.call('DELETE', at('raced')),
      ])
      const there = (await list()).some(({ id }) => id === 'raced')
      expect([moved.status === 200, removed.status === 200]).toEqual([there, !there])
      await key.call('PUT', '/v1/configs/types/price', { connector: 'store' })
    }
  })

  test('[CN-15] that is checked says what was found, and never what the place answered', async () => {
    const check = async () => (await key.call('POST', `${at('checked')}/check`)).body
    const { thing } = MAPPING.types
    const mapping = (types: object) => ({ ...MAPPING, base_url: 'http://127.0.0.1:9', types })
    await put('checked', { kind: 'rest', mapping: mapping({ thing }), credential: 'canary-cred-4' })
    expect(await check()).toMatchObject({ ok: false, steps: [{ step: 'types', ok: false }] })
    await key.call('PUT', '/v1/configs/types/product', { connector: 'checked' })
    const unknown = { step: 'list product', ok: false, found: 'invalid: The mapping has no type product.' }
    expect(await check()).toMatchObject({ ok: false, steps: [unknown] })
    await put('checked', { kind: 'rest', mapping: mapping({ product: thing }) })
    const found = await check()
    expect(found).toMatchObject({ ok: false, steps: [{ found: expect.stringContaining('private') }] })
    expect(JSON.stringify(found)).not.toContain('canary')
    await key.call('PUT', '/v1/configs/types/product', { connector: 'store' })
  })
})
