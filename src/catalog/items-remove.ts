import { z } from 'zod'
import { type Context, write } from '../operation/define.ts'
import { PlanSchema } from '../operation/plan.ts'
import { observedOf, REDACTIONS, requireItem, targetOf } from './plan.ts'
import { type CatalogItem, refOf } from './rules.ts'
import { CONTRACT_ID, DryRun, ExpectedVersion, Key, Kind, ObservedUpdatedAt, WRITES } from './schema.ts'
import { deleteItem } from './store.ts'
import { hasOpenWrite } from './stripe/store.ts'
import { presentItem } from './view.ts'
import { KIND_NAMES } from './wording.ts'

export const itemsRemove = write({
  id: 'catalog.items.remove',
  tool: 'catalog_items_remove',
  surface: 'creator-commerce',
  summary: 'Remove a draft or a retired item from the catalog for good.',
  boundaries: [
    'An active item is not removed; retire it first.',
    'Nor is one whose price is still to be written at Stripe.',
    'Its price at Stripe stays as it is there.',
    'Its audit stays; its key is free again.',
  ],
  http: { method: 'DELETE', path: '/api/admin/catalog/items/{sourceKind}/{key}' },
  access: WRITES,
  input: z.strictObject({
    sourceKind: Kind,
    key: Key,
    expectedVersion: ExpectedVersion,
    observedUpdatedAt: ObservedUpdatedAt,
    dryRun: DryRun,
  }),
  output: z.object({
    ok: z.literal(true),
    mode: z.enum(['applied', 'preview']),
    plan: PlanSchema,
    removed: z.string().optional().describe('The id of the item that was removed'),
  }),
  errors: ['not-found', 'stale', 'plan-blocked', 'approval-required'],
  confirmation: {
    kind: 'catalog-change',
    reason: 'What is removed does not come back.',
    contractId: CONTRACT_ID,
    action: 'creator.commerce.items.remove-directly',
    envelope: false,
  },
  audit: {
    event: 'catalog_item_remove',
    record: 'catalog_items',
    attribution: 'The redacted item as it was, with the identity of the admin or the automation.',
  },
  async preview(ctx, { sourceKind, key }) {
    const item = await requireItem(ctx, { sourceKind, key })
    return {
      subject: item,
      target: targetOf(item),
      targetSummary: `Remove the ${KIND_NAMES[sourceKind]} ${item.title}.`,
      observed: [observedOf(item)],
      arguments: { sourceKind, key },
      changes: [
        { op: 'delete' as const, pointer: '', label: item.title, before: presentItem(item), after: null },
      ],
      affectedSurfaces: ['creator-commerce manifest'],
      blockers: (await standing(ctx, item)).map((message) => ({ code: 'plan-blocked' as const, message })),
      warnings:
        item.stripePriceId === null
          ? []
          : ['Its price at Stripe stays; archive it there if nobody is to pay it.'],
      confirmationText: `I confirm removing ${item.title} from the catalog.`,
      redactions: REDACTIONS,
    }
  },
  async apply(ctx, plan, _input, item) {
    await deleteItem(ctx.db, ctx.org, item)
    const removed = refOf(item)
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, removed },
      previous: presentItem(item),
      next: { id: removed },
    }
  },
})

/** Why an item stays for now. What a job makes at Stripe for what is gone would be nobody's. */
const standing = async (ctx: Context, item: CatalogItem): Promise<string[]> => [
  ...(item.active ? [`${item.title} is active; retire it first.`] : []),
  ...((await hasOpenWrite(ctx.db, ctx.org, item))
    ? ['Its price is still to be written at Stripe; wait until that is done.']
    : []),
]
