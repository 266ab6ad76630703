import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import fc from 'fast-check'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type Reply, type TestApp, testApp } from '../../test/harness/app.ts'
import { openSession } from '../../test/harness/loop.ts'
import { AGENT_SCOPES, addType, documentsAs } from '../../test/harness/store.ts'
import { dump } from '../../test/security/world.ts'
import { findDocument, pageDocuments } from './documents.ts'
import { nextSecrets, secretPlaces, secretStates, split } from './secrets.ts'

const PATHS = {
  secret_paths: [
    '/password',
    '/auth/*/key',
    '/hooks/*/secret',
    '/tokens/*',
    '/deep/**/hidden',
    '/box',
    '/box/inner',
  ],
}

describe('secrets of a document', () => {
  test('[CS-12] are taken out at the places that the type names, and null there clears', () => {
    const document = {
      name: 'n',
      password: 'p',
      auth: { a: { key: 'k', user: 'u' }, b: { key: null } },
      hooks: [{ id: 1, secret: { any: ['json'] } }, { id: 2 }],
      deep: { x: [{ hidden: 0 }], hidden: false },
    }
    const before = structuredClone(document)
    expect(split(PATHS, document)).toEqual({
      visible: {
        name: 'n',
        auth: { a: { user: 'u' }, b: {} },
        hooks: [{ id: 1 }, { id: 2 }],
        deep: { x: [{}] },
      },
      given: {
        '/password': 'p',
        '/auth/a/key': 'k',
        '/hooks/0/secret': { any: ['json'] },
        '/deep/x/0/hidden': 0,
        '/deep/hidden': false,
      },
      cleared: ['/auth/b/key'],
    })
    expect(document).toEqual(before)
  })

  test('[CS-12] of a list are the whole list, and of places within each other the outer one', () => {
    expect(secretPlaces(PATHS, { tokens: ['a', 'b'], box: { inner: 1 } })).toEqual(['/box', '/tokens'])
    expect(secretPlaces({ secret_paths: ['/a/*/*'] }, { a: [['x']] })).toEqual(['/a'])
  })

  test('[CS-12] leave nothing of themselves behind, whatever the document', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4, depthSize: 'small' },
        fc.integer(),
        fc.constantFrom('plain', 'canary'),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(
          fc.constantFrom('password', 'auth', 'key', 'hooks', 'secret', 'hidden', 'x'),
          tie('any'),
        ),
      ),
    })).any
    const patterns = fc.subarray(['/password', '/auth/*', '/**/secret', '/hooks/*/*', '/*/hidden'])
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('password', 'auth', 'hooks', 'x'), value),
        patterns,
        (document, paths) => {
          const of = { secret_paths: paths }
          const { visible } = split(of, document)
          expect(secretPlaces(of, visible)).toEqual([])
        },
      ),
    )
  })

  const kept = (before: object, after: object, secrets: Record<string, unknown>) =>
    nextSecrets({ visible: before as never, secrets }, split(PATHS, after as never))

  test('[CS-12] that are left out are kept while what holds them is there', () => {
    const secrets = { '/password': 'p', '/auth/a/key': 'k' }
    expect(kept({ auth: { a: {} } }, { name: 'x', auth: { a: { user: 'u' } } }, secrets)).toEqual(secrets)
    expect(kept({ auth: { a: {} } }, { auth: {} }, secrets)).toEqual({ '/password': 'p' })
    expect(kept({ auth: { a: {} } }, { auth: { a: { key: 'new' } }, password: null }, secrets)).toEqual({
      '/auth/a/key': 'new',
    })
    expect(kept({}, { tokens: ['x'] }, { '/tokens': ['a', 'b'] })).toEqual({ '/tokens': ['x'] })
  })

  test.each([
    ['the same order', [{ id: 1 }, { id: 2 }], [{ id: 1, x: 0 }, { id: 2 }], ['one', 'two']],
    ['another order', [{ id: 1 }, { id: 2 }], [{ id: 2 }, { id: 1, x: 0 }], ['two', 'one']],
    ['one gone', [{ id: 1 }, { id: 2 }], [{ id: 2 }], ['two']],
    [
      'one before',
      [{ name: 'a' }, { name: 'b' }],
      [{ name: 'c' }, { name: 'a' }, { name: 'b' }],
      [undefined, 'one', 'two'],
    ],
    ['equal elements that stay', [{}, {}], [{}, {}], ['one', 'two']],
    ['equal elements of which one went', [{}, {}], [{}], [undefined]],
    ['elements with nothing to tell them by', [{ v: 1 }, { v: 2 }], [{ v: 3 }, { v: 1 }], [undefined, 'one']],
    ['the same id twice', [{ id: 1 }, { id: 2 }], [{ id: 1 }, { id: 1, x: 0 }], [undefined, undefined]],
    ['no list any more', [{ id: 1 }, { id: 2 }], { '0': { id: 1 } }, undefined],
  ])('[CS-13] in a list follow their elements: %s', (_what, before, after, expected) => {
    const secrets = kept(
      { hooks: before },
      { hooks: after },
      { '/hooks/0/secret': 'one', '/hooks/1/secret': 'two' },
    )
    const found = (expected ?? []).map((_, index) => secrets[`/hooks/${index}/secret`])
    expect(found).toEqual(expected ?? [])
    expect(Object.keys(secrets)).toHaveLength(found.filter((each) => each !== undefined).length)
  })

  test('[CS-13] never go to another element, however a list is cut, shuffled and changed', () => {
    const element = fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      n: fc.integer({ max: 2, min: 0 }),
    })
    const list = fc.uniqueArray(element, { selector: ({ id }) => id })
    fc.assert(
      fc.property(list, fc.array(element, { maxLength: 6 }), (before, after) => {
        const secrets = Object.fromEntries(
          before.map(({ id }, index) => [`/hooks/${index}/secret`, `of ${id}`]),
        )
        const next = kept({ hooks: before }, { hooks: after }, secrets)
        for (const [pointer, secret] of Object.entries(next))
          expect(secret).toBe(`of ${after[Number(pointer.split('/')[2])]!.id}`)
        const alone = after.filter(({ id }) => after.filter((each) => each.id === id).length === 1)
        const both = alone.filter(({ id }) => before.some((each) => each.id === id))
        expect(Object.keys(next)).toHaveLength(both.length)
      }),
    )
  })

  test('[CS-13] of long lists are found in time that grows with the list', () => {
    const hooks = Array.from({ length: 20_000 }, (_, n) => ({ id: n }))
    const secrets = Object.fromEntries(hooks.map(({ id }) => [`/hooks/${id}/secret`, id]))
    // each element with each other would be 400 million comparisons: minutes
    const next = kept({ hooks }, { hooks: hooks.toReversed() }, secrets)
    expect(next['/hooks/0/secret']).toBe(19_999)
    expect(Object.keys(next)).toHaveLength(20_000)
  })

  test('[CS-6] are told as set, changed, unchanged or removed', () => {
    expect(secretStates({ a: '1', b: '2', c: '3' }, { b: '2', c: '4', d: '5' })).toEqual({
      a: 'removed',
      b: 'unchanged',
      c: 'changed',
      d: 'set',
    })
  })
})

