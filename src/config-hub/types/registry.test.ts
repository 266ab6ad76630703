import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../../test/harness/app.ts'
import { indexed } from '../../../test/harness/nodes.ts'
import type { Operation } from '../../operation/define.ts'
import type { Problem } from '../../operation/errors.ts'
import { OPERATIONS } from '../../operations.ts'
import { typesDefine } from '../types-define.ts'
import { typesRemove } from '../types-remove.ts'
import { BUILT_IN } from './builtin.ts'
import { BUILT_IN_REGISTRY, holdTypes, registryOf, requireType } from './registry.ts'

let app: TestApp
let key: Caller

beforeAll(async () => {
  app = await testApp({ operations: [...new Set<Operation>([...OPERATIONS, typesDefine, typesRemove])] })
  for (const org of ['laurel', 'bare', 'racing']) await app.org(org)
  key = await app.key({ org: 'laurel', role: 'automation' })
})
afterAll(() => app.close())

const define = async (type: string, definition: object, caller = key) =>
  expect((await caller.call('PUT', `/v1/configs/types/${type}`, definition)).status).toBe(200)

test('[CT-3] an organisation that stored nothing has the built-in types themselves', async () => {
  expect(await registryOf(app.deps.db, 'bare')).toBe(BUILT_IN_REGISTRY)
  expect(await registryOf(app.deps.db, 'no-such-organisation')).toBe(BUILT_IN_REGISTRY)
})

test('[CT-3] one statement answers built-in types, what was changed of them, and own ones by name', async () => {
  for (const type of ['zone', 'area']) await define(type, { label: type, icon: 'Box' })
  await define('price', { json_schema: { type: 'object' } })
  let statements = 0
  const counted = {
    query: (<R>(statement: Parameters<typeof app.deps.db.query>[0]) => {
      statements++
      return app.deps.db.query<R>(statement)
    }) as typeof app.deps.db.query,
  }
  const registry = await registryOf(counted, 'laurel')
  expect(statements).toBe(1)
  expect([...registry.keys()]).toEqual([...BUILT_IN.map(({ type }) => type), 'area', 'zone'])
  expect(registry.get('area')).toMatchObject({ custom: true, label: 'area', connector: 'store' })
  const { json_schema, ...price } = registry.get('price')!
  expect(json_schema).toEqual({ type: 'object' })
  expect(price).toEqual(BUILT_IN_REGISTRY.get('price'))
  expect(BUILT_IN_REGISTRY.get('price')).not.toHaveProperty('json_schema')
})

test('[CT-3] a type that is none is refused by the field that named it', () => {
  expect(requireType(BUILT_IN_REGISTRY, 'price').label).toBe('Prices')
  try {
    requireType(BUILT_IN_REGISTRY, 'constructor', '/resources/0/type')
    expect.unreachable()
  } catch (error) {
    const { code, options } = error as Problem
    expect([code, options.errors?.[0]?.pointer]).toEqual(['validation-failed', '/resources/0/type'])
  }
})

test('[CT-10] a type is not removed while documents of it are being written', async () => {
  const { db } = app.deps
  const racer = await app.key({ org: 'racing', role: 'automation' })
  await define('racy', { label: 'Racy', icon: 'Box' }, racer)
  const type = (await registryOf(db, 'racing')).get('racy')!
  const removal = await db.transaction(async (tx) => {
    await holdTypes(tx, 'racing', [type, BUILT_IN_REGISTRY.get('price')!])
    const started = racer.call('DELETE', '/v1/configs/types/racy')
    await waitingFor(async () => {
      const [row] = await db.query<{ waiting: boolean }>(sql`
        SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')
          AS waiting`)
      return row!.waiting
    })
    await indexed(tx, 'racing', 'racy', 1)
    return { started }
  })
  expect((await removal.started).body.code).toBe('plan-blocked')
  await db.query(sql`DELETE FROM config_nodes WHERE org = 'racing'`)
  expect((await racer.call('DELETE', '/v1/configs/types/racy')).status).toBe(200)
  // read before, gone since
  await expect(db.transaction((tx) => holdTypes(tx, 'racing', [type]))).rejects.toThrow('racy is no type')
})

async function waitingFor(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) if (Date.now() > deadline) throw new Error('nothing waited within 10 s')
}
