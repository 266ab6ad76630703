import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { addType } from '../../test/harness/store.ts'

let app: TestApp
let hub: Caller
beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  hub = await app.person('laurel', 'owner')
  await addType(app, 'laurel', { type: 'thing' })
})
afterAll(() => app.close())

const PATH = '/api/agent/sync-feeds/config-changes'
const read = (query: string) => hub.call('GET', `${PATH}?${query}`)
const CANARY = 'canary-9d1f'
const documents = (n: number) =>
  Array.from({ length: n }, (_, i) => ({
    type: 'thing',
    id: `p${i}`,
    document: { name: `Price ${i}`, note: CANARY },
  }))

test('[FD-4] [FD-12] what a bulk write changed is read entry by entry, from any place in a batch, without contents', async () => {
  const imported = await hub.call('POST', '/v1/store:import', { documents: documents(7) })
  expect(imported.status, JSON.stringify(imported.body)).toBe(200)
  await hub.call('PUT', '/v1/store/thing/p3', { name: 'Changed', note: CANARY })
  await hub.call('DELETE', '/v1/store/thing/p4')
  const { body } = await read('')
  expect(body.records).toHaveLength(9)
  expect(body.records[0]).toMatchObject({
    type: 'config.document.upsert',
    key: 'thing/p0',
    data: { type: 'thing', id: 'p0', version: 1 },
  })
  expect(body.records.slice(7)).toMatchObject([
    { key: 'thing/p3', data: { version: 2 } },
    { type: 'config.document.delete', key: 'thing/p4', tombstone: true, data: null },
  ])
  expect(JSON.stringify(body)).not.toContain(CANARY)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1 }), async (sizes) => {
      const records: unknown[] = []
      let cursor = ''
      for (let n = 0; ; n++) {
        const page = await read(`limit=${sizes[n % sizes.length]}${cursor}`)
        records.push(...page.body.records)
        if (!page.body.hasMore) break
        cursor = `&cursor=${page.body.nextCursor}`
      }
      expect(records).toEqual(body.records)
    }),
    { numRuns: 10 },
  )
})

test('[FD-13] findings and changes of configuration are for who administers, and for grants with the scope', async () => {
  const statuses = async (who: Caller) =>
    Promise.all(
      ['config-changes', 'findings'].map(
        async (feed) => (await who.call('GET', `/api/agent/sync-feeds/${feed}`)).status,
      ),
    )
  expect(await statuses(app.guest())).toEqual([401, 401])
  expect(await statuses(await app.person('laurel', 'member'))).toEqual([403, 403])
  expect(await statuses(await app.person('laurel', 'admin'))).toEqual([200, 200])
  const grant = (scope: string) =>
    app.key({ org: 'laurel', role: 'agent', scopes: [`creator:laurel:${scope}`] })
  expect(await statuses(await grant('config:read'))).toEqual([200, 403])
  expect(await statuses(await grant('sync:read'))).toEqual([403, 200])
})
