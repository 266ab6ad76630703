import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { indexed } from '../../test/harness/nodes.ts'
import type { Operation } from '../operation/define.ts'
import { OPERATIONS } from '../operations.ts'
import { typesDefine } from './types-define.ts'
import { typesRead } from './types-read.ts'
import { typesRemove } from './types-remove.ts'

let app: TestApp
let owner: Caller & { email: string }
let key: Caller
let other: Caller

beforeAll(async () => {
  const own = [typesRead, typesDefine, typesRemove]
  app = await testApp({ operations: [...new Set<Operation>([...OPERATIONS, ...own])] })
  for (const org of ['laurel', 'other']) await app.org(org)
  owner = await app.person('laurel', 'owner')
  key = await app.key({ org: 'laurel', role: 'automation' })
  other = await app.key({ org: 'other', role: 'automation' })
})
afterAll(() => app.close())

const define = async (type: string, definition: unknown = { label: 'Things', icon: 'Box' }) =>
  expect((await key.call('PUT', `/v1/configs/types/${type}`, definition)).status).toBe(200)
const remove = (type: string, query = '', caller = key) =>
  caller.call('DELETE', `/v1/configs/types/${type}${query}`)
const readType = async (type: string) => (await key.call('GET', `/v1/configs/types/${type}`)).body

describe('[CT-10] removing a type', () => {
  test('of one’s own, with the definition kept in the audit', async () => {
    await define('tariff')
    const reply = await remove('tariff')
    expect([reply.status, reply.body]).toEqual([
      200,
      { type: 'tariff', removed: true, rebuild_required: false },
    ])
    expect((await readType('tariff')).code).toBe('not-found')
    expect((await remove('tariff')).body.code).toBe('not-found')
    const rows = await app.deps.db.query(sql`
      SELECT previous->'definition'->>'label' AS label, next FROM audit_log
       WHERE org = 'laurel' AND event = 'configuration_type_remove' AND outcome = 'applied'`)
    expect(rows).toEqual([{ label: 'Things', next: null }])
  })

  test('is blocked while there are configurations of it, and says how many', async () => {
    await define('used')
    await indexed(app.deps.db, 'laurel', 'used', 3)
    const planned = await remove('used', '?dryRun=true')
    expect(planned.body.plan).toMatchObject({
      blockers: [{ code: 'plan-blocked', message: 'There are 3 configurations of the type used.' }],
      details: { configurations: 3 },
    })
    const reply = await remove('used')
    expect([reply.status, reply.body.code]).toEqual([409, 'plan-blocked'])
    expect((await readType('used')).version).toBe(1)
    // deleted ones are none
    await app.deps.db.query(
      sql`UPDATE config_nodes SET deleted_at = now() WHERE org = 'laurel' AND type = 'used'`,
    )
    expect((await remove('used')).status).toBe(200)
  })

  test('counts no further than it has to', async () => {
    await define('many')
    await indexed(app.deps.db, 'laurel', 'many', 1_001)
    expect((await remove('many')).body.detail).toBe('There are 1000 or more configurations of the type many.')
  })

  test('that is built in takes back what was changed of it, whatever there is of the type', async () => {
    await define('journey', { json_schema: { type: 'object' } })
    await indexed(app.deps.db, 'laurel', 'journey', 1)
    const reply = await remove('journey')
    expect(reply.body).toEqual({ type: 'journey', removed: true, rebuild_required: false })
    expect(await readType('journey')).toMatchObject({ custom: false, version: 0 })
    const again = await remove('journey')
    expect([again.status, again.body.code]).toEqual([404, 'not-found'])
  })

  test('of another organisation answers as if there were none', async () => {
    await define('mine')
    const [foreign, missing] = [await remove('mine', '', other), await remove('nobody', '', other)]
    expect(foreign.body).toEqual({
      ...missing.body,
      detail: 'There is no type mine.',
      error: 'There is no type mine.',
    })
    expect((await readType('mine')).version).toBe(1)
  })

  test('is guarded by the version, has a stable digest, and is not for agents alone', async () => {
    await define('guarded')
    expect((await remove('guarded', '?expectedVersion=2')).body.code).toBe('stale')
    const { body: first } = await remove('guarded', '?dryRun=true')
    const { body: second } = await remove('guarded', '?dryRun=true')
    expect(first.plan.planDigest).toBe(second.plan.planDigest)
    const agent = await app.key({
      org: 'laurel',
      role: 'agent',
      for: owner.email,
      scopes: ['creator:laurel:config:*'],
    })
    expect((await remove('guarded', '', agent)).body.code).toBe('approval-required')
    expect((await remove('guarded', '', app.guest())).status).toBe(401)
    expect((await remove('guarded', '?expectedVersion=1')).status).toBe(200)
  })
})
