import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import type { CatalogItem } from './rules.ts'
import { Key, Kind, READS } from './schema.ts'
import { countReadiness, listItems } from './store.ts'
import { presentReference } from './view.ts'

const MISSING = ['stripe-price'] as const

const Reference = z.object({
  key: z.string().describe('The kind and the key of the item'),
  sourceKind: Kind,
  title: z.string(),
  updatedAt: z.string(),
  active: z.boolean(),
  amountCents: z.number().int(),
  currency: z.string(),
  modelVisibleReference: z.string(),
  hasStripePrice: z.boolean(),
  redactedStripePriceId: z.string().nullable(),
  ready: z.boolean(),
  missing: z.array(z.enum(MISSING)),
})

const Counts = z.object({
  total: z.number().int(),
  active: z.number().int(),
  mapped: z.number().int(),
  activeUnmapped: z.number().int().describe('Active, to be paid for, and mapped to no price'),
  sharedPrices: z.number().int().describe('Prices that more than one item is mapped to'),
})

export const stripeReadiness = read({
  id: 'catalog.stripe.readiness',
  tool: 'catalog_stripe_readiness',
  surface: 'creator-commerce',
  summary:
    'Read how ready the catalog is to be sold through Stripe: every item’s reference and what is missing.',
  boundaries: [
    'References and the last four characters of a price; never an id of Stripe.',
    'Says what the catalog has. Whether Stripe has the same is what the sync job finds.',
  ],
  http: { method: 'GET', path: '/api/admin/stripe-catalog' },
  access: READS,
  input: z.strictObject({
    sourceKind: Kind.optional(),
    limit: z.int().min(1).max(500).optional(),
    cursor: z.string().max(400).optional(),
  }),
  output: z.object({
    ok: z.literal(true),
    generatedAt: z.string(),
    ready: z
      .boolean()
      .describe('Every active item that costs something is mapped, and to a price of its own'),
    counts: Counts,
    countsByKind: z.record(Kind, Counts.omit({ sharedPrices: true })),
    references: z.array(Reference),
    nextCursor: z.string().nullable(),
    redactedFields: z.array(z.string()),
  }),
  errors: ['cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { sourceKind, limit = 200, cursor }) {
    const listing = { list: 'catalog.stripe', filters: { sourceKind } }
    const [kind, key] = readCursor(ctx, listing, cursor, z.tuple([Kind, Key])) ?? []
    const rows = await listItems(ctx.db, ctx.org, {
      limit,
      ...(sourceKind ? { kinds: [sourceKind] } : {}),
      ...(kind && key ? { after: { sourceKind: kind, key } } : {}),
    })
    const { kinds, sharedPrices } = await countReadiness(ctx.db, ctx.org)
    const of = (each: CatalogItem['sourceKind']) => kinds.find((row) => row.sourceKind === each) ?? NOTHING
    const sum = (field: keyof typeof NOTHING) => kinds.reduce((total, row) => total + row[field], 0)
    const counts = {
      total: sum('total'),
      active: sum('active'),
      mapped: sum('mapped'),
      activeUnmapped: sum('activeUnmapped'),
      sharedPrices,
    }
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    return {
      ok: true as const,
      generatedAt: ctx.now.toISOString(),
      ready: counts.activeUnmapped === 0 && sharedPrices === 0,
      counts,
      countsByKind: {
        'lesson-offering': of('lesson-offering'),
        'shop-product': of('shop-product'),
        'membership-tier': of('membership-tier'),
      },
      references: page.map((item) => {
        const missing = missingOf(item)
        return { ...presentReference(item), ready: missing.length === 0, missing }
      }),
      nextCursor: last && rows.length > limit ? signCursor(ctx, listing, [last.sourceKind, last.key]) : null,
      redactedFields: ['stripePriceId'],
    }
  },
})

const NOTHING = { total: 0, active: 0, mapped: 0, activeUnmapped: 0 }

/** What is free needs no price. */
const missingOf = (item: CatalogItem): (typeof MISSING)[number][] =>
  item.active && item.amountCents > 0 && item.stripePriceId === null ? ['stripe-price'] : []
