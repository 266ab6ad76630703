import { afterEach, beforeEach, expect, test } from 'vitest'
import { insertItem } from '../src/catalog/store.ts'
import { writeAtStripe } from '../src/catalog/stripe/job.ts'
import type { StripeServer } from '../src/demo/stripe/server.ts'
import { STRIPE_CATALOG } from '../src/sync-jobs/stripe-catalog/definition.ts'
import { fixFor } from '../src/sync-jobs/stripe-catalog/fixes.ts'
import type { Caller, TestApp } from './harness/app.ts'
import { COMMERCE, type CommerceWrite, confirm, lesson, product, tier } from './harness/catalog.ts'
import { driftApp, open, openFindings, scan } from './harness/drift.ts'

let drift: Awaited<ReturnType<typeof driftApp>>
let app: TestApp
let stripe: StripeServer
let owner: Caller
const mapped: Record<string, string> = {}

const monthly = {
  interval: 'month',
  interval_count: 1,
  trial_period_days: null,
  usage_type: 'licensed',
} as const
const WRITES: Record<string, CommerceWrite> = {
  'lesson-offering': 'lessonMapping',
  'membership-tier': 'tierMapping',
  'shop-product': 'shopDetails',
}

beforeEach(async () => {
  drift = await driftApp(['laurel'])
  app = drift.app
  stripe = drift.stripe()
  owner = await app.person('laurel', 'owner')
  for (const item of [lesson(), product(), tier()]) {
    const { id: of } = stripe.state.addProduct({ name: item.title })
    const recurring = item.interval ? { recurring: monthly } : {}
    const price = stripe.state.addPrice({ product: of, unit_amount: item.amountCents, ...recurring })
    mapped[item.sourceKind] = price.id
    await app.deps.db.transaction((tx) =>
      insertItem(tx, 'laurel', { ...item, stripePriceId: price.id }, app.deps.clock()),
    )
  }
  await scan(app, 'laurel', 'full')
  expect(await open(app, 'laurel')).toEqual([])
})
afterEach(() => drift.close())

const at = (kind: string) => mapped[kind] as string
const patch = (path: string, body: Record<string, unknown>) =>
  owner.call('PATCH', `/api/admin/catalog/items/${path}`, body)

test.each<[string, string, () => unknown]>([
  [
    'another amount at Stripe',
    'amount',
    () => stripe.state.setPrice(at('lesson-offering'), { unit_amount: 7000 }),
  ],
  [
    'another amount here',
    'amount',
    () => patch('lesson-offering/intro-guitar-lesson', { amountCents: 9000 }),
  ],
  [
    'another amount of a store item',
    'amount',
    () => stripe.state.setPrice(at('shop-product'), { unit_amount: 1900 }),
  ],
  ['an archived price', 'archived', () => stripe.state.setPrice(at('membership-tier'), { active: false })],
  ['another interval here', 'interval', () => patch('membership-tier/studio-circle', { interval: 'year' })],
  [
    'no mapping',
    'missing-price',
    () => patch('lesson-offering/intro-guitar-lesson', { stripePriceId: null }),
  ],
])('[CA-29] %s is found, fixed as the finding says, and gone with the next scan', async (_, kind, cause) => {
  await cause()
  await scan(app, 'laurel', 'full')
  const [finding] = (await openFindings(app, 'laurel')).filter((each) => each.class === kind)
  expect(finding, (await open(app, 'laurel')).join()).toBeDefined()
  const { fingerprint, evidenceHash, sourceKind } = finding!
  const ref = { jobId: STRIPE_CATALOG, fingerprint, evidenceHash }
  const { action: _action, ...fix } = fixFor(finding!)!.preview.input
  const input = { ...fix, finding: ref }
  const seen = await owner.call('POST', COMMERCE, { ...fixFor(finding!)!.preview.input, finding: ref })
  expect(seen.status, JSON.stringify(seen.body)).toBe(200)
  const done = await confirm(owner, WRITES[sourceKind]!, input, seen)
  expect(done.status, JSON.stringify(done.body)).toBe(200)
  const { write } = done.body.stripe
  const signal = new AbortController().signal
  if (write) await writeAtStripe(app.deps, { data: { org: 'laurel', id: write.id }, last: false, signal })
  await scan(app, 'laurel', 'full')
  const left = await openFindings(app, 'laurel')
  // a price that somebody unmapped by hand stays at Stripe, for a person to judge
  expect(left.filter((each) => each.class !== 'orphaned')).toEqual([])
  if (left.length > 0) return
  const again = await owner.call('POST', COMMERCE, { ...fixFor(finding!)!.preview.input, finding: ref })
  expect(again.body.code).toBe('conflict')
})
