import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { approve, openSession } from '../../test/harness/loop.ts'
import { indexed } from '../../test/harness/nodes.ts'
import type { Operation } from '../operation/define.ts'
import { OPERATIONS } from '../operations.ts'
import { typesDefine } from './types-define.ts'
import { typesRead } from './types-read.ts'

let app: TestApp
let owner: Caller & { email: string }
let key: Caller
let other: Caller

beforeAll(async () => {
  app = await testApp({ operations: [...new Set<Operation>([...OPERATIONS, typesRead, typesDefine])] })
  for (const org of ['laurel', 'other']) await app.org(org)
  owner = await app.person('laurel', 'owner')
  key = await app.key({ org: 'laurel', role: 'automation' })
  other = await app.key({ org: 'other', role: 'automation' })
})
afterAll(() => app.close())

const TARIFF = {
  label: 'Tariffs',
  icon: 'Bolt',
  title_paths: ['/name'],
  references: [{ path: '/price_id', type: 'price', required: true }],
  secret_paths: ['/api/key'],
}
const define = (type: string, definition: unknown, query = '', caller = key, headers = {}) =>
  caller.call('PUT', `/v1/configs/types/${type}${query}`, definition, headers)
const readType = async (type: string, caller = key) =>
  (await caller.call('GET', `/v1/configs/types/${type}`)).body

describe('[CT-5] a type of one’s own', () => {
  test('is added, filled in, read back and audited', async () => {
    const reply = await define('tariff', TARIFF)
    expect([reply.status, reply.body]).toMatchObject([
      200,
      {
        type: 'tariff',
        custom: true,
        version: 1,
        created: true,
        unchanged: false,
        rebuild_required: false,
        definition: {
          source_api: '',
          connector: 'store',
          deletable: true,
          references: [{ path: '/price_id', type: 'price', by: 'id', required: true }],
        },
      },
    ])
    expect((await readType('tariff')).definition).toEqual(reply.body.definition)
    const rows = await app.deps.db.query(sql`
      SELECT outcome, previous, next->'definition'->>'label' AS label FROM audit_log
       WHERE org = 'laurel' AND event = 'configuration_type_define' AND target_id = 'tariff'`)
    expect(rows).toEqual([{ outcome: 'applied', previous: null, label: 'Tariffs' }])
  })

  test('is replaced whole, and the same again makes no version', async () => {
    await define('area', { ...TARIFF, deletable: false })
    const again = await define('area', { ...TARIFF, deletable: false })
    expect(again.body).toMatchObject({ version: 1, created: false, unchanged: true })
    const next = await define('area', { label: 'Areas', icon: 'Map' })
    expect(next.body).toMatchObject({
      version: 2,
      created: false,
      definition: { label: 'Areas', deletable: true, references: [], secret_paths: [] },
    })
  })

  test('belongs to its organisation', async () => {
    await define('mine', TARIFF)
    expect((await readType('mine', other)).code).toBe('not-found')
    const theirs = await define('mine', { label: 'Theirs', icon: 'Box' }, '', other)
    expect(theirs.body).toMatchObject({ created: true, version: 1 })
    expect((await readType('mine')).definition.label).toBe('Tariffs')
  })
})

describe('[CT-6] a built-in type', () => {
  test('takes connector and json_schema, and keeps everything else', async () => {
    await app.deps.db.query(sql`
      INSERT INTO config_connectors (org, id, kind, settings, version, created_at, updated_at, updated_by)
      VALUES ('laurel', 'crm', 'rest', '{}', 1, now(), now(), 'test')`)
    const reply = await define('journey', { connector: 'crm', json_schema: { type: 'object' } })
    expect(reply.body).toMatchObject({
      custom: false,
      version: 1,
      definition: { label: 'Journeys', connector: 'crm', json_schema: { type: 'object' } },
    })
    expect((await readType('journey', other)).definition.connector).toBe('store')
  })

  test('refuses everything else by its name', async () => {
    const reply = await define('schema', { label: 'Mine', deletable: false, json_schema: {} })
    expect([reply.status, reply.body.errors]).toEqual([
      400,
      [
        { pointer: '/definition/label', message: 'cannot be changed of a built-in type' },
        { pointer: '/definition/deletable', message: 'cannot be changed of a built-in type' },
      ],
    ])
    expect((await readType('schema')).version).toBe(0)
  })
})

