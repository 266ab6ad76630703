import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { lesson, product, tier } from '../../test/harness/catalog.ts'
import { insertItem } from './store.ts'

const ITEMS = '/api/admin/catalog/items'
let app: TestApp
let owner: Caller
beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  const items = [tier(), lesson(), product({ status: 'draft' }), lesson({ key: 'advanced', visible: false })]
  for (const item of items) await app.deps.db.transaction((tx) => insertItem(tx, 'laurel', item, new Date()))
})
afterAll(() => app.close())

const ids = async (query: string): Promise<string[]> =>
  (await owner.call('GET', `${ITEMS}${query}`)).body.items.map(({ id }: any) => id)

describe('the list of items', () => {
  test('[CA-14] is by kind and key, in pages, and narrowed by kind and status', async () => {
    const all = [
      'lesson-offering:advanced',
      'lesson-offering:intro-guitar-lesson',
      'membership-tier:studio-circle',
      'shop-product:signed-score-download',
    ]
    expect(await ids('')).toEqual(all)
    const found = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '?limit=1' : `?limit=1&cursor=${encodeURIComponent(cursor)}`
      const { body } = await owner.call('GET', `${ITEMS}${query}`)
      found.push(...body.items.map(({ id }: any) => id))
      cursor = body.nextCursor
    }
    expect(found).toEqual(all)
    expect(await ids('?sourceKind=lesson-offering')).toEqual(all.slice(0, 2))
    expect(await ids('?status=draft')).toEqual(all.slice(3))
    const { body } = await owner.call('GET', `${ITEMS}?limit=1&sourceKind=lesson-offering`)
    const foreign = await owner.call('GET', `${ITEMS}?limit=1&cursor=${encodeURIComponent(body.nextCursor)}`)
    expect(foreign.body.code).toBe('cursor-invalid')
  })

  test('[CA-9] is for those who administer', async () => {
    const member = await app.person('laurel', 'member')
    expect((await app.guest().call('GET', ITEMS)).status).toBe(401)
    expect((await member.call('GET', ITEMS)).status).toBe(403)
  })
})
