import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestApp, testApp } from '../harness/app.ts'
import { addType, documentsAs } from '../harness/store.ts'
import { dump } from '../security/world.ts'
import { done, type Side, type SyncApp, settled, syncApp } from './operations.ts'

/** `far` is an organisation of another server. */
let world: SyncApp
let other: TestApp
let far: Side

beforeAll(async () => {
  world = await syncApp()
  world.app.deps.config.allowPrivateConnectors = true
  other = await testApp()
  await other.org('far')
  await addType(other, 'far', { type: 'form', natural_key: ['/key'] })
  far = await other.key({ org: 'far', role: 'automation' })
  const connector = { kind: 'countersign', base_url: other.url, external_org_id: 'far' }
  const put = await world.sandbox.call('PUT', '/v1/connectors/far', connector)
  expect(put.status, JSON.stringify(put.body)).toBe(200)
})
afterAll(async () => {
  await world.close()
  await other.close()
})

const push = (id: string, more: object = {}) => ({
  ...{ source_org_id: 'sandbox', target_org_id: 'far', target_auth_token: far.bearer },
  ...{ resources: [{ type: 'form', id }], ...more },
})
const there = (id: string) => documentsAs(far, 'form').get(id)

test('[SJ-9] an organisation of another server is promoted to by its token, also by a process that works no queue', async () => {
  await world.jobs.stop()
  const ids = Array.from({ length: 12 }, (_, n) => `form-${n}`)
  for (const id of ids) await documentsAs(world.sandbox, 'form').put(id, { key: id, name: id.toUpperCase() })
  const made = await Promise.all(
    ids.map((id) => world.sandbox.call('POST', '/v1/configs/sync-jobs', push(id))),
  )
  expect(made.map(({ status }) => status)).toEqual(ids.map(() => 201))
  for (const { body } of made)
    expect(await settled(world.sandbox, body.id)).toMatchObject({
      status: 'succeeded',
      counts: { created: 1 },
    })
  for (const id of ids) expect((await there(id)).body.name).toBe(id.toUpperCase())
  await world.work()
  const text = [...Object.values(await dump(world.app)), ...world.app.logged].join('\n')
  expect(text).toContain('form-11')
  expect(text).not.toContain(far.bearer)
})

test('[SJ-9] what was promoted there is known again, changed, and taken back with a token only', async () => {
  const forms = documentsAs(world.sandbox, 'form')
  await forms.put('form-1', { key: 'form-1', name: 'Changed' })
  const job = await done(world.sandbox, 'sync-jobs', push('form-1'))
  expect(job).toMatchObject({ status: 'succeeded', counts: { total: 1, patched: 1 } })
  const path = `/v1/configs/sync-jobs/${job.id}/rollback`
  const without = await world.sandbox.call('POST', path)
  expect([without.status, without.body.errors[0].pointer]).toEqual([400, '/target_auth_token'])
  const { body } = await world.sandbox.call('POST', path, { target_auth_token: far.bearer })
  expect(await settled(world.sandbox, body.id)).toMatchObject({ status: 'succeeded', kind: 'rollback' })
  expect((await there('form-1')).body.name).toBe('FORM-1')
})

test('[SJ-9] it is pulled from by its token', async () => {
  await documentsAs(far, 'form').put('theirs', { key: 'theirs', name: 'Theirs' })
  const job = await done(world.sandbox, 'sync-jobs', {
    ...{ source_org_id: 'far', source_auth_token: far.bearer },
    ...{ target_org_id: 'sandbox', target_auth_token: world.sandbox.bearer },
    resources: [{ type: 'form', id: 'theirs' }],
  })
  expect(job).toMatchObject({ status: 'succeeded', direction: 'pull', counts: { created: 1 } })
  expect((await documentsAs(world.sandbox, 'form').get('theirs')).body.name).toBe('Theirs')
})

test('[SJ-51] requests that were refused, and jobs that wait for people, hold up no other one', async () => {
  const forms = documentsAs(world.sandbox, 'form')
  for (const id of ['waits-1', 'waits-2', 'goes']) await forms.put(id, { key: id, name: id })
  const owner = await world.app.person('sandbox', 'owner')
  const scopes = ['creator:sandbox:config:read', 'creator:sandbox:config:write']
  const agent = await world.app.key({ org: 'sandbox', role: 'agent', for: owner.email, scopes })
  for (const id of ['waits-1', 'waits-2'])
    expect((await done(agent, 'sync-jobs', push(id))).stage, 'it waits').toBe('waiting')
  const job = await done(world.sandbox, 'sync-jobs', push('goes'))
  for (let n = 0; n < 3; n++) {
    const path = `/v1/configs/sync-jobs/${job.id}/retry`
    expect((await world.sandbox.call('POST', path, { target_auth_token: far.bearer })).status).toBe(409)
  }
  await forms.put('goes', { key: 'goes', name: 'Gone' })
  expect(await done(world.sandbox, 'sync-jobs', push('goes'))).toMatchObject({ status: 'succeeded' })
})
