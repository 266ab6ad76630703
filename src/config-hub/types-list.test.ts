import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectContract } from '../../test/contract/hub-client.ts'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import type { Operation } from '../operation/define.ts'
import { OPERATIONS } from '../operations.ts'
import { BUILT_IN } from './types/builtin.ts'
import { typesDefine } from './types-define.ts'
import { typesList } from './types-list.ts'

let app: TestApp
let key: Caller
let other: Caller

beforeAll(async () => {
  app = await testApp({ operations: [...new Set<Operation>([...OPERATIONS, typesList, typesDefine])] })
  for (const org of ['laurel', 'other']) await app.org(org)
  key = await app.key({ org: 'laurel', role: 'automation' })
  other = await app.key({ org: 'other', role: 'automation' })
  for (const type of ['tariff', 'area']) {
    const put = await key.call('PUT', `/v1/configs/types/${type}`, { label: type, icon: 'Box' })
    expect(put.status, JSON.stringify(put.body)).toBe(200)
  }
})
afterAll(() => app.close())

const list = (caller: Caller, query = '') => caller.call('GET', `/v1/configs/types${query}`)
const names = (reply: { body: any }): string[] => reply.body.results.map(({ type }: { type: string }) => type)
const THE_33 = BUILT_IN.map(({ type }) => type)

test('[CT-1] the answer is the contract’s, whatever the organisation added', async () => {
  const reply = await list(key)
  expect(reply.status).toBe(200)
  expectContract('listConfigTypes', 200, reply.body)
  expect(names(reply)).toEqual(THE_33)
  expect(reply.body).not.toHaveProperty('ok')
  expect(reply.body.results[0]).toEqual({
    type: 'journey',
    label: 'Journeys',
    icon: 'Route',
    source_api: 'https://journey.sls.epilot.io',
    sdk_client: '@epilot/sdk/journey',
    deletable: true,
  })
})

test('[CT-3] include=custom adds one’s own, marked, and nobody else’s', async () => {
  const reply = await list(key, '?include=custom')
  expect(names(reply)).toEqual([...THE_33, 'area', 'tariff'])
  expect(reply.body.results.at(-1)).toMatchObject({ type: 'tariff', label: 'tariff', custom: true })
  expect(reply.body.results[0]).not.toHaveProperty('custom')
  expect(names(await list(other, '?include=custom'))).toEqual(THE_33)
})

test('[CT-3] another include is refused, and whoever has no scope', async () => {
  const wrong = await list(key, '?include=everything')
  expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([400, '/include'])
  expect((await list(app.guest())).status).toBe(401)
  const narrow = await app.key({ org: 'laurel', role: 'automation', scopes: ['creator:laurel:live:read'] })
  expect((await list(narrow)).body.code).toBe('scope-missing')
})
