import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { addType, documentsAs } from '../../test/harness/store.ts'
import { dump } from '../../test/security/world.ts'
import { recordLineage } from './lineage/lineage.ts'

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

const compare = (source_org_id: string, source_auth_token: string, include = ['custom', 'diff']) =>
  laurel.call('POST', '/v1/configs/compare', { source_org_id, source_auth_token, type: 'thing', include })
const pair = (source_org_id: string, source_id: string, target_id: string) =>
  laurel.call('POST', '/v1/configs/lineage', {
    type: 'thing',
    source_org_id,
    source_id,
    target_id,
    include: 'custom',
  })
const rowOf = (body: any, id: string) => body.rows.find((row: any) => row.current?.id === id)

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
    const synced = {
      type: 'thing',
      sourceOrg: 'staging',
      sourceId: 'synced-there',
      targetId: 'synced',
      syncedAt: new Date(),
      jobId: 'job-1',
      base: { a: 'old', b: 'old', c: 'old', d: 'old' },
    }
    await app.deps.db.transaction((tx) => recordLineage(tx, 'laurel', [synced]))
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
