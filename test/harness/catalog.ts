import type { Written } from '../../src/catalog/rules.ts'

/** The contract's own lesson; a write of the catalog's store takes it with any of its fields replaced. */
export const lesson = (fields: Partial<Written> = {}): Written => ({
  sourceKind: 'lesson-offering',
  key: 'intro-guitar-lesson',
  title: 'Intro guitar lesson',
  status: 'active',
  visible: true,
  amountCents: 7500,
  currency: 'usd',
  interval: null,
  stripePriceId: 'price_abcdintro',
  details: {},
  ...fields,
})

export const product = (fields: Partial<Written> = {}): Written => ({
  ...lesson({ sourceKind: 'shop-product', key: 'signed-score-download', title: 'Signed score download' }),
  amountCents: 1800,
  stripePriceId: null,
  ...fields,
})

export const tier = (fields: Partial<Written> = {}): Written => ({
  ...lesson({ sourceKind: 'membership-tier', key: 'studio-circle', title: 'Studio Circle' }),
  amountCents: 1200,
  interval: 'month',
  stripePriceId: 'price_abcdcircle',
  ...fields,
})