describe('[CT-7] a definition that cannot work is refused by its member', () => {
  const LONG = 'x'.repeat(70_000)
  test.each<[string, unknown, string]>([
    ['nothing of it', {}, '/definition/label'],
    ['an unknown member', { ...TARIFF, colour: 'red' }, '/definition/colour'],
    [
      'an unknown kind of name',
      { ...TARIFF, alias_rules: [{ path: '/a', kind: 'x' }] },
      '/definition/alias_rules/0/kind',
    ],
    ['a path that is no pointer', { ...TARIFF, id_path: 'id' }, '/definition/id_path'],
    ['a bad escape', { ...TARIFF, tag_paths: ['/a~2b'] }, '/definition/tag_paths/0'],
    [
      'a wildcard for one place',
      { ...TARIFF, title_paths: ['/name', '/*/name'] },
      '/definition/title_paths/1',
    ],
    ['a wildcard in metadata', { ...TARIFF, metadata: { a: '/**' } }, '/definition/metadata/a'],
    ['the whole document as a secret', { ...TARIFF, secret_paths: [''] }, '/definition/secret_paths/0'],
    [
      'too many deep wildcards',
      { ...TARIFF, references: [{ path: '/**/a/**/b/**/c' }] },
      '/definition/references/0/path',
    ],
    ['a link without {id}', { ...TARIFF, link: 'https://example.org' }, '/definition/link'],
    ['a link that runs', { ...TARIFF, link: 'javascript:alert({id})' }, '/definition/link'],
    ['an unknown connector', { ...TARIFF, connector: 'nowhere' }, '/definition/connector'],
    ['a schema of the wrong form', { ...TARIFF, json_schema: { type: 'thing' } }, '/definition/json_schema'],
    [
      'a schema that refers elsewhere',
      { ...TARIFF, json_schema: { $ref: 'https://example.org/a.json' } },
      '/definition/json_schema',
    ],
    [
      'a schema that is awaited',
      { ...TARIFF, json_schema: { $async: true } },
      '/definition/json_schema/$async',
    ],
    [
      'a schema of another draft',
      { ...TARIFF, json_schema: { $schema: 'http://json-schema.org/draft-04/schema#' } },
      '/definition/json_schema',
    ],
    ['more than 64 KiB', { ...TARIFF, json_schema: { description: LONG } }, '/definition'],
    ['U+0000', { ...TARIFF, label: 'a\u0000b' }, '/definition/label'],
  ])('%s', async (_what, definition, pointer) => {
    const reply = await define('wrong', definition)
    expect([reply.status, reply.body.code]).toEqual([400, 'validation-failed'])
    expect(reply.body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer)
    expect((await readType('wrong')).code).toBe('not-found')
  })

  test.each([
    'types',
    'index',
    'inventory',
    'compare',
    'lineage',
    'graph',
    'sync_jobs',
    'delete_jobs',
    'sync-jobs',
  ])('the reserved name %s', async (type) => {
    const reply = await define(type, TARIFF)
    expect([reply.status, reply.body.errors[0].pointer]).toEqual([400, '/type'])
  })

  test('a connector of another organisation', async () => {
    await app.deps.db.query(sql`
      INSERT INTO config_connectors (org, id, kind, settings, version, created_at, updated_at, updated_by)
      VALUES ('other', 'theirs', 'rest', '{}', 1, now(), now(), 'test')`)
    const [foreign, missing] = [
      await define('wrong', { ...TARIFF, connector: 'theirs' }),
      await define('wrong', { ...TARIFF, connector: 'nobody' }),
    ]
    expect(foreign.body).toEqual({
      ...missing.body,
      detail: 'There is no connector theirs.',
      error: 'There is no connector theirs.',
    })
  })

  test('a type that its references name may come later: a warning, no refusal', async () => {
    const references = [
      { path: '/a', type: 'later' },
      { path: '/b', type: 'earlier' },
      { path: '/c', type: 'tax' },
    ]
    const { body } = await define('earlier', { ...TARIFF, references }, '?dryRun=true')
    expect(body.plan.warnings).toEqual(['References name the type later, which does not exist.'])
  })
})

