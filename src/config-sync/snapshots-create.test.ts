import { createServer } from 'node:http'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run, snapshotApp, snapshotsAs } from '../../test/config-sync/snapshots.ts'
import type { TestApp } from '../../test/harness/app.ts'
import { addType } from '../../test/harness/store.ts'

let app: TestApp
let own: ReturnType<typeof snapshotsAs>
let foreign: ReturnType<typeof snapshotsAs>

beforeAll(async () => {
  app = await snapshotApp()
  own = snapshotsAs(app, await app.key({ org: 'laurel', role: 'automation' }))
  foreign = snapshotsAs(app, await app.key({ org: 'other', role: 'automation' }), 'other')
  await own.things.put('thing-1', { title: 'One', token: 'canary-5e1f', seen: 1 })
  await own.things.put('thing-2', { title: 'Two' })
  await own.things.put('gone-1', { title: 'Gone' })
  await own.things.remove('gone-1')
  await own.others.put('other-1', { title: 'Other' })
})
afterAll(() => app.close())

const keys = (items: any[]) => items.map(({ type, id }) => `${type}/${id}`)

test('[SN-1] a snapshot keeps what there is, whatever is written later', async () => {
  const made = await own.call('POST', '/v1/configs/snapshots', { name: 'First', expires_in_days: 30 })
  expect(made).toMatchObject({ status: 201, body: { status: 'building', items: 0, name: 'First' } })
  const { id } = made.body
  await run(app, 'laurel', id)
  const { body: taken } = await own.call('GET', `/v1/configs/snapshots/${id}`)
  expect(taken).toMatchObject({
    status: 'ready',
    items: 3,
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    failed_types: [],
    types: [
      { type: 'other_thing', items: 1 },
      { type: 'thing', items: 2 },
    ],
    expires_at: new Date(Date.parse(taken.created_at) + 30 * 86_400_000).toISOString(),
  })
  await own.things.patch('thing-2', { title: 'Two, changed' })
  await own.things.remove('thing-1')
  // the job may be worked again after it is done
  await run(app, 'laurel', id)
  expect(await own.all(`/${id}/items`, { include: 'document' })).toMatchObject([
    { type: 'other_thing', id: 'other-1', document: { title: 'Other' } },
    { type: 'thing', id: 'thing-1', version: 1, document: { title: 'One', seen: 1 } },
    { type: 'thing', id: 'thing-2', version: 1, document: { title: 'Two' } },
  ])
  await own.things.put('thing-1', { title: 'One', token: 'canary-5e1f', seen: 1 })
  await own.things.patch('thing-2', { title: 'Two' })
})

test('[SN-1] secrets are in it sealed only', async () => {
  const { id } = await own.take()
  const shown = JSON.stringify(await own.all(`/${id}/items`, { include: 'document' }))
  const [row] = await app.deps.db.query<{ text: string; sealed: Buffer }>(sql`
    SELECT to_json(i)::text AS text, i.sealed_secrets AS sealed FROM config_snapshot_items i
     WHERE i.org = 'laurel' AND i.snapshot_id = ${id} AND i.id = 'thing-1'`)
  expect(shown + row?.text).not.toContain('canary-5e1f')
  expect(app.deps.sealing.unseal(row!.sealed)).toContain('canary-5e1f')
})

test('[SN-2] a selection is what is in it, and nothing else', async () => {
  const typed = await own.take({ selection: { types: ['other_thing'] } })
  expect(keys(await own.all(`/${typed.id}/items`))).toEqual(['other_thing/other-1'])
  const resources = [
    { type: 'thing', id: 'thing-2' },
    { type: 'thing', id: 'gone-1' },
    { type: 'other_thing', id: 'thing-2' },
  ]
  const single = await own.take({ selection: { resources } })
  expect(keys(await own.all(`/${single.id}/items`))).toEqual(['thing/thing-2'])
  for (const size of [1, 2, 100])
    expect(await own.all(`/${(await own.take()).id}/items`, { size })).toHaveLength(3)
  const post = (selection: unknown) => own.call('POST', '/v1/configs/snapshots', { name: 'x', selection })
  const wrong = await post({ types: ['thing', 'no_such_type'] })
  expect(wrong).toMatchObject({ status: 400, body: { errors: [{ pointer: '/selection/types/1' }] } })
  expect((await post({ types: ['thing'], resources })).status).toBe(400)
  expect((await post({ types: [] })).status).toBe(400)
})

