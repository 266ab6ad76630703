import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { dump } from '../../test/security/world.ts'

const ITEMS = '/api/admin/catalog/items'
const LESSON = {
  sourceKind: 'lesson-offering',
  title: 'Intro guitar lesson',
  amountCents: 7500,
  currency: 'usd',
  stripePriceId: 'price_secretpartintro',
}

let app: TestApp | undefined
let owner: Caller

beforeEach(async () => {
  await app?.close()
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
})
afterAll(() => app?.close())
const here = (): TestApp => app as TestApp

describe('creating items', () => {
  test('[CA-7] a draft is made, named by its title, its mapping shown by four characters', async () => {
    const { status, body } = await owner.call('POST', ITEMS, LESSON)
    expect(status).toBe(201)
    expect(body.item).toMatchObject({
      id: 'lesson-offering:intro-guitar-lesson',
      key: 'intro-guitar-lesson',
      status: 'draft',
      active: false,
      visible: true,
      price: '$75.00',
      hasStripePrice: true,
      redactedStripePriceId: 'price_...ntro',
      version: 1,
    })
    expect(body.plan.confirmationText).toBe(
      'I confirm creating the lesson Intro guitar lesson at $75.00, draft.',
    )
    const read = await owner.call('GET', `${ITEMS}/lesson-offering/intro-guitar-lesson`)
    expect(read.body.item).toEqual(body.item)
  })

  test('[CA-8] the id of a price is in its own column and nowhere else: answers, plans, audit, logs, database', async () => {
    const key = { 'idempotency-key': 'create-the-lesson' }
    const seen = [
      await owner.call('POST', ITEMS, { ...LESSON, dryRun: true }),
      await owner.call('POST', ITEMS, LESSON, key),
      await owner.call('POST', ITEMS, LESSON, key),
      await owner.call('POST', ITEMS, { ...LESSON, title: 7 }),
      await owner.call('GET', ITEMS),
      await owner.call('GET', '/api/admin/audit'),
    ]
    expect(seen.map(({ status }) => status)).toEqual([200, 201, 201, 400, 200, 200])
    const { 'public.catalog_items': items = '', ...rest } = await dump(here())
    expect(items).toContain('price_secretpartintro')
    expect(JSON.stringify([seen.map(({ body }) => body), rest, here().logged])).not.toContain('secretpart')
  })

  test('[CA-7] the same request is done once, by its key and by its name', async () => {
    const key = { 'idempotency-key': 'create-the-lesson' }
    const [first, again] = [
      await owner.call('POST', ITEMS, LESSON, key),
      await owner.call('POST', ITEMS, LESSON, key),
    ]
    expect([again.status, again.body]).toEqual([201, first.body])
    const third = await owner.call('POST', ITEMS, LESSON)
    expect([third.status, third.body.code]).toEqual([409, 'conflict'])
    const other = await owner.call('POST', ITEMS, { ...LESSON, sourceKind: 'shop-product' })
    expect(other.status).toBe(201)
  })

  test('[CA-7] of ten at once one is made', async () => {
    const replies = await Promise.all(Array.from({ length: 10 }, () => owner.call('POST', ITEMS, LESSON)))
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)])
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['a tier without an interval', { sourceKind: 'membership-tier' }, '/interval'],
    ['a lesson with one', { interval: 'month' }, '/interval'],
    ['a currency that is none', { currency: 'xxx' }, '/currency'],
    ['half a cent', { amountCents: 10.5 }, '/amountCents'],
    ['more digits than a currency is paid in', { amountCents: 1235, currency: 'kwd' }, '/amountCents'],
    ['a key with capitals', { key: 'Intro' }, '/key'],
    ['a title without letters', { title: '!!' }, '/key'],
    ['what is no id of a price', { stripePriceId: 'prod_123456' }, '/stripePriceId'],
    ['details of another kind', { details: { members: 3 } }, '/details/members'],
  ])('[CA-7] %s is refused by its field', async (_, fields, pointer) => {
    const { status, body } = await owner.call('POST', ITEMS, { ...LESSON, ...fields })
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, pointer])
  })

  test('[CA-9] is for those who administer; a grant needs an approval', async () => {
    const member = await here().person('laurel', 'member')
    const agent = await here().key({ org: 'laurel', role: 'agent' })
    const automation = await here().key({ org: 'laurel', role: 'automation' })
    const codes = []
    for (const who of [here().guest(), member, agent, automation])
      codes.push((await who.call('POST', ITEMS, LESSON)).body.code ?? 'made')
    expect(codes).toEqual(['unauthenticated', 'forbidden', 'approval-required', 'made'])
  })
})
