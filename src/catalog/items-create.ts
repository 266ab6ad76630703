import { z } from 'zod'
import { write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { slugOf } from '../slug.ts'
import { createItem } from './apply.ts'
import { planCreate } from './plan.ts'
import type { SourceKind, Written } from './rules.ts'
import {
  AmountCents,
  CONTRACT_ID,
  Currency,
  Details,
  DryRun,
  Interval,
  Key,
  Kind,
  PriceId,
  Status,
  Title,
  WRITES,
  WriteOutput,
} from './schema.ts'

/** What a new item is made from, on every route that makes one. */
export const newFields = {
  key: Key.optional().describe('Its name in links, within its kind; made from the title unless told'),
  title: Title,
  status: Status.optional().describe('draft unless told'),
  visible: z.boolean().optional().describe('Whether guests see it while it is active; true unless told'),
  amountCents: AmountCents,
  currency: Currency,
  details: Details.optional(),
}

const NewItem = z.strictObject({
  ...newFields,
  interval: Interval.optional(),
  stripePriceId: PriceId.optional(),
})
export type NewItem = z.output<typeof NewItem>

/** An item as it is to be, with everything that was left out. */
export function newItem(sourceKind: SourceKind, input: NewItem, at = ''): Written {
  const key = input.key ?? slugOf(input.title, 80)
  if (key === '')
    fail('validation-failed', {
      detail: 'The title makes no key; send one.',
      errors: [{ pointer: `${at}/key`, message: 'is needed, since the title makes none' }],
    })
  const { title, amountCents, currency, status = 'draft', visible = true, details = {} } = input
  const { interval = null, stripePriceId = null } = input
  return { sourceKind, key, title, status, visible, amountCents, currency, interval, stripePriceId, details }
}

export const itemsCreate = write({
  id: 'catalog.items.create',
  tool: 'catalog_items_create',
  surface: 'creator-commerce',
  summary: 'Create a lesson, a store item or a membership tier directly, as an admin or approved automation.',
  boundaries: [
    'The id of a price at Stripe is stored, and shown by its last four characters only.',
    'Nothing is made or changed at Stripe.',
    'Tiers need an interval; nothing else takes one.',
  ],
  http: { method: 'POST', path: '/api/admin/catalog/items' },
  access: WRITES,
  input: NewItem.extend({ sourceKind: Kind, dryRun: DryRun }),
  output: WriteOutput,
  errors: ['conflict', 'validation-failed', 'approval-required'],
  status: 201,
  confirmation: {
    kind: 'catalog-change',
    reason: 'What is offered, and for how much, is what people buy.',
    contractId: CONTRACT_ID,
    action: 'creator.commerce.items.create-directly',
    envelope: false,
  },
  audit: {
    event: 'catalog_item_create',
    record: 'catalog_items',
    attribution: 'The redacted new item, with the identity of the admin or the automation.',
  },
  preview: (ctx, { sourceKind, dryRun: _dryRun, ...input }) => planCreate(ctx, newItem(sourceKind, input)),
  async apply(ctx, plan, _input, subject) {
    const item = await createItem(ctx, subject)
    return { output: { ok: true as const, mode: 'applied' as const, plan, item }, previous: null, next: item }
  },
})
