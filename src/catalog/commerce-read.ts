import { z } from 'zod'
import type { Principal } from '../access/principal.ts'
import { admits } from '../operation/admit.ts'
import { type Context, read } from '../operation/define.ts'
import {
  DescriptorSchema,
  describe,
  PrincipalSchema,
  presentPrincipal,
  SurfaceSchema,
  surfaceOf,
} from '../operation/manifest.ts'
import { stripeOf } from '../stripe/client.ts'
import { COMMERCE } from './commerce.ts'
import type { CatalogItem, SourceKind } from './rules.ts'
import { ItemSchema, READS, WRITES } from './schema.ts'
import { listItems } from './store.ts'
import { presentItem } from './view.ts'

/** What a manifest can carry; the rest is in the list of items. */
const MOST_OF_A_KIND = 200

const Listed = ItemSchema.partial({
  status: true,
  visible: true,
  hasStripePrice: true,
  redactedStripePriceId: true,
  version: true,
  createdAt: true,
})

export const commerceRead = read({
  id: 'catalog.commerce.read',
  tool: 'creator_commerce_read',
  surface: 'creator-commerce',
  summary:
    'Read lessons, store items and membership tiers, and every write of them with what this caller may do.',
  boundaries: [
    'Guests and listeners see what is active and visible, without mappings and counts of people.',
    'Shows no id of Stripe, to nobody; those who administer see the last four characters.',
  ],
  http: { method: 'GET', path: COMMERCE },
  access: { auth: 'optional-session' },
  input: z.strictObject({}),
  output: z.object({
    ok: z.literal(true),
    version: z.literal('agent-creator-commerce.v1'),
    generatedAt: z.string(),
    surface: SurfaceSchema,
    principal: PrincipalSchema,
    lessonOfferings: z.array(Listed),
    storeItems: z.array(Listed),
    membershipTiers: z.array(Listed),
    truncated: z.boolean().describe('A kind has more items than a manifest carries; list them'),
    stripe: z.object({ configured: z.boolean() }).nullable().describe('For those who administer'),
    redactedFields: z.array(z.string()),
    operations: z.array(DescriptorSchema),
    policy: z.object({
      writeConfirmation: z.string(),
      attribution: z.string(),
      priceChanges: z.string(),
      secretHandling: z.string(),
    }),
  }),
  errors: [],
  audit: { none: 'A read changes nothing; admins see more of the catalog, never an id of Stripe.' },
  resource: { uri: 'fanful://agent/creator-commerce/manifest', title: 'Creator commerce manifest' },
  async run(ctx) {
    const administers = admits(READS, ctx.principal)
    const [lessons, products, tiers] = await Promise.all([
      itemsOf(ctx, 'lesson-offering', administers),
      itemsOf(ctx, 'shop-product', administers),
      itemsOf(ctx, 'membership-tier', administers),
    ])
    return {
      ok: true as const,
      version: 'agent-creator-commerce.v1' as const,
      generatedAt: ctx.now.toISOString(),
      surface: surfaceOf('creator-commerce', ctx.org),
      principal: presentPrincipal(ctx.principal, capabilities(ctx.principal)),
      lessonOfferings: lessons.items,
      storeItems: products.items,
      membershipTiers: tiers.items,
      truncated: [lessons, products, tiers].some(({ more }) => more),
      stripe: administers ? { configured: stripeOf(ctx.deps, ctx.org) !== undefined } : null,
      redactedFields: ['stripePriceId', 'stripeProductId', 'customerId', 'checkoutSessionId'],
      operations: ctx.deps.operations
        .filter(({ surface }) => surface === 'creator-commerce')
        .map((operation) => describe(operation, ctx.call.origin, ctx.principal)),
      policy: POLICY,
    }
  },
})

async function itemsOf(ctx: Context, kind: SourceKind, administers: boolean) {
  const filter = { kinds: [kind], listed: !administers, limit: MOST_OF_A_KIND }
  const rows = await listItems(ctx.db, ctx.org, filter)
  const shown = administers ? presentItem : presentListed
  return { items: rows.slice(0, MOST_OF_A_KIND).map(shown), more: rows.length > MOST_OF_A_KIND }
}

/** An item as a guest sees it: what is offered, not how it is managed or who bought it. */
function presentListed(item: CatalogItem): z.input<typeof Listed> {
  const { id, sourceKind, key, title, active, amountCents, currency, interval, price, updatedAt, ...rest } =
    presentItem(item)
  const { bookedSessions: _sessions, members: _members, ...details } = rest.details
  return { id, sourceKind, key, title, active, amountCents, currency, interval, price, details, updatedAt }
}

function capabilities(principal: Principal): Record<string, boolean> {
  const writes = admits(WRITES, principal)
  return {
    readPublicCatalog: true,
    readWholeCatalog: admits(READS, principal),
    readStripeReadiness: admits(READS, principal),
    updateLessonPrice: writes,
    mapStripePrice: writes,
    manageMembershipTiers: writes,
    manageStoreItems: writes,
  }
}

const POLICY = {
  writeConfirmation:
    'Every write is previewed, then confirmed with the exact text or approved by a person as the exact plan.',
  attribution: 'Writes carry the admin, automation or grant that made them, and the client it used.',
  priceChanges:
    'A new price of a mapped item is made at Stripe after the write, the mapping moves to it, and the old one is archived; the answer says pending, catalog.stripe-writes.list what became of it.',
  secretHandling:
    'Ids of prices are accepted and stored, and shown by their last four characters; keys of Stripe are the operator’s and never travel.',
}
