import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { write } from '../../test/config-hub/hub.ts'
import { expectContract } from '../../test/contract/hub-client.ts'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { addType, documentsAs } from '../../test/harness/store.ts'
import { dump } from '../../test/security/world.ts'
import { recordLineage, type SyncedPair } from './lineage/lineage.ts'

/** `laurel` looks at `staging`, on the same server, and at `faraway`, on another. */
let app: TestApp
let away: TestApp
let laurel: Caller
let staging: Caller & { bearer: string }
let faraway: Caller & { bearer: string }

const THING = {
  type: 'thing',
  secret_paths: ['/token'],
  volatile_paths: ['/seen'],
  references: [{ path: '/parent', type: 'thing' }],
}

beforeAll(async () => {
  ;[app, away] = await Promise.all([testApp(), testApp()])
  app.deps.config.allowPrivateConnectors = true
  for (const org of ['laurel', 'staging']) await app.org(org)
  await away.org('faraway')
  await away.org('stranger')
  for (const [where, org] of [
    [app, 'laurel'],
    [app, 'staging'],
    [away, 'faraway'],
  ] as const)
    await addType(where, org, THING)
  laurel = await app.key({ org: 'laurel', role: 'automation' })
  staging = await app.key({ org: 'staging', role: 'automation' })
  faraway = await away.key({ org: 'faraway', role: 'automation' })
  await laurel.call('PUT', '/v1/connectors/faraway', {
    kind: 'countersign',
    base_url: away.url,
    external_org_id: 'faraway',
  })
})
afterAll(() => Promise.all([app.close(), away.close()]))

const compare = (
  source_org_id: string,
  source_auth_token: string,
  include = ['custom', 'diff'],
  type = 'thing',
) => laurel.call('POST', '/v1/configs/compare', { source_org_id, source_auth_token, type, include })
const pair = (source_org_id: string, source_id: string, target_id: string, type = 'thing') =>
  laurel.call('POST', '/v1/configs/lineage', {
    type,
    source_org_id,
    source_id,
    target_id,
    include: 'custom',
  })
const rowOf = (body: any, id: string) => body.rows.find((row: any) => row.current?.id === id)

const record = (org: string, sourceOrg: string, row: Pick<SyncedPair, 'sourceId' | 'targetId' | 'base'>) =>
  app.deps.db.transaction((tx) =>
    recordLineage(tx, org, [{ ...row, type: 'thing', sourceOrg, syncedAt: new Date(), jobId: 'job-1' }]),
  )

