import sql from 'sql-template-tag'
import type { Written } from '../../src/catalog/rules.ts'
import { putFindings } from '../../src/sync-jobs/engine/findings-store.ts'
import type { Caller, Reply, TestApp } from './app.ts'

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

export const COMMERCE = '/api/agent/creator-commerce'

/** The writes of commerce: the words of their `action`, and the action that their envelopes name. */
const WRITES = {
  lessonPrice: ['lesson_price_change', 'lesson-price.update'],
  lessonMapping: ['lesson_stripe_price_change', 'lesson-stripe-price.update'],
  tierMapping: ['membership_stripe_price_change', 'membership-stripe-price.update'],
  lifecycle: ['membership_tier_lifecycle_change', 'membership-lifecycle.update'],
  shopCreate: ['shop_product_create', 'shop-product.create'],
  visibility: ['shop_product_visibility_change', 'shop-visibility.update'],
  shopDetails: ['shop_product_details_change', 'shop-details.update'],
} as const
export type CommerceWrite = keyof typeof WRITES

type Asked = { key?: string; approval?: { id: string; planDigest: string }; observedUpdatedAt?: string }

/** What a write of commerce would do, by its preview operation. */
export const previewed = (
  caller: Caller,
  write: CommerceWrite,
  input: Record<string, unknown>,
): Promise<Reply> => caller.call('POST', COMMERCE, { action: `preview_${WRITES[write][0]}`, ...input })

/** Confirms what a preview showed. */
export function confirm(
  caller: Caller,
  write: CommerceWrite,
  input: Record<string, unknown>,
  { body }: Reply,
  asked: Asked = {},
): Promise<Reply> {
  const observedUpdatedAt = asked.observedUpdatedAt ?? body.observedUpdatedAt
  return caller.call('POST', COMMERCE, {
    action: `confirm_${WRITES[write][0]}`,
    ...input,
    ...(observedUpdatedAt ? { observedUpdatedAt } : {}),
    envelope: {
      contract: 'agent-write-envelope.v1',
      contractId: 'creator.commerce.catalog',
      actionMode: 'execute',
      dryRun: false,
      actor: 'Test',
      client: 'client-test',
      action: `creator.commerce.${WRITES[write][1]}`,
      target: body.plan.target.id === null ? {} : { id: body.plan.target.id },
      confirmation: { text: body.confirmationText, acknowledgedRisk: true },
      idempotencyKey: asked.key ?? `test-${crypto.randomUUID()}`,
      reason: 'Tested.',
      auditCorrelationId: 'test',
      ...(asked.approval ? { approval: asked.approval } : {}),
    },
  })
}

/** Previews a write of commerce and confirms it; a refused preview is the answer. */
export async function confirmed(
  caller: Caller,
  write: CommerceWrite,
  input: Record<string, unknown>,
  asked: Asked = {},
): Promise<Reply> {
  const seen = await previewed(caller, write, input)
  return seen.status === 200 ? confirm(caller, write, input, seen, asked) : seen
}

/** A finding of laurel's lesson as a scan leaves it; found again with another evidence, it is another to who read it. */
export async function finding(app: TestApp, evidenceHash = 'evidence-1', key = 'intro-guitar-lesson') {
  const own = { org: 'laurel', jobId: 'sync-job-test' }
  const ref = { jobId: own.jobId, fingerprint: `finding-of-${key}`, evidenceHash }
  const of = { class: 'amount', sourceKind: 'lesson-offering', key, summary: 'Stripe charges $70.00.' }
  const draft = { ...ref, ...of, evidence: {}, needsPerson: false }
  await app.deps.db.transaction(async (tx) => {
    await tx.query(
      sql`INSERT INTO sync_jobs (org, id) VALUES (${own.org}, ${own.jobId}) ON CONFLICT DO NOTHING`,
    )
    await putFindings(tx, own, [draft], { runId: 'run-1', now: new Date() })
  })
  return ref
}