describe('[CT-8] what depends on the state of now', () => {
  test('expectedVersion and If-Match refuse a change of what somebody else changed', async () => {
    await define('guarded', TARIFF)
    const taken = await define('guarded', { ...TARIFF, label: 'New' }, '?expectedVersion=0')
    expect([taken.status, taken.body.code, taken.body.plan.observed[0].version]).toEqual([412, 'stale', 1])
    const moved = await define('guarded', { ...TARIFF, label: 'New' }, '', key, { 'if-match': '"7"' })
    expect(moved.body.code).toBe('stale')
    const right = await define('guarded', { ...TARIFF, label: 'New' }, '', key, { 'if-match': '"1"' })
    expect(right.body).toMatchObject({ version: 2 })
  })

  test('of two at once that expect no type there is one', async () => {
    const both = await Promise.all(
      ['One', 'Two'].map((label) => define('race', { ...TARIFF, label }, '?expectedVersion=0')),
    )
    expect(both.map(({ status }) => status).sort()).toSatisfy(
      (found: number[]) => found[0] === 200 && [409, 412].includes(found[1] as number),
    )
    expect((await readType('race')).version).toBe(1)
  })

  test('dryRun answers the plan, always with the same digest, and changes nothing', async () => {
    const { body: first } = await define('planned', TARIFF, '?dryRun=true')
    const { body: second } = await define('planned', TARIFF, '?dryRun=true')
    expect(first).toMatchObject({
      ok: true,
      mode: 'preview',
      plan: { blockers: [], operationId: typesDefine.id },
    })
    expect(first.plan.planDigest).toBe(second.plan.planDigest)
    // what is left out and what is said as it is by default are one definition
    const spelled = await define('planned', { ...TARIFF, scan: true, id_path: '/id' }, '?dryRun=true')
    expect(spelled.body.plan.planDigest).toBe(first.plan.planDigest)
    const another = await define('planned', { ...TARIFF, scan: false }, '?dryRun=true')
    expect(another.body.plan.planDigest).not.toBe(first.plan.planDigest)
    expect((await readType('planned')).code).toBe('not-found')
    const changes = first.plan.changes.map(({ pointer, op }: any) => `${op} ${pointer}`)
    expect(changes).toContain('create /references')
  })

  test('rebuild_required is said when entries of configurations that there are would differ', async () => {
    await define('counted', TARIFF)
    await indexed(app.deps.db, 'laurel', 'counted', 2)
    const shown = await define('counted', { ...TARIFF, label: 'Others', deletable: false })
    expect(shown.body.rebuild_required).toBe(false)
    const paths = await define('counted', { ...TARIFF, title_paths: ['/other'] }, '?dryRun=true')
    expect(paths.body.plan.details).toEqual({ configurations: 2, rebuild_required: true })
    const applied = await define('counted', { ...TARIFF, title_paths: ['/other'] })
    expect(applied.body.rebuild_required).toBe(true)
    // nothing of the type: nothing to index again
    await define('uncounted', TARIFF)
    expect((await define('uncounted', { ...TARIFF, title_paths: ['/other'] })).body.rebuild_required).toBe(
      false,
    )
    // elsewhere there may be configurations that nobody counted
    const moved = await define('uncounted', { ...TARIFF, connector: 'crm' })
    expect(moved.body.rebuild_required).toBe(true)
    // said outright what holds anyway
    await indexed(app.deps.db, 'laurel', 'tax', 1)
    expect((await define('tax', { connector: 'store' })).body.rebuild_required).toBe(false)
  })

  test('a path that becomes secret, or is no longer, is warned of', async () => {
    await define('sealed', TARIFF)
    await indexed(app.deps.db, 'laurel', 'sealed', 1)
    const { body } = await define('sealed', { ...TARIFF, secret_paths: ['/token'] }, '?dryRun=true')
    expect(body.plan.warnings).toEqual([
      '/token becomes secret: stored documents are sealed when they are written next.',
      '/api/key is secret no longer: what is written from now on is shown.',
    ])
  })
})

describe('[CT-9] who may define', () => {
  test('not a guest, nor a key without the scope', async () => {
    expect((await define('x', TARIFF, '', app.guest())).status).toBe(401)
    const reader = await app.key({
      org: 'laurel',
      role: 'automation',
      scopes: ['creator:laurel:config:read'],
    })
    expect((await define('unscoped', TARIFF, '', reader)).body.code).toBe('scope-missing')
    expect((await readType('unscoped')).code).toBe('not-found')
  })

  test('an agent only what a person approved, once', async () => {
    const agent = await app.key({
      org: 'laurel',
      role: 'agent',
      for: owner.email,
      scopes: ['creator:laurel:config:*'],
    })
    const refused = await define('agreed', TARIFF, '', agent)
    expect([refused.status, refused.body.code]).toEqual([403, 'approval-required'])
    const { planDigest } = refused.body.plan
    const sessionId = await openSession(agent)
    const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
      operationId: typesDefine.id,
      input: { type: 'agreed', definition: TARIFF },
      planDigest,
      reason: 'To keep tariffs.',
    })
    expect(asked.status, JSON.stringify(asked.body)).toBe(201)
    const { id } = asked.body.approval
    expect((await approve(owner, sessionId, id, planDigest)).status).toBe(200)
    const by = { 'countersign-approval': `${id} ${planDigest}` }
    expect((await define('agreed', { ...TARIFF, label: 'Else' }, '', agent, by)).body.code).toBe(
      'plan-mismatch',
    )
    expect((await define('agreed', TARIFF, '', agent, by)).body).toMatchObject({ created: true, version: 1 })
    expect((await define('agreed', TARIFF, '', agent, by)).body.code).toBe('approval-consumed')
  })
})
