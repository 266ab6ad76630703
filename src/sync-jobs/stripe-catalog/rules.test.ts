import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSealing } from '../../operation/sealing.ts'
import { evidenceHash, itemEvidence, itemSummary, priceEvidence, priceSummary } from './evidence.ts'
import { type DriftClass, judgeItem, judgePrice, type MappedItem, speaks } from './rules.ts'
import type { ItemSide, PriceSide } from './sides.ts'

const item = (fields: Partial<ItemSide> = {}): ItemSide => ({
  sourceKind: 'membership-tier',
  key: 'studio-circle',
  title: 'Studio Circle',
  active: true,
  amountCents: 1200,
  currency: 'usd',
  interval: 'month',
  stripePriceId: 'price_abcdcircle',
  ...fields,
})
const price = (fields: Partial<PriceSide> = {}): PriceSide => ({
  id: 'price_abcdcircle',
  productId: 'prod_abcd',
  active: true,
  currency: 'usd',
  unitAmount: 1200,
  interval: 'month',
  intervalCount: 1,
  madeFor: null,
  ...fields,
})
const mapped = (fields: Partial<MappedItem> = {}): MappedItem => ({
  item: item(),
  price: price(),
  product: { id: 'prod_abcd', active: true },
  coverage: 'both-sides',
  ...fields,
})

/** An item and the price that agrees with it. */
const agreeing = fc
  .record({
    amountCents: fc.integer({ min: 1, max: 99_999_999 }),
    currency: fc.constantFrom('usd', 'jpy', 'kwd', 'eur'),
    interval: fc.constantFrom(null, 'month', 'year'),
    madeFor: fc.constantFrom(null, 'membership-tier:studio-circle'),
  })
  .map(({ amountCents, currency, interval, madeFor }) =>
    mapped({
      item: item({
        amountCents,
        currency,
        interval: interval as ItemSide['interval'],
        sourceKind: interval === null ? 'lesson-offering' : 'membership-tier',
      }),
      price: price({
        unitAmount: amountCents,
        currency,
        interval,
        intervalCount: interval === null ? null : 1,
        madeFor,
      }),
    }),
  )

const withPrice = (sides: MappedItem, fields: Partial<PriceSide>): MappedItem => ({
  ...sides,
  price: { ...(sides.price as PriceSide), ...fields },
})

const seeds: Record<string, { found: DriftClass; seed(sides: MappedItem): MappedItem }> = {
  'no mapping': {
    found: 'missing-price',
    seed: (sides) => ({ ...sides, item: { ...sides.item, stripePriceId: null }, price: null, product: null }),
  },
  'a price that Stripe does not have': {
    found: 'missing-price',
    seed: (sides) => ({ ...sides, price: null, product: null }),
  },
  'another amount': {
    found: 'amount',
    seed: (sides) => withPrice(sides, { unitAmount: sides.item.amountCents + 1 }),
  },
  'no fixed amount': { found: 'amount', seed: (sides) => withPrice(sides, { unitAmount: null }) },
  'another currency': { found: 'currency', seed: (sides) => withPrice(sides, { currency: 'chf' }) },
  'another currency and amount': {
    found: 'currency',
    seed: (sides) => withPrice(sides, { currency: 'chf', unitAmount: sides.item.amountCents + 1 }),
  },
  'another interval': {
    found: 'interval',
    seed: (sides) =>
      withPrice(sides, { interval: sides.item.interval === 'year' ? 'month' : 'year', intervalCount: 1 }),
  },
  'an archived price': { found: 'archived', seed: (sides) => withPrice(sides, { active: false }) },
  'an archived product': {
    found: 'archived',
    seed: (sides) => ({ ...sides, product: { id: 'prod_abcd', active: false } }),
  },
}

describe('an item and its price', () => {
  test('[DR-1] agree: nothing is found', () => {
    fc.assert(
      fc.property(agreeing, (sides) => {
        expect(judgeItem(sides)).toEqual([])
      }),
    )
  })

  test.each(Object.entries(seeds))(
    '[DR-1] %s is found as that and nothing else',
    (_name, { found, seed }) => {
      fc.assert(
        fc.property(agreeing, (sides) => {
          expect(judgeItem(seed(sides))).toEqual([found])
        }),
      )
    },
  )

  test('[DR-1] several differences are found beside each other, each once', () => {
    const sides = withPrice(mapped(), { unitAmount: 1300, interval: 'year', active: false })
    expect(judgeItem(sides)).toEqual(['amount', 'interval', 'archived'])
  })

  test('[DR-1] every third month is not every month', () => {
    expect(judgeItem(withPrice(mapped(), { intervalCount: 3 }))).toEqual(['interval'])
    expect(judgeItem(withPrice(mapped(), { interval: null, intervalCount: null }))).toEqual(['interval'])
  })

  test('[DR-2] an item that is not sold, or costs nothing and is mapped to nothing, has no drift', () => {
    fc.assert(
      fc.property(agreeing, fc.constantFrom(...Object.values(seeds)), (sides, { seed }) => {
        const seeded = seed(sides)
        expect(judgeItem({ ...seeded, item: { ...seeded.item, active: false } })).toEqual([])
      }),
    )
    const free = item({ amountCents: 0, stripePriceId: null })
    expect(judgeItem(mapped({ item: free, price: null, product: null }))).toEqual([])
  })

  test('[DR-3] nothing is claimed of Stripe while only this side is seen', () => {
    const unseen = { price: null, product: null, coverage: 'app-side-only' } as const
    expect(judgeItem(mapped(unseen))).toEqual([])
    expect(judgeItem(mapped({ ...unseen, item: item({ stripePriceId: null }) }))).toEqual(['missing-price'])
  })
})

