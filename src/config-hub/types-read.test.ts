import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import type { Operation } from '../operation/define.ts'
import { OPERATIONS } from '../operations.ts'
import { BUILT_IN } from './types/builtin.ts'
import { typesDefine } from './types-define.ts'
import { typesRead } from './types-read.ts'

let app: TestApp
let key: Caller
let other: Caller

beforeAll(async () => {
  app = await testApp({ operations: [...new Set<Operation>([...OPERATIONS, typesRead, typesDefine])] })
  for (const org of ['laurel', 'other']) await app.org(org)
  key = await app.key({ org: 'laurel', role: 'automation' })
  other = await app.key({ org: 'other', role: 'automation' })
})
afterAll(() => app.close())

const readType = (caller: Caller, type: string) => caller.call('GET', `/v1/configs/types/${type}`)

test.each(BUILT_IN.map((definition) => [definition.type, definition] as const))(
  '[CT-4] %s is read as it is built in',
  async (type, definition) => {
    const reply = await readType(key, type)
    expect([reply.status, reply.body]).toEqual([200, { definition, custom: false, version: 0 }])
  },
)

test('[CT-4] a built-in type is read with what the organisation changed of it, by nobody else', async () => {
  const json_schema = { type: 'object', required: ['name'] }
  await key.call('PUT', '/v1/configs/types/product', { json_schema })
  const { body } = await readType(key, 'product')
  expect(body).toMatchObject({ custom: false, version: 1, definition: { label: 'Products', json_schema } })
  expect(Date.parse(body.updated_at)).toBeGreaterThan(0)
  expect((await readType(other, 'product')).body).toMatchObject({ version: 0 })
})

test('[CT-4] one’s own type is read whole, another organisation’s like one that is not there', async () => {
  await key.call('PUT', '/v1/configs/types/tariff', { label: 'Tariffs', icon: 'Bolt' })
  const own = await readType(key, 'tariff')
  expect(own.body).toMatchObject({
    custom: true,
    version: 1,
    definition: { type: 'tariff', id_path: '/id', title_paths: ['/title', '/name'], scan: true },
  })
  const [foreign, missing] = [await readType(other, 'tariff'), await readType(other, 'nothing')]
  expect([foreign.status, foreign.body.code]).toEqual([404, 'not-found'])
  expect(foreign.body).toEqual({ ...missing.body, detail: foreign.body.detail, error: foreign.body.detail })
  expect(foreign.body.detail).toBe(missing.body.detail.replace('nothing', 'tariff'))
})

test('[CT-4] what is no name of a type is refused by its field', async () => {
  const reply = await readType(key, 'Tariff')
  expect([reply.status, reply.body.errors[0].pointer]).toEqual([400, '/type'])
})
