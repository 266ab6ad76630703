import { z } from 'zod'
import { type Context, write } from '../operation/define.ts'
import type { PlanBlocker } from '../operation/plan.ts'
import type { FindingRef } from '../sync-jobs/engine/findings.ts'
import {
  applyCommerce,
  COMMERCE,
  CONFIRM_ERRORS,
  CommerceOutput,
  confirmFields,
  findingField,
  planCommerce,
  RECORD,
} from './commerce.ts'
import { type CatalogItem, NEXT_STATUSES, type Status } from './rules.ts'
import { CONTRACT_ID, Key, Status as StatusSchema, WRITES } from './schema.ts'

export const lifecycleFields = { key: Key.describe('The tier'), status: StatusSchema, ...findingField }

export const membershipLifecycleConfirmedUpdate = write({
  id: 'catalog.membership-lifecycle.confirmed-update',
  tool: 'fanful_creator_membership_tier_lifecycle_update',
  surface: 'creator-commerce',
  summary: 'Put a membership tier on sale, retire it, or bring it back.',
  boundaries: [
    'From draft to active or retired, from active to retired, from retired to active; never back to draft.',
    'Who is in a retired tier stays in it; subscriptions at Stripe are not touched.',
  ],
  http: { method: 'POST', path: COMMERCE },
  access: WRITES,
  input: z.strictObject({
    action: z.literal('confirm_membership_tier_lifecycle_change'),
    ...lifecycleFields,
    ...confirmFields,
  }),
  output: CommerceOutput,
  errors: [...CONFIRM_ERRORS, 'status-redundant', 'status-forbidden'],
  confirmation: {
    kind: 'catalog-change',
    reason: 'What is active can be joined by everybody; what is retired by nobody.',
    contractId: CONTRACT_ID,
    action: 'creator.commerce.membership-lifecycle.update',
    envelope: true,
  },
  audit: {
    event: 'membership_tier_lifecycle_update',
    record: RECORD,
    attribution:
      'The redacted tier before and after, with identity, client, idempotency key and correlation id.',
  },
  preview: (ctx, input) => planLifecycle(ctx, input),
  apply: (ctx, plan, _input, subject) => applyCommerce(ctx, plan, subject),
})

type Input = { key: string; status: Status; finding?: FindingRef | undefined }

const planLifecycle = (ctx: Context, { key, status, finding }: Input) =>
  planCommerce(
    ctx,
    { sourceKind: 'membership-tier', key },
    { status },
    { finding, blockers: (tier) => transition(tier, status), warnings: (tier) => unpaid(tier, status) },
  )

function transition({ title, status: from }: CatalogItem, to: Status): PlanBlocker[] {
  const allowed = NEXT_STATUSES[from]
  if (from === to)
    return [{ code: 'status-redundant', message: `${title} is ${to} already.`, allowed: [...allowed] }]
  if (allowed.includes(to)) return []
  return [
    {
      code: 'status-forbidden',
      message: `${title} is ${from}; it cannot become ${to}.`,
      allowed: [...allowed],
    },
  ]
}

const unpaid = (tier: CatalogItem, to: Status): string[] =>
  to === 'active' && tier.amountCents > 0 && tier.stripePriceId === null
    ? ['It is mapped to no price at Stripe, so nobody can pay for it there yet.']
    : []
