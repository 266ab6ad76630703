import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { lesson, product, tier } from '../../test/harness/catalog.ts'
import { type TestDatabase, testDatabase } from '../../test/harness/database.ts'
import type { Db, Transaction } from '../db/pool.ts'
import { type CatalogItem, findItems, itemsMappedTo, listItemsAfter } from './items.ts'
import { refOf, type Written } from './rules.ts'
import { findItem, insertItem, updateItem } from './store.ts'

let database: TestDatabase | undefined
let db: Db
const NOW = new Date('2026-05-16T07:00:00.000Z')

beforeEach(async () => {
  await database?.drop()
  database = await testDatabase()
  db = database.db
})
afterAll(() => database?.drop())

const add = async (item: Written, at = NOW, org = 'laurel'): Promise<CatalogItem> =>
  (await db.transaction((tx) => insertItem(tx, org, item, at))) as CatalogItem

/** What a reader finds who pages from a place to the end. */
async function paged(limit: number, start: Parameters<typeof listItemsAfter>[2] = null) {
  const found: CatalogItem[] = []
  for (let after = start; ; ) {
    const page = await listItemsAfter(db, 'laurel', after, limit)
    found.push(...page)
    after = page.at(-1) ?? after
    if (page.length < limit) return { found, after }
  }
}

describe('items', () => {
  test('[CA-3] come back as they were written, found by name or by the price that they are mapped to', async () => {
    const made = await add(lesson({ details: { description: 'Chords', durationMinutes: 45 } }))
    expect(made).toEqual({
      ...lesson({ details: { description: 'Chords', durationMinutes: 45 } }),
      active: true,
      version: 1,
      createdAt: NOW,
      updatedAt: NOW,
    })
    const circle = await add(tier())
    await add(tier(), NOW, 'other')
    const refs = [lesson(), tier(), product()]
    expect((await findItems(db, 'laurel', refs)).map(refOf).sort()).toEqual([refOf(made), refOf(circle)])
    expect(await findItems(db, 'laurel', [])).toEqual([])
    expect(await itemsMappedTo(db, 'laurel', ['price_abcdcircle', 'price_none'])).toEqual([circle])
    expect(await itemsMappedTo(db, 'laurel', [])).toEqual([])
    expect(await findItem(db, 'other', lesson())).toBeUndefined()
  })

  test('[CA-3] a second item of one name is not made', async () => {
    await add(lesson())
    expect(await add(lesson({ title: 'Another' }))).toBeUndefined()
    expect((await findItem(db, 'laurel', lesson()))?.title).toBe('Intro guitar lesson')
  })

  test('[CA-4] each change has a later time than every one before it, whatever the clock says', async () => {
    const first = await add(lesson())
    const second = await add(product(), new Date(NOW.getTime() - 60_000))
    expect(second.updatedAt.getTime()).toBe(NOW.getTime() + 1)
    const third = await updateItem(db, 'laurel', { ...first, amountCents: 8000 }, NOW)
    expect(third).toMatchObject({ amountCents: 8000, version: 2 })
    expect(third!.updatedAt.getTime()).toBe(NOW.getTime() + 2)
    // it moved on
    expect(await updateItem(db, 'laurel', { ...first, amountCents: 9000 }, NOW)).toBeUndefined()
  })

  test.each([1, 2, 3, 7])(
    '[CA-4] pages of %i give every item once, in the order of changes',
    async (limit) => {
      const made = []
      for (let n = 0; n < 7; n++) made.push(await add(lesson({ key: `lesson-${(n * 3) % 7}` })))
      expect((await paged(limit)).found.map(refOf)).toEqual(made.map(refOf))
      await updateItem(db, 'laurel', made[2]!, NOW)
      const { after } = await paged(limit)
      expect((await paged(limit)).found.map(refOf).at(-1)).toBe(refOf(made[2]!))
      expect((await paged(limit, after)).found).toEqual([])
    },
  )

  test('[CA-5] a reader who pages on while eight write misses no change', async () => {
    const seen = new Map<string, number>()
    let after: Parameters<typeof listItemsAfter>[2] = null
    const look = async () => {
      const next = await paged(3, after)
      for (const item of next.found) seen.set(refOf(item), item.version)
      after = next.after
    }
    const writer = async (n: number) => {
      const key = `lesson-${n}`
      const long = (work: (tx: Transaction) => Promise<unknown>) =>
        db.transaction(async (tx) => {
          await work(tx)
          // others want to commit first
          for (let step = 0; step < 5; step++) await findItem(tx, 'laurel', lesson({ key }))
        })
      await long((tx) => insertItem(tx, 'laurel', lesson({ key }), NOW))
      for (let version = 1; version <= 5; version++)
        await long((tx) => updateItem(tx, 'laurel', { ...lesson({ key }), version }, NOW))
    }
    let writing = true
    const writers = Promise.all(Array.from({ length: 8 }, (_, n) => writer(n))).finally(() => {
      writing = false
    })
    while (writing) await look()
    await writers
    await look()
    expect([...seen.values()]).toEqual(Array(8).fill(6))
  })

  test.each<[string, Partial<Written>]>([
    ['an interval on a lesson', { interval: 'month' }],
    ['a negative amount', { amountCents: -1 }],
    ['a currency of two letters', { currency: 'us' }],
    ['a price id that is none', { stripePriceId: 'sk_live_1' }],
  ])('[CA-3] the database itself refuses %s', async (_, fields) => {
    await expect(add(lesson(fields))).rejects.toMatchObject({ code: '23514' })
  })
})
