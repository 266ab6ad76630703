import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { DateTime, Key, Kind, READS } from './schema.ts'
import { WRITE_STATUSES } from './stripe/rules.ts'
import { listWrites } from './stripe/store.ts'
import { presentWrite, StripeWriteSchema } from './stripe/view.ts'

export const stripeWritesList = read({
  id: 'catalog.stripe-writes.list',
  tool: 'catalog_stripe_writes_list',
  surface: 'creator-commerce',
  summary: 'Read what became at Stripe of confirmed writes of the catalog, newest first.',
  boundaries: ['Prices at Stripe appear by their last four characters only.'],
  http: { method: 'GET', path: '/api/admin/catalog/stripe-writes' },
  access: READS,
  input: z.strictObject({
    id: z.string().min(1).max(80).optional().describe('One of them, as the write answered it'),
    sourceKind: Kind.optional(),
    key: Key.optional(),
    status: z.enum(WRITE_STATUSES).optional(),
    limit: z.int().min(1).max(100).optional(),
    cursor: z.string().max(400).optional(),
  }),
  output: z.object({
    ok: z.literal(true),
    writes: z.array(StripeWriteSchema),
    nextCursor: z.string().nullable(),
  }),
  errors: ['cursor-invalid', 'not-found', 'validation-failed'],
  audit: { none: 'A read changes nothing.', record: 'stripe_writes' },
  async run(ctx, { cursor, limit = 50, ...filters }) {
    const { id, sourceKind, key, status } = filters
    if ((sourceKind === undefined) !== (key === undefined))
      fail('validation-failed', {
        detail: 'An item is named by sourceKind and key together.',
        errors: [{ pointer: sourceKind === undefined ? '/sourceKind' : '/key', message: 'is needed too' }],
      })
    const listing = { list: 'catalog.stripe-writes', filters }
    const [at, lastId] = readCursor(ctx, listing, cursor, z.tuple([DateTime, z.string()])) ?? []
    const rows = await listWrites(ctx.db, ctx.org, {
      id,
      status,
      limit,
      ...(sourceKind && key ? { item: { sourceKind, key } } : {}),
      ...(at && lastId ? { before: { createdAt: new Date(at), id: lastId } } : {}),
    })
    if (id !== undefined && rows.length === 0) fail('not-found', `There is no write ${id}.`)
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    const nextCursor =
      last && rows.length > limit ? signCursor(ctx, listing, [last.createdAt.toISOString(), last.id]) : null
    return { ok: true as const, writes: page.map(presentWrite), nextCursor }
  },
})
