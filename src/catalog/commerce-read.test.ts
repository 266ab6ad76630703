import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../../test/harness/app.ts'
import { COMMERCE, lesson, product, tier } from '../../test/harness/catalog.ts'
import { insertItem } from './store.ts'

let app: TestApp
beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  const items = [
    lesson({ details: { description: 'Chords', bookedSessions: 4 } }),
    lesson({ key: 'hidden', title: 'Hidden', visible: false }),
    product({ status: 'draft' }),
    tier({ details: { members: 9, benefits: ['Letters'] } }),
    tier({ key: 'old-circle', title: 'Old Circle', status: 'retired' }),
  ]
  for (const item of items) await app.deps.db.transaction((tx) => insertItem(tx, 'laurel', item, new Date()))
})
afterAll(() => app.close())

describe('the manifest of commerce', () => {
  test('[CA-26] shows guests what is on sale, without mappings and counts of people', async () => {
    const { status, body } = await app.guest().call('GET', COMMERCE)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      version: 'agent-creator-commerce.v1',
      surface: { id: 'creator-commerce', artistId: 'laurel', safeForAgent: true },
      principal: { signedIn: false, capabilities: { readPublicCatalog: true, updateLessonPrice: false } },
      lessonOfferings: [{ id: 'lesson-offering:intro-guitar-lesson', price: '$75.00' }],
      storeItems: [],
      membershipTiers: [
        { title: 'Studio Circle', price: '$12.00 a month', details: { benefits: ['Letters'] } },
      ],
      stripe: null,
      truncated: false,
    })
    expect(body.lessonOfferings[0].details).toEqual({ description: 'Chords' })
    for (const item of [...body.lessonOfferings, ...body.membershipTiers])
      for (const hidden of ['hasStripePrice', 'redactedStripePriceId', 'status', 'visible', 'version'])
        expect(item).not.toHaveProperty(hidden)
  })

  test('[CA-26] shows everything to those who administer, prices of Stripe redacted', async () => {
    const owner = await app.person('laurel', 'owner')
    const { body } = await owner.call('GET', COMMERCE)
    expect(body.lessonOfferings.map(({ key }: any) => key)).toEqual(['hidden', 'intro-guitar-lesson'])
    expect(body.storeItems).toMatchObject([{ status: 'draft', hasStripePrice: false }])
    expect(body.membershipTiers.map(({ status }: any) => status)).toEqual(['retired', 'active'])
    expect(body.lessonOfferings[1]).toMatchObject({ redactedStripePriceId: 'price_...ntro' })
    expect(body.stripe).toEqual({ configured: false })
    expect(JSON.stringify(body)).not.toContain('price_abcd')
    const member = await app.person('laurel', 'member')
    expect((await member.call('GET', COMMERCE)).body.lessonOfferings).toHaveLength(1)
  })

  test('[CA-27] describes every operation of the surface, each with its envelope, and is a resource over MCP', async () => {
    const owner = await app.person('laurel', 'owner')
    const { operations } = (await owner.call('GET', COMMERCE)).body
    const surface = app.deps.operations.filter(({ surface: each }) => each === 'creator-commerce')
    expect(operations.map(({ id }: any) => id)).toEqual(surface.map(({ id }) => id))
    const confirmed = operations.filter(({ input }: any) => input.envelope)
    expect(confirmed).toHaveLength(7)
    for (const { toolName, input, confirmation } of confirmed) {
      expect(toolName).toMatch(/^fanful_creator_/)
      expect(input.envelope.contractId).toBe('creator.commerce.catalog')
      expect(confirmation).toMatchObject({ required: true, kind: 'catalog-change' })
    }
    const read = surface.find(({ id }) => id === 'catalog.commerce.read')
    expect(read).toMatchObject({ resource: { uri: 'fanful://agent/creator-commerce/manifest' } })
  })
})
