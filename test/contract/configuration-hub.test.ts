import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OPERATIONS } from '../../src/operations.ts'
import { type Caller, type TestApp, testApp } from '../harness/app.ts'
import { CONTRACT_OPERATIONS, CONTRACT_ROUTES, type HubAnswer, hubClient } from './hub-client.ts'

type Hub = (operationId: string, parameters?: object | null, data?: unknown) => Promise<HubAnswer>

let app: TestApp
let hub: Hub
let staging: Hub
let key: Caller & { bearer: string }
let stagingKey: Caller & { bearer: string }

/** A small organisation: a journey that uses a product, its price and tax, and a mail that names a variable. */
const DOCUMENTS: [type: string, id: string, document: Record<string, unknown>][] = [
  [
    'tax',
    'tax-standard-19',
    { name: 'Standard', description: 'VAT 19', rate: 19, type: 'VAT', active: true },
  ],
  [
    'price',
    'price-basic-0001',
    { _title: 'Basic price', tax: 'tax-standard-19', note: 'see tax-standard-19' },
  ],
  ['product', 'product-solar-01', { name: 'Solar', _title: 'Solar', note: 'sold at price-basic-0001' }],
  [
    'journey',
    'journey-intake-1',
    { name: 'Intake', note: 'offers product-solar-01', nested: ['price-basic-0001'] },
  ],
  ['journey', 'journey-upsell-2', { name: 'Upsell', note: 'offers product-solar-01' }],
]

async function fill(caller: Caller, documents = DOCUMENTS): Promise<void> {
  for (const [type, id, document] of documents) {
    const reply = await caller.call('PUT', `/v1/store/${type}/${id}`, document)
    expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(300)
  }
}

beforeAll(async () => {
  app = await testApp()
  for (const org of ['laurel', 'laurel-staging']) await app.org(org)
  key = await app.key({ org: 'laurel', role: 'automation' })
  stagingKey = await app.key({ org: 'laurel-staging', role: 'automation' })
  hub = hubClient(app.url, key.bearer)
  staging = hubClient(app.url, stagingKey.bearer)
  await fill(key)
  await fill(stagingKey, DOCUMENTS.slice(0, 3))
})
afterAll(() => app.close())

const ids = ({ body }: HubAnswer): string[] => body.results.map((each: { id: string }) => each.id).sort()