/** Every planted value holds this; it must come out nowhere. */
const MARK = 'c4n4ryst0re'
const FORMS = [MARK, Buffer.from(MARK).toString('hex'), Buffer.from(MARK).toString('base64').slice(0, 12)]
const canary = (name: string) => `${MARK}-${name}`

describe('secrets in the store', () => {
  let app: TestApp
  let owner: Caller
  let agent: Caller & { bearer: string }
  let vaults: ReturnType<typeof documentsAs>
  let client: Client
  const answers: string[] = []

  /** Whoever asks, the whole answer is kept. */
  const keeping = <T extends Caller>(caller: T): T => ({
    ...caller,
    async call(...args: Parameters<Caller['call']>) {
      const reply = await caller.call(...args)
      answers.push(JSON.stringify([...reply.headers]), JSON.stringify(reply.body))
      return reply
    },
  })

  beforeAll(async () => {
    app = await testApp()
    await app.org('laurel')
    owner = keeping(await app.person('laurel', 'owner'))
    agent = keeping(await app.key({ org: 'laurel', role: 'agent', scopes: AGENT_SCOPES }))
    await addType(app, 'laurel', {
      type: 'vault',
      secret_paths: ['/password', '/hooks/*/secret'],
      scan: true,
    })
    vaults = documentsAs(owner, 'vault')
    client = new Client({ name: 'store', version: '1.0.0' })
    const requestInit = { headers: { Authorization: `Bearer ${agent.bearer}` } }
    await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', app.url), { requestInit }))
  })
  afterAll(async () => {
    await client.close()
    await app.close()
  })

  const secretsOf = async (id: string) => {
    const found = await findDocument(app.deps.db, 'laurel', 'vault', id, { withSecrets: app.deps.sealing })
    const { password, hooks } = found!.document as any
    return { password, hooks: hooks?.map(({ secret }: any) => secret) }
  }

  test('[CS-12] are kept when left out, replaced when given, removed by null, by PUT and by PATCH', async () => {
    const hooks = [
      { id: 'a', secret: canary('a') },
      { id: 'b', secret: canary('b') },
    ]
    const put = await vaults.put('one', { name: 'One', password: canary('p1'), hooks })
    expect(put.body.secrets).toEqual(['/hooks/0/secret', '/hooks/1/secret', '/password'])
    expect((await vaults.get('one')).body).toEqual({ name: 'One', hooks: [{ id: 'a' }, { id: 'b' }] })
    expect(await secretsOf('one')).toEqual({ password: canary('p1'), hooks: [canary('a'), canary('b')] })
    // as read, with another order
    expect((await vaults.put('one', { name: 'One', hooks: [{ id: 'b' }, { id: 'a' }] })).body.version).toBe(2)
    expect(await secretsOf('one')).toEqual({ password: canary('p1'), hooks: [canary('b'), canary('a')] })
    expect((await vaults.patch('one', { name: 'Two' })).body.version).toBe(3)
    expect((await vaults.patch('one', { password: canary('p2') })).body).toMatchObject({
      version: 4,
      unchanged: false,
    })
    expect((await vaults.patch('one', { password: canary('p2') })).body).toMatchObject({
      version: 4,
      unchanged: true,
    })
    expect(await secretsOf('one')).toMatchObject({ password: canary('p2') })
    expect((await vaults.patch('one', { password: null })).body.secrets).toEqual([
      '/hooks/0/secret',
      '/hooks/1/secret',
    ])
    expect(
      (await vaults.put('one', { name: 'Two', hooks: [{ id: 'b', secret: null }] })).body.secrets,
    ).toEqual([])
    expect(await secretsOf('one')).toEqual({ password: undefined, hooks: [undefined] })
  })

  test('[CS-12] end with their document, and do not come back with another at its id', async () => {
    await vaults.put('ends', { password: canary('old') })
    await vaults.remove('ends')
    expect((await vaults.put('ends', { name: 'New' })).body.secrets).toEqual([])
    expect(await secretsOf('ends')).toMatchObject({ password: undefined })
  })

  test('[CS-12] of members that became secret later are returned no more, and sealed by the next write', async () => {
    await addType(app, 'laurel', { type: 'later' })
    const later = documentsAs(owner, 'later')
    await later.put('one', { name: 'One', token: 'shown before' })
    await app.deps.db.query(sql`
      UPDATE config_types SET definition = definition || '{"secret_paths": ["/token"]}' WHERE org = 'laurel' AND type = 'later'`)
    expect((await later.get('one')).body).toEqual({ name: 'One' })
    expect((await later.version('one', 1)).body).toEqual({ name: 'One' })
    const exported = await owner.call('GET', '/v1/store:export?type=later')
    expect(exported.body.results[0].document).toEqual({ name: 'One' })
    await later.patch('one', { name: 'Two' })
    const [row] = await app.deps.db.query<any>(sql`
      SELECT document, sealed_secrets IS NOT NULL AS sealed FROM config_documents WHERE org = 'laurel' AND type = 'later'`)
    expect(row).toEqual({ document: { name: 'Two' }, sealed: true })
    const found = await pageDocuments(app.deps.db, 'laurel', 'later', {
      after: null,
      size: 10,
      withSecrets: app.deps.sealing,
    })
    expect(found.map(({ document }) => document)).toEqual([{ name: 'Two', token: 'shown before' }])
  })

  test('[CS-14] a plan says of them only that they are set, changed or removed', async () => {
    await vaults.put('planned', { password: canary('p1'), hooks: [{ id: 'a', secret: canary('a') }] })
    const { body } = await owner.call('PUT', `${vaults.at('planned')}?dryRun=true`, {
      password: canary('p2'),
      hooks: [{ id: 'b', secret: canary('b') }],
    })
    expect(
      body.plan.changes.map(({ op, pointer, before, after }: any) => [op, pointer, before, after]),
    ).toEqual([
      ['update', '/hooks/0/id', 'a', 'b'],
      ['update', '/hooks/0/secret', 'set', 'changed'],
      ['update', '/password', 'set', 'changed'],
    ])
    expect(body.plan.arguments).toEqual({
      type: 'vault',
      id: 'planned',
      document: { hooks: [{ id: 'b' }] },
      secrets: {
        '/hooks/0/secret': app.deps.sealing.hash(JSON.stringify(canary('b'))),
        '/password': app.deps.sealing.hash(JSON.stringify(canary('p2'))),
      },
    })
    expect(body.plan.redactions).toEqual(['/hooks/0/secret', '/password'])
    const removal = await owner.call('PATCH', `${vaults.at('planned')}?dryRun=true`, { password: null })
    expect(removal.body.plan.changes).toMatchObject([
      { op: 'delete', pointer: '/password', before: 'set', after: null },
    ])
    expect(removal.body.plan.warnings).toEqual(['The secret at /password is removed.'])
  })

  /** A grant's write with an approval: asked for, decided by the owner, executed. */
  async function approved(
    operationId: string,
    input: Record<string, unknown>,
    planDigest: string,
    sessionId: string,
  ) {
    const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
      operationId,
      input,
      planDigest,
      reason: 'The agent asks.',
    })
    expect(asked.status, JSON.stringify(asked.body)).toBe(201)
    const { id } = asked.body.approval
    const decided = await owner.call('PATCH', `/api/agent/sessions/${sessionId}/approvals/${id}`, {
      decision: 'approve',
      planDigest,
    })
    expect(decided.status).toBe(200)
    return { 'countersign-approval': `${id} ${planDigest}`, 'agent-session-id': sessionId }
  }

  test('[CS-15] of a write that a person approved wait sealed and are written', async () => {
    const sessionId = await openSession(agent)
    const document = {
      name: 'Asked',
      password: canary('asked'),
      hooks: [{ id: 'x', secret: canary('hook') }],
    }
    const mine = documentsAs(agent, 'vault')
    const refused = await mine.put('asked', document)
    expect([refused.status, refused.body.code]).toEqual([403, 'approval-required'])
    expect((await vaults.get('asked')).status).toBe(404)
    const input = { type: 'vault', id: 'asked', document }
    const headers = await approved(
      'config-store.documents.put',
      input,
      refused.body.plan.planDigest,
      sessionId,
    )
    const other = await mine.put('asked', { ...document, password: canary('another') }, headers)
    expect([other.status, other.body.code]).toEqual([409, 'plan-mismatch'])
    const done = await mine.put('asked', document, headers)
    expect(done.body).toMatchObject({ created: true, version: 1 })
    expect(await secretsOf('asked')).toEqual({ password: canary('asked'), hooks: [canary('hook')] })
    const again = await mine.put('asked', document, headers)
    expect(again.body.code).toBe('approval-consumed')
  })

  test('[CS-15] of an import that a person approved likewise', async () => {
    const sessionId = await openSession(agent)
    const documents = ['i1', 'i2'].map((id) => ({ type: 'vault', id, document: { password: canary(id) } }))
    const refused = await agent.call('POST', '/v1/store:import', { documents })
    expect(refused.body.code).toBe('approval-required')
    const headers = await approved(
      'config-store.documents.import',
      { documents },
      refused.body.plan.planDigest,
      sessionId,
    )
    const done = await agent.call('POST', '/v1/store:import', { documents }, headers)
    expect(done.body).toEqual({ created: 2, replaced: 0, unchanged: 0, skipped: 0 })
    expect(await secretsOf('i2')).toMatchObject({ password: canary('i2') })
  })

  test('[CS-14] are in no answer over HTTP or MCP, also of what is refused', async () => {
    const key = { 'idempotency-key': 'canary-once-0001' }
    await vaults.put('one', { password: canary('key'), n: 1 }, key)
    await vaults.put('one', { password: canary('key'), n: 1 }, key)
    await vaults.put('one', { password: canary('other'), n: 1 }, key)
    await vaults.put('one', { password: canary('stale') }, { 'if-match': '"99"' })
    await vaults.put('one', { password: { deep: canary('deep'), n: 2 ** 60 } })
    await owner.call('POST', '/v1/store/vault', { password: canary('made') })
    await owner.call('POST', '/v1/store/vault?dryRun=true', { password: canary('dry') })
    await owner.call('POST', '/v1/store:import', {
      documents: [{ type: 'vault', id: 'imported', document: { password: canary('imported') } }],
    })
    await owner.call('POST', '/v1/store:import?dryRun=true', {
      documents: [{ type: 'vault', id: 'imported', document: { password: canary('again') } }],
    })
    const line = JSON.stringify({ type: 'vault', id: 'lines', document: { password: canary('line') } })
    await owner.call('POST', '/v1/store:import', `${line}\n{"type":`, {
      'content-type': 'application/x-ndjson',
    })
    const reads: Reply[] = []
    for (const path of [
      vaults.at('one'),
      `${vaults.at('one')}/versions`,
      `${vaults.at('one')}/versions/1`,
      '/v1/store/vault?include=document&size=100',
      '/v1/store:export?size=100',
    ])
      reads.push(await owner.call('GET', path))
    expect(reads.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    await owner.call('GET', '/v1/store:export', undefined, { accept: 'application/x-ndjson' })
    for (const [name, input] of Object.entries({
      config_store_documents_put: { type: 'vault', id: 'mcp', document: { password: canary('mcp') } },
      config_store_documents_read: { type: 'vault', id: 'asked' },
      config_store_documents_export: {},
    }))
      answers.push(JSON.stringify(await client.callTool({ name, arguments: input })))
    expect(answers.length).toBeGreaterThan(60)
    for (const form of FORMS) expect(answers.filter((text) => text.includes(form))).toEqual([])
  })

  test('[CS-14] are afterwards in no row, event, audit entry or log line, except sealed', async () => {
    const tables = await dump(app)
    expect(tables['public.config_documents']).toContain('Asked')
    expect(tables['public.config_versions']).toContain('sealed_secrets')
    for (const form of FORMS) {
      expect(Object.keys(tables).filter((name) => tables[name]!.includes(form))).toEqual([])
      expect(app.logged.filter((text) => text.includes(form))).toEqual([])
    }
    const [{ sealed }] = (await app.deps.db.query<any>(sql`
      SELECT sealed_secrets AS sealed FROM config_documents WHERE org = 'laurel' AND id = 'asked'`)) as [any]
    expect(JSON.parse(app.deps.sealing.unseal(sealed))).toEqual({
      '/hooks/0/secret': canary('hook'),
      '/password': canary('asked'),
    })
  })
})