describe('a price and its items', () => {
  const alone = {
    price: price(),
    product: { id: 'prod_abcd', active: true },
    items: [],
    productIsOurs: false,
  }

  test('[DR-4] one that nothing is mapped to is orphaned when its metadata or its product say that it is ours', () => {
    expect(judgePrice(alone)).toEqual([])
    expect(judgePrice({ ...alone, productIsOurs: true })).toEqual(['orphaned'])
    const made = { ...alone, price: price({ madeFor: 'lesson-offering:gone' }) }
    expect(judgePrice(made)).toEqual(['orphaned'])
    expect(judgePrice({ ...made, items: [item({ active: false })] })).toEqual([])
    expect(judgePrice({ ...made, price: { ...made.price, active: false } })).toEqual([])
    expect(judgePrice({ ...made, product: { id: 'prod_abcd', active: false } })).toEqual([])
    expect(judgePrice({ ...made, price: null, productIsOurs: true })).toEqual([])
  })

  test('[DR-4] a product with more than 200 prices says nothing of them', () => {
    expect(speaks({ prices: 200, mapped: true })).toBe(true)
    expect(speaks({ prices: 201, mapped: true })).toBe(false)
    expect(speaks({ prices: 1, mapped: false })).toBe(false)
  })

  test('[DR-5] two items that are sold on one price are one finding, with or without Stripe', () => {
    const two = [item(), item({ key: 'inner-circle' })]
    expect(judgePrice({ ...alone, items: two })).toEqual(['duplicate-mapping'])
    expect(judgePrice({ ...alone, price: null, product: null, items: two })).toEqual(['duplicate-mapping'])
    expect(judgePrice({ ...alone, items: [item(), item({ key: 'old', active: false })] })).toEqual([])
  })
})

describe('evidence', () => {
  const sealing = createSealing('a secret of at least thirty-two characters')

  test('[DR-6] the hash changes when anything compared changes on either side, and with nothing else', () => {
    const hashOf = (sides: MappedItem) => evidenceHash(sealing, 'amount', itemEvidence(sealing, sides))
    fc.assert(
      fc.property(agreeing, (sides) => {
        const before = hashOf(sides)
        const price = sides.price as PriceSide
        const others = [
          { ...sides, item: { ...sides.item, amountCents: sides.item.amountCents + 1 } },
          { ...sides, item: { ...sides.item, currency: 'chf' } },
          { ...sides, item: { ...sides.item, stripePriceId: 'price_efghcircle' } },
          withPrice(sides, { unitAmount: (price.unitAmount ?? 0) + 1 }),
          withPrice(sides, { active: false }),
          withPrice(sides, { id: 'price_efghcircle' }),
          { ...sides, product: { id: 'prod_abcd', active: false } },
        ]
        expect(new Set([before, ...others.map(hashOf)]).size).toBe(others.length + 1)
        expect(hashOf({ ...sides, item: { ...sides.item, title: 'Another' } })).toBe(before)
        expect(hashOf(structuredClone(sides))).toBe(before)
      }),
    )
  })

  test('[DR-7] neither evidence nor summary has an id of Stripe', () => {
    const sides = withPrice(mapped(), { unitAmount: 1300 })
    const two = { price: price(), product: null, items: [item(), item({ key: 'b' })], productIsOurs: false }
    const shown = JSON.stringify([
      itemEvidence(sealing, sides),
      priceEvidence(sealing, 'price_abcdcircle', two),
      ...(['missing-price', 'amount', 'currency', 'interval', 'archived'] as const).map((found) =>
        itemSummary(found, sides),
      ),
      ...(['orphaned', 'duplicate-mapping'] as const).map((found) =>
        priceSummary(found, 'price_abcdcircle', two),
      ),
    ])
    expect(shown).toContain('price_...rcle')
    expect(shown).toMatch(/price-[0-9a-f]{16}/)
    expect(shown).not.toMatch(/abcd/)
  })

  test('[DR-7] summaries say both sides as people read them', () => {
    const yen = mapped({
      item: item({ currency: 'jpy', amountCents: 8000 }),
      price: price({ currency: 'jpy', unitAmount: 9000 }),
    })
    expect(itemSummary('amount', yen)).toBe('Studio Circle costs ¥8,000 here and ¥9,000 at Stripe.')
    expect(itemSummary('amount', withPrice(yen, { unitAmount: null }))).toContain('no fixed amount')
    expect(itemSummary('interval', withPrice(mapped(), { intervalCount: 3 }))).toBe(
      'Studio Circle is paid every month here and every 3 months at Stripe.',
    )
    expect(
      priceSummary('orphaned', 'price_abcdcircle', { ...alonePrice, price: price({ currency: 'usdc' }) }),
    ).toContain('(1200 USDC)')
  })
  const alonePrice = { price: price(), product: null, items: [], productIsOurs: true }
})
