import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { ItemSchema, Key, Kind, READS, Status } from './schema.ts'
import { listItems } from './store.ts'
import { presentItem } from './view.ts'

export const itemsList = read({
  id: 'catalog.items.list',
  tool: 'catalog_items_list',
  surface: 'creator-commerce',
  summary: 'List lessons, store items and membership tiers by kind and key, whatever their status.',
  boundaries: ['Prices at Stripe appear by their last four characters only.'],
  http: { method: 'GET', path: '/api/admin/catalog/items' },
  access: READS,
  input: z.strictObject({
    sourceKind: Kind.optional(),
    status: Status.optional(),
    limit: z.int().min(1).max(200).optional(),
    cursor: z.string().max(400).optional(),
  }),
  output: z.object({ ok: z.literal(true), items: z.array(ItemSchema), nextCursor: z.string().nullable() }),
  errors: ['cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { sourceKind, status, limit = 50, cursor }) {
    const listing = { list: 'catalog.items', filters: { sourceKind, status } }
    const [kind, key] = readCursor(ctx, listing, cursor, z.tuple([Kind, Key])) ?? []
    const rows = await listItems(ctx.db, ctx.org, {
      limit,
      ...(sourceKind ? { kinds: [sourceKind] } : {}),
      ...(status ? { statuses: [status] } : {}),
      ...(kind && key ? { after: { sourceKind: kind, key } } : {}),
    })
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    const nextCursor =
      last && rows.length > limit ? signCursor(ctx, listing, [last.sourceKind, last.key]) : null
    return { ok: true as const, items: page.map(presentItem), nextCursor }
  },
})
