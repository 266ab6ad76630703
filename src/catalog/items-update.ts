import { z } from 'zod'
import { write } from '../operation/define.ts'
import { changeItem } from './apply.ts'
import { planUpdate, requireItem } from './plan.ts'
import type { CatalogItem } from './rules.ts'
import {
  AmountCents,
  CONTRACT_ID,
  Currency,
  Details,
  DryRun,
  ExpectedVersion,
  Interval,
  Key,
  Kind,
  ObservedUpdatedAt,
  PriceId,
  Status,
  Title,
  WRITES,
  WriteOutput,
} from './schema.ts'
import { presentItem } from './view.ts'
import { PRICE_FIELDS } from './wording.ts'

const changes = {
  title: Title.optional(),
  status: Status.optional().describe('retired takes it off sale and keeps it'),
  visible: z.boolean().optional(),
  amountCents: AmountCents.optional(),
  currency: Currency.optional(),
  interval: Interval.optional(),
  stripePriceId: PriceId.nullable().optional().describe('null removes the mapping'),
  details: Details.optional().describe('Replaces all of them'),
}

export const itemsUpdate = write({
  id: 'catalog.items.update',
  tool: 'catalog_items_update',
  surface: 'creator-commerce',
  summary: 'Change a lesson, a store item or a membership tier directly: what is left out stays.',
  boundaries: [
    'Changes the catalog only: a price that is mapped stays as it is at Stripe. The confirmed writes of creator-commerce change both.',
    'The id of a price at Stripe is stored, and shown by its last four characters only.',
  ],
  http: { method: 'PATCH', path: '/api/admin/catalog/items/{sourceKind}/{key}' },
  access: WRITES,
  input: z.strictObject({
    sourceKind: Kind,
    key: Key,
    ...changes,
    expectedVersion: ExpectedVersion,
    observedUpdatedAt: ObservedUpdatedAt,
    dryRun: DryRun,
  }),
  output: WriteOutput,
  errors: ['not-found', 'stale', 'plan-blocked', 'validation-failed', 'approval-required'],
  confirmation: {
    kind: 'catalog-change',
    reason: 'What is offered, and for how much, is what people buy.',
    contractId: CONTRACT_ID,
    action: 'creator.commerce.items.update-directly',
    envelope: false,
  },
  audit: {
    event: 'catalog_item_update',
    record: 'catalog_items',
    attribution: 'The redacted item before and after, with the identity of the admin or the automation.',
  },
  async preview(ctx, input) {
    const { sourceKind, key, dryRun: _d, expectedVersion: _v, observedUpdatedAt: _o, ...named } = input
    const before = await requireItem(ctx, { sourceKind, key })
    const plan = planUpdate(ctx, before, named)
    return { ...plan, warnings: [...(plan.warnings ?? []), ...apartFromStripe(before, plan.subject.fields)] }
  },
  async apply(ctx, plan, _input, subject) {
    const item = presentItem(await changeItem(ctx, plan, subject))
    const previous = presentItem(subject.before)
    return { output: { ok: true as const, mode: 'applied' as const, plan, item }, previous, next: item }
  },
})

/** Here the catalog and Stripe part; said before it is done. */
const apartFromStripe = (before: CatalogItem, fields: readonly string[]): string[] =>
  before.stripePriceId !== null &&
  !fields.includes('stripePriceId') &&
  fields.some((field) => (PRICE_FIELDS as readonly string[]).includes(field))
    ? ['Only the catalog changes: the price at Stripe stays, and the next scan tells of the difference.']
    : []