describe('[H-1] the unmodified client of the contract', () => {
  test('lists all 33 types with what shows them', async () => {
    const { status, body } = await hub('listConfigTypes')
    expect(status).toBe(200)
    expect(body.results).toHaveLength(33)
    expect(new Set(body.results.map((each: { type: string }) => each.type)).size).toBe(33)
  })

  test('lists configurations in pages, searched, sorted and filtered', async () => {
    const first = await hub('listConfigs', { type: 'journey', size: 1, sort: 'name' })
    expect(first.body).toMatchObject({ type: 'journey', label: 'Journeys', total: 2 })
    expect(ids(first)).toEqual(['journey-intake-1'])
    const second = await hub('listConfigs', {
      type: 'journey',
      size: 1,
      sort: 'name',
      cursor: first.body.next_cursor,
    })
    expect([ids(second), second.body.next_cursor]).toEqual([['journey-upsell-2'], undefined])
    expect(ids(await hub('listConfigs', { type: 'journey', q: 'TAKE' }))).toEqual(['journey-intake-1'])
    const later = await hub('listConfigs', { type: 'journey', updated_after: '2999-01-01T00:00:00Z' })
    expect([later.body.total, later.body.results]).toEqual([0, []])
    for (const sort of ['updated_at', 'usage'])
      expect(ids(await hub('listConfigs', { type: 'journey', sort, active_only: true }))).toHaveLength(2)
    expect(
      ids(await hub('listConfigs', { type: 'journey', purposes: 'none', blueprint_ids: 'a,b' })),
    ).toEqual([])
  })

  test.each([
    ['an unknown type', { type: 'spaceship' }],
    ['a size of 0', { type: 'journey', size: 0 }],
    ['a size of 101', { type: 'journey', size: 101 }],
    ['a made-up cursor', { type: 'journey', cursor: 'x.y' }],
    ['an unknown order', { type: 'journey', sort: 'colour' }],
    ['a time that is none', { type: 'journey', updated_after: 'yesterday' }],
  ])('is refused %s by the field, with 400', async (_what, parameters) => {
    const { status, body } = await hub('listConfigs', parameters)
    expect(status).toBe(400)
    expect(body).toMatchObject({ status: 400, error: expect.any(String) })
  })

  test('follows what refers to what, both ways', async () => {
    const down = await hub('getConfigDependencies', { type: 'journey', id: 'journey-intake-1', size: 10 })
    expect(ids(down)).toEqual(['price-basic-0001', 'product-solar-01'])
    expect(down.body.total).toBe(2)
    const up = await hub('getConfigUsedBy', { type: 'product', id: 'product-solar-01' })
    expect(ids(up)).toEqual(['journey-intake-1', 'journey-upsell-2'])
    for (const operation of ['getConfigDependencies', 'getConfigUsedBy'])
      expect((await hub(operation, { type: 'product', id: 'product-none' })).status).toBe(404)
  })

  test('sees the index and has it built anew', async () => {
    const before = await hub('getIndex')
    expect(before.body).toMatchObject({ status: 'ready', org_id: 'laurel', total_items: DOCUMENTS.length })
    const { status, body } = await hub('rebuildIndex')
    expect([status, body.status]).toEqual([200, 'building'])
    expect((await hub('getIndex')).body.org_id).toBe('laurel')
  })

  test('takes an inventory', async () => {
    const { body } = await hub('getConfigInventory', {})
    expect(body).toMatchObject({ org_id: 'laurel', resources_count: DOCUMENTS.length, skipped_types: [] })
    expect(body.resources).toHaveLength(DOCUMENTS.length)
    expect((await hub('getConfigInventory', { include_dependency_only: false })).status).toBe(200)
  })

  test('compares two organisations, gets suggestions, confirms one and breaks it again', async () => {
    const source = { source_org_id: 'laurel', source_auth_token: key.bearer, type: 'product' }
    const apart = await staging('compareConfigs', null, source)
    expect(apart.body.counts).toEqual({ matched: 0, only_current: 1, only_source: 1 })
    const suggested = await staging('suggestMatches', null, { ...source, source_ids: ['product-solar-01'] })
    expect(suggested.body.suggestions).toMatchObject([
      { source_id: 'product-solar-01', candidate: { id: 'product-solar-01', title: 'Solar' } },
    ])
    const pair = {
      type: 'product',
      source_org_id: 'laurel',
      source_id: 'product-solar-01',
      target_id: 'product-solar-01',
    }
    const confirmed = await staging('confirmLineage', null, pair)
    expect(confirmed.status).toBe(201)
    expect(confirmed.body).toMatchObject({
      ...pair,
      target_org_id: 'laurel-staging',
      origin: 'manual_confirm',
    })
    const pull = await staging('compareConfigs', null, source)
    expect(pull.body.rows).toMatchObject([{ match_status: 'matched', lineage: { direction: 'pull' } }])
    const push = await hub('compareConfigs', null, {
      source_org_id: 'laurel-staging',
      source_auth_token: stagingKey.bearer,
      type: 'product',
    })
    expect(push.body.rows).toMatchObject([{ match_status: 'matched', lineage: { direction: 'push' } }])
    await fill(stagingKey, [['product', 'product-other-02', { name: 'Other' }]])
    const conflict = await staging('confirmLineage', null, { ...pair, target_id: 'product-other-02' })
    expect(conflict.status).toBe(409)
    const missing = await staging('confirmLineage', null, { ...pair, target_id: 'product-none' })
    expect(missing.status).toBe(400)
    const broken = await staging('breakLineage', { type: 'product', source_id: 'product-solar-01' })
    expect([broken.status, broken.body]).toEqual([200, { deleted: true }])
    const again = await staging('breakLineage', { type: 'product', source_id: 'product-solar-01' })
    expect(again.status).toBe(404)
  })

  test('is refused another organisation’s configuration without its token, before anything is read', async () => {
    const ask = (source_org_id: string, source_auth_token: string) =>
      staging('compareConfigs', null, { source_org_id, source_auth_token, type: 'product' })
    const refusals = [
      await ask('laurel', stagingKey.bearer),
      await ask('laurel', 'made-up-token'),
      await ask('no-such-organisation', key.bearer),
    ]
    expect(refusals.map(({ status }) => status)).toEqual([403, 403, 403])
    const details = refusals.map(({ body }) => body.error)
    expect(new Set(details).size).toBe(1)
    expect((await ask('laurel-staging', stagingKey.bearer)).status).toBe(400)
    const unknown = { source_org_id: 'laurel', source_auth_token: key.bearer, type: 'spaceship' }
    expect((await staging('compareConfigs', null, unknown)).status).toBe(400)
    expect(
      (await staging('suggestMatches', null, { ...unknown, type: 'product', source_ids: [] })).status,
    ).toBe(400)
  })

  test('is refused without a credential', async () => {
    const guest = hubClient(app.url, undefined)
    const reading = ['listConfigTypes', 'getIndex', 'getConfigInventory']
    for (const operation of reading) expect((await guest(operation)).status, operation).toBe(401)
  })

  test('[H-2] meets every operation of the contract', () => {
    const here = OPERATIONS.map(({ http: { method, path } }) => `${method} ${path}`)
    expect(CONTRACT_OPERATIONS).toHaveLength(21)
    for (const route of CONTRACT_ROUTES) expect(here).toContain(route)
  })
})