test('[SN-3] what lives elsewhere is in it without secrets, and a type that cannot be read is left out and named', async () => {
  const place = createServer((request, response) => {
    const broken = request.url?.startsWith('/broken')
    response.writeHead(broken ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(broken ? {} : [{ id: 'far-1', name: 'Far', token: 'canary-77aa' }]))
  })
  await new Promise<void>((resolve) => place.listen(0, '127.0.0.1', resolve))
  const { port } = place.address() as { port: number }
  app.deps.config.allowPrivateConnectors = true
  const resource = (path: string) => ({ list: { path }, get: { path: `${path}/{id}` } })
  const mapping = {
    base_url: `http://127.0.0.1:${port}`,
    types: { far_thing: resource('/far'), broken_thing: resource('/broken') },
  }
  const put = await own.call('PUT', '/v1/connectors/far', { kind: 'rest', mapping })
  expect(put.status, JSON.stringify(put.body)).toBe(200)
  const type = { connector: 'far', secret_paths: ['/token'] }
  await addType(app, 'laurel', { type: 'far_thing', ...type })
  await addType(app, 'laurel', { type: 'broken_thing', ...type })
  const taken = await own.take({ selection: { types: ['far_thing', 'broken_thing', 'thing'] } })
  expect(taken).toMatchObject({ status: 'ready', items: 3, failed_types: ['broken_thing'] })
  const items = await own.all(`/${taken.id}/items`, { include: 'document', type: 'far_thing' })
  expect(items).toMatchObject([{ type: 'far_thing', id: 'far-1', document: { id: 'far-1', name: 'Far' } }])
  expect(JSON.stringify(items)).not.toContain('canary-77aa')
  for (const name of ['far_thing', 'broken_thing'])
    await app.deps.db.query(sql`DELETE FROM config_types WHERE org = 'laurel' AND type = ${name}`)
  await new Promise((resolve) => place.close(resolve))
})

test('[SN-4] digests are equal where the configuration is, and only there', async () => {
  const [first, second] = [await own.take(), await own.take()]
  expect(second.digest).toBe(first.digest)
  await own.things.patch('thing-1', { seen: 2 })
  expect((await own.take()).digest).toBe(first.digest)
  await own.things.patch('thing-1', { token: 'another' })
  const secret = await own.take()
  expect(secret.digest).not.toBe(first.digest)
  await own.things.put('thing-3', { title: 'Three' })
  expect((await own.take()).digest).not.toBe(secret.digest)
  await own.things.remove('thing-3')
  expect((await own.take()).digest).toBe(secret.digest)
})

test('[SN-5] a snapshot that was cut off is taken anew, and is whole', async () => {
  const { id } = (await own.call('POST', '/v1/configs/snapshots', { name: 'Cut' })).body
  // as if the process had died after copying a part
  await app.deps.db.query(sql`
    INSERT INTO config_snapshot_items (org, snapshot_id, type, id, version, content_hash, document)
    VALUES ('laurel', ${id}, 'thing', 'half-1', 1, 'x', '{}')`)
  await Promise.all([run(app, 'laurel', id), run(app, 'laurel', id)].map((each) => each.catch(() => {})))
  await run(app, 'laurel', id)
  const { body } = await own.call('GET', `/v1/configs/snapshots/${id}`)
  expect(body).toMatchObject({ status: 'ready', items: 3 })
  expect(keys(await own.all(`/${id}/items`))).toEqual([
    'other_thing/other-1',
    'thing/thing-1',
    'thing/thing-2',
  ])
})

test('[SN-6] the list has each once, newest first, and the same request makes one', async () => {
  const headers = { 'idempotency-key': 'snapshot-key-1' }
  const twice = [1, 2].map(() => own.call('POST', '/v1/configs/snapshots', { name: 'Once' }, headers))
  const [first, second] = await Promise.all(twice)
  expect(second!.body).toEqual(first!.body)
  const all = await own.all('')
  for (const size of [1, 3, 100]) expect(await own.all('', { size })).toEqual(all)
  const times = all.map(({ created_at }) => created_at)
  expect(times).toEqual([...times].sort().reverse())
  expect(all.filter(({ name }) => name === 'Once')).toHaveLength(1)
})

test('[SN-7] a snapshot of another organisation looks like one that does not exist', async () => {
  const { id } = await own.take()
  const missing = 'snapshot-0000000000000000'
  for (const path of ['', '/items', '/diff']) {
    const [theirs, nobodys] = await Promise.all(
      [id, missing].map((each) => foreign.call('GET', `/v1/configs/snapshots/${each}${path}`)),
    )
    expect(theirs!.status).toBe(404)
    expect(JSON.stringify(theirs!.body).replaceAll(id, missing)).toBe(JSON.stringify(nobodys!.body))
  }
  expect((await foreign.call('DELETE', `/v1/configs/snapshots/${id}`)).status).toBe(404)
  const mine = await foreign.take()
  expect((await foreign.call('GET', `/v1/configs/snapshots/${mine.id}/diff?against=${id}`)).status).toBe(404)
  expect((await foreign.all('')).map((each) => each.id)).toEqual([mine.id])
  await own.call('DELETE', `/v1/configs/snapshots/${id}`)
  expect((await own.call('GET', `/v1/configs/snapshots/${id}`)).status).toBe(404)
})
