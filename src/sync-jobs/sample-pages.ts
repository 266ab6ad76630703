/** One record of the contract's simulation, as the application holds it. */
export type SampleRecord = {
  sourceKind: 'lesson-offering' | 'shop-product' | 'membership-tier'
  slug: string
  title: string
  updatedAt: string
  active: boolean
  amountCents: number
  currency: string
  /** As Stripe names it; it is shown redacted. */
  stripePriceId: string | null
}

export type SamplePage = { id: string; records: readonly SampleRecord[] }

const lesson: SampleRecord = {
  sourceKind: 'lesson-offering',
  slug: 'intro-guitar-lesson',
  title: 'Intro guitar lesson',
  updatedAt: '2026-05-16T07:00:00.000Z',
  active: true,
  amountCents: 7500,
  currency: 'usd',
  stripePriceId: 'price_sampleintro',
}
const score: SampleRecord = {
  sourceKind: 'shop-product',
  slug: 'signed-score-download',
  title: 'Signed score download',
  updatedAt: '2026-05-16T07:05:00.000Z',
  active: true,
  amountCents: 1800,
  currency: 'usd',
  stripePriceId: null,
}
const circle: SampleRecord = {
  sourceKind: 'membership-tier',
  slug: 'studio-circle',
  title: 'Studio Circle',
  updatedAt: '2026-05-16T07:10:00.000Z',
  active: true,
  amountCents: 1200,
  currency: 'usd',
  stripePriceId: 'price_samplecircle',
}

/** The contract's two pages: the second begins with what the first ended with, as after a resumption. */
export const SAMPLE_PAGES: readonly SamplePage[] = [
  { id: 'first-page', records: [lesson, score] },
  { id: 'resume-page-with-overlap', records: [score, circle] },
]

/** When the scan of the sample ended, which is when its checkpoint was last complete. */
export const SAMPLE_ENDED_AT = new Date('2026-05-16T07:15:00.000Z')
