import { afterAll, beforeAll, expect, test } from 'vitest'
import { snapshotApp, snapshotsAs } from '../../test/config-sync/snapshots.ts'
import type { TestApp } from '../../test/harness/app.ts'

let app: TestApp
let own: ReturnType<typeof snapshotsAs>
let before: string
let after: string

const CHANGES = [
  ['other_thing', 'new-1', 'added'],
  ['thing', 'changed-1', 'changed'],
  ['thing', 'gone-1', 'removed'],
  ['thing', 'secret-1', 'secrets'],
]

beforeAll(async () => {
  app = await snapshotApp()
  own = snapshotsAs(app, await app.key({ org: 'laurel', role: 'automation' }))
  await own.things.put('changed-1', { title: 'One', list: ['a', 'b'], seen: 1, token: 'canary-1' })
  await own.things.put('secret-1', { title: 'Secret', token: 'canary-2' })
  await own.things.put('gone-1', { title: 'Gone' })
  await own.things.put('same-1', { title: 'Same', seen: 1 })
  before = (await own.take()).id
  await own.things.put('changed-1', { title: 'Two', list: ['a', 'b', 'c'], seen: 2 })
  await own.things.patch('secret-1', { token: 'canary-3' })
  await own.things.remove('gone-1')
  await own.things.patch('same-1', { seen: 9 })
  await own.others.put('new-1', { title: 'New' })
  after = (await own.take()).id
})
afterAll(() => app.close())

const rows = (found: any[]) => found.map(({ type, id, change }) => [type, id, change])

test.each(['now', 'another snapshot'])('[SN-8] what changed since, compared with %s', async (against) => {
  const query = against === 'now' ? {} : { against: after }
  for (const size of [1, 2, 100])
    expect(rows(await own.all(`/${before}/diff`, { ...query, size }))).toEqual(CHANGES)
  const [, changed, , secret] = await own.all(`/${before}/diff`, { ...query, include: 'diff' })
  expect(changed.diff).toEqual([
    { pointer: '/title', change: 'changed', before: 'One', after: 'Two' },
    { pointer: '/list/2', change: 'added', after: 'c' },
  ])
  expect(secret.diff).toBeUndefined()
})

test('[SN-8] nothing where nothing changed, and the other way round backwards', async () => {
  expect(await own.all(`/${after}/diff`)).toEqual([])
  expect(await own.all(`/${after}/diff`, { against: after })).toEqual([])
  const back = rows(await own.all(`/${after}/diff`, { against: before }))
  expect(back.map((each) => each[2])).toEqual(['removed', 'changed', 'added', 'secrets'])
})

test('[SN-8] of a selection only what is in it, and of a snapshot that is not ready nothing', async () => {
  const { id } = await own.take({ selection: { types: ['other_thing'] } })
  await own.things.put('later-1', { title: 'Later' })
  expect(await own.all(`/${id}/diff`)).toEqual([])
  const { body } = await own.call('POST', '/v1/configs/snapshots', { name: 'Not yet' })
  expect((await own.call('GET', `/v1/configs/snapshots/${body.id}/diff`)).status).toBe(409)
})