describe('a comparison', () => {
  test('[CC-14] says where a pair differs: ids as what they stand for, volatile members left out, secrets as changed', async () => {
    const [ours, theirs] = [documentsAs(laurel, 'thing'), documentsAs(staging, 'thing')]
    await ours.put('our-parent', { name: 'Parent' })
    await theirs.put('their-parent', { name: 'Parent' })
    await ours.put('our-1', {
      name: 'One',
      parent: 'our-parent',
      text: 'see our-parent',
      token: 'canary-a',
      seen: 1,
    })
    await theirs.put('their-1', {
      name: 'Uno',
      parent: 'their-parent',
      text: 'see their-parent',
      token: 'canary-b',
      seen: 2,
    })
    await theirs.put('their-2', { name: 'Two' })
    await pair('staging', 'their-parent', 'our-parent')
    await pair('staging', 'their-1', 'our-1')
    const { status, body } = await compare('staging', staging.bearer)
    expect([status, body.counts]).toEqual([200, { matched: 2, only_current: 0, only_source: 1 }])
    expect(rowOf(body, 'our-parent')).toMatchObject({ match_status: 'matched', diff: [], base: 'none' })
    expect(rowOf(body, 'our-1').diff).toEqual([
      { pointer: '/name', change: 'changed', current: 'One', source: 'Uno', state: 'differs' },
      { pointer: '/token', change: 'changed', current: 'secret', source: 'secret', state: 'differs' },
    ])
    expect(JSON.stringify(body)).not.toContain('canary')
    // without the addition rows are the contract's
    expect(rowOf((await compare('staging', staging.bearer, ['custom'])).body, 'our-1').diff).toBeUndefined()
  })

  test('[CC-14] with the state of the last sync says who changed what', async () => {
    const [ours, theirs] = [documentsAs(laurel, 'thing'), documentsAs(staging, 'thing')]
    await ours.put('synced', { a: 'mine', b: 'old', c: 'mine', d: 'same' })
    await theirs.put('synced-there', { a: 'old', b: 'theirs', c: 'theirs', d: 'same' })
    await pair('staging', 'synced-there', 'synced')
    await record('laurel', 'staging', {
      ...{ sourceId: 'synced-there', targetId: 'synced', base: { a: 'old', b: 'old', c: 'old', d: 'old' } },
    })
    const row = rowOf((await compare('staging', staging.bearer)).body, 'synced')
    expect(row).toMatchObject({
      base: 'last_sync',
      lineage: { direction: 'pull', last_sync_job_id: 'job-1' },
    })
    expect(row.diff.map(({ pointer, state }: any) => [pointer, state])).toEqual([
      ['/a', 'target_changed'],
      ['/b', 'source_changed'],
      ['/c', 'conflict'],
    ])
  })

  test('[CC-14] says the same of a pair that the other organisation imported, secrets included', async () => {
    const [ours, theirs] = [documentsAs(laurel, 'thing'), documentsAs(staging, 'thing')]
    const of = (text: string) => ({ name: 'Pushed', text, a: 'old', token: 'canary-old' })
    await ours.put('pushed-1', { ...of('ours of pushed-1'), a: 'ours' })
    await theirs.put('their-pushed-1', { ...of('of their-pushed-1'), token: 'canary-new' })
    const marker = `secret ${app.deps.sealing.hash(JSON.stringify('canary-old'))}`
    const base = { ...of('of ⟨thing/pushed-1⟩'), token: marker }
    await record('staging', 'laurel', { sourceId: 'pushed-1', targetId: 'their-pushed-1', base })
    const row = rowOf((await compare('staging', staging.bearer)).body, 'pushed-1')
    const texts = { current: 'ours of ⟨thing/pushed-1⟩', source: 'of ⟨thing/pushed-1⟩' }
    expect([row.lineage.direction, row.base, row.diff]).toEqual([
      'push',
      'last_sync',
      [
        { pointer: '/text', change: 'changed', ...texts, state: 'target_changed' },
        { pointer: '/a', change: 'changed', current: 'ours', source: 'old', state: 'target_changed' },
        {
          pointer: '/token',
          change: 'changed',
          current: 'secret',
          source: 'secret',
          state: 'source_changed',
        },
      ],
    ])
  })

  test('[CC-14] keeps to itself what either side calls secret or volatile', async () => {
    const own = { ...THING, type: 'guarded' }
    await addType(app, 'laurel', { ...own, secret_paths: ['/ours'], volatile_paths: [] })
    await addType(app, 'staging', { ...own, secret_paths: ['/theirs'], volatile_paths: ['/seen'] })
    const [ours, theirs] = [documentsAs(laurel, 'guarded'), documentsAs(staging, 'guarded')]
    await ours.put('guarded-1', { ours: 'canary-e', theirs: 'canary-f', seen: 1 })
    await theirs.put('guarded-2', { ours: 'canary-e', theirs: 'canary-g', seen: 2 })
    await pair('staging', 'guarded-2', 'guarded-1', 'guarded')
    const { body } = await compare('staging', staging.bearer, ['custom', 'diff'], 'guarded')
    expect(body.rows[0].diff).toEqual([
      { pointer: '/theirs', change: 'changed', current: 'secret', source: 'secret', state: 'differs' },
    ])
    expect(JSON.stringify(body)).not.toContain('canary')
  })

  test('[CC-14] is of the contract with the addition too, asked for in the query, and the same again', async () => {
    for (const [of, id] of [
      [laurel, 'ours'],
      [staging, 'theirs'],
    ] as const)
      await documentsAs(of, 'product').put(`${id}-solar-1`, { name: id })
    const pairOf = { type: 'product', source_org_id: 'staging' }
    await laurel.call('POST', '/v1/configs/lineage', {
      ...{ ...pairOf, source_id: 'theirs-solar-1', target_id: 'ours-solar-1' },
    })
    const asked = { ...pairOf, source_auth_token: staging.bearer }
    const ask = () => laurel.call('POST', '/v1/configs/compare?include=diff', asked)
    const { status, body } = await ask()
    expectContract('compareConfigs', status, body)
    expect(body.rows[0].diff).toMatchObject([{ pointer: '/name', current: 'ours', source: 'theirs' }])
    expect((await ask()).body).toEqual(body)
    const refused = await laurel.call('POST', '/v1/configs/compare?include=everything', asked)
    expect([refused.status, refused.body.code]).toEqual([400, 'validation-failed'])
  })

  test('[CC-14] of more pairs than a page of the store reads all of them', async () => {
    await addType(app, 'laurel', { type: 'many' })
    await addType(app, 'staging', { type: 'many' })
    const lines = (id: string, name: string) =>
      Array.from({ length: 203 }, (_, n) => ({
        ...{
          type: 'many',
          op: 'put' as const,
          id: `${id}-${n}`,
          document: { name: n % 100 === 7 ? name : 'same' },
        },
      }))
    await write(app.deps, 'laurel', lines('our', 'x'))
    await write(app.deps, 'staging', lines('their', 'y'))
    await app.deps.db.query(sql`
      INSERT INTO config_lineage (org, type, source_org, source_id, target_id, created_at)
      SELECT 'laurel', 'many', 'staging', 'their-' || n, 'our-' || n, now() FROM generate_series(0, 202) AS n`)
    const { body } = await compare('staging', staging.bearer, ['custom', 'diff'], 'many')
    expect(body.counts.matched).toBe(203)
    const differing = body.rows.filter((row: any) => row.diff.length > 0)
    expect(differing.map((row: any) => row.current.id).sort()).toEqual(['our-107', 'our-7'])
  })

  test('[CC-21] is refused beyond 10,000 configurations on a side', async () => {
    await addType(app, 'laurel', { type: 'crowd' })
    await app.deps.db.query(sql`
      INSERT INTO config_nodes (org, type, id, connector, title, title_key, updated_at, tags, purposes, blueprint_ids,
             usage, summary, content_hash, version)
      SELECT 'laurel', 'crowd', 'crowd-' || n, 'store', 'C', 'c', now(), '{}', '{}', '{}', 0,
             '{"blueprints": [], "metadata": {}}', '', 1 FROM generate_series(1, 10001) AS n`)
    const { status, body } = await compare('staging', staging.bearer, ['custom'], 'crowd')
    expect([status, body.code]).toEqual([413, 'too-large'])
  })

  test('[CC-15] of an organisation of another server reads it with the token, and shows no secret', async () => {
    const [ours, theirs] = [documentsAs(laurel, 'thing'), documentsAs(faraway, 'thing')]
    await ours.put('near-1', { name: 'Near', token: 'canary-c' })
    await theirs.put('far-1', { name: 'Far', token: 'canary-d' })
    await pair('faraway', 'far-1', 'near-1')
    const { status, body } = await compare('faraway', faraway.bearer)
    expect(status).toBe(200)
    expect(rowOf(body, 'near-1')).toMatchObject({
      source: { id: 'far-1', title: 'Far' },
      diff: [{ pointer: '/name', current: 'Near', source: 'Far' }],
    })
    expect(JSON.stringify(body)).not.toContain('canary')
    const suggested = await laurel.call('POST', '/v1/configs/compare/suggestions', {
      source_org_id: 'faraway',
      source_auth_token: faraway.bearer,
      type: 'thing',
      source_ids: ['far-1', 'none-1'],
      include: 'custom',
    })
    expect(suggested.body.suggestions).toMatchObject([{ candidate: null }, { candidate: null }])
  })

  test('[CC-16] wants a token of the organisation that it names, and refuses all others alike', async () => {
    const stranger = await away.key({ org: 'stranger', role: 'automation' })
    const listener = await app.key({ org: 'staging', role: 'listener' })
    const answers = [
      await compare('staging', 'canary-token-1'),
      await compare('staging', laurel.headers.authorization!.slice('Bearer '.length)),
      await compare('staging', faraway.bearer),
      await compare('staging', listener.bearer),
      await compare('faraway', staging.bearer),
      await compare('faraway', stranger.bearer),
      await compare('faraway', 'canary-token-2'),
      await compare('stranger', stranger.bearer),
      await compare('nowhere', 'canary-token-3'),
    ]
    for (const { status, body } of answers) expect([status, body]).toEqual([403, answers[0]?.body])
    expect((await compare('laurel', staging.bearer)).status).toBe(400)
  })

  test('[CC-16] keeps the token nowhere', async () => {
    await compare('staging', staging.bearer)
    await compare('faraway', faraway.bearer)
    await compare('faraway', 'canary-token-4')
    const kept = JSON.stringify([await dump(app), app.logged])
    for (const secret of [staging.bearer, faraway.bearer, 'canary-token', 'canary-a', 'canary-d'])
      expect(kept).not.toContain(secret)
  })
})
