import { afterAll, beforeAll, expect, test } from 'vitest'
import { write } from '../../test/config-hub/hub.ts'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { type OtherPlace, otherPlace } from '../../test/harness/place.ts'
import { addType } from '../../test/harness/store.ts'
import type { DocumentWrite } from '../config-store/documents.ts'
import { BUILT_IN } from './types/builtin.ts'

let app: TestApp
let place: OtherPlace
let key: Caller
const put = (type: string, id: string): DocumentWrite => ({ type, id, op: 'put', document: {} })
const dependencyOnly = BUILT_IN.find(({ dependency_only }) => dependency_only)?.type as string

beforeAll(async () => {
  app = await testApp()
  app.deps.config.allowPrivateConnectors = true
  place = await otherPlace()
  for (const org of ['laurel', 'other']) {
    await app.org(org)
    await addType(app, org, { type: 'thing' })
  }
  key = await app.key({ org: 'laurel', role: 'automation' })
  await write(app.deps, 'laurel', [
    put('tax', 'tax-2'),
    put('tax', 'tax-1'),
    put('thing', 'thing-1'),
    put(dependencyOnly, 'part-1'),
  ])
  await write(app.deps, 'laurel', [{ type: 'tax', id: 'tax-2', op: 'delete' }])
  await write(app.deps, 'other', [put('tax', 'their-1')])
})
afterAll(async () => {
  await place.close()
  await app.close()
})

const inventory = async (query = '') => {
  const { status, body } = await key.call('GET', `/v1/configs/inventory${query}`)
  expect(status, JSON.stringify(body)).toBe(200)
  return { ...body, keys: body.resources.map(({ type, id }: any) => `${type}/${id}`).sort() } as Record<
    string,
    any
  >
}

test('[CI-14] type and id of everything there is now, of one organisation only', async () => {
  const found = await inventory()
  expect(found.keys).toEqual([`${dependencyOnly}/part-1`, 'tax/tax-1'].sort())
  expect(found).toMatchObject({ org_id: 'laurel', resources_count: 2, skipped_types: [] })
})

test('[CI-14] types of the organisation’s own when asked for; those only reached by others may be left out', async () => {
  expect((await inventory('?include=custom')).keys).toContain('thing/thing-1')
  expect((await inventory('?include_dependency_only=false')).keys).toEqual(['tax/tax-1'])
})

test('[CI-15] every page of another place is read; one that fails is named, and the rest is answered', async () => {
  const mapping = place.mapping({ coupon: 'coupons', webhook: 'webhooks' })
  await key.call('PUT', '/v1/connectors/place', { kind: 'rest', mapping })
  for (const type of ['coupon', 'webhook'])
    expect((await key.call('PUT', `/v1/configs/types/${type}`, { connector: 'place' })).status).toBe(200)
  const items = Array.from({ length: 5 }, (_, n) => ({
    id: `coupon-${n}`,
    updated_at: '2026-01-01T00:00:00Z',
  }))
  Object.assign(place, { items: { coupons: items }, broken: new Set(['webhooks']) })
  const { keys, skipped_types } = await inventory()
  expect(keys.filter((each: string) => each.startsWith('coupon/'))).toEqual(
    items.map(({ id }) => `coupon/${id}`),
  )
  expect(keys).toContain('tax/tax-1')
  expect(skipped_types).toEqual([{ type: 'webhook', reason: expect.stringContaining('place') }])
})
